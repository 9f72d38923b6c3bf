"""Going on with a run that stopped: with the same recipe, from the newest whole checkpoint."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from zoo.amounts import plural
from zoo.errors import FaultError, UserError
from zoo.training import checkpoint
from zoo.training.cluster import Group
from zoo.training.folder import RunFolder
from zoo.training.other_data import changes
from zoo.training.recipe import Recipe

# What may be another: where files are, how much time and memory there is; and how long to train,
# which is said.
_FREE = {
    "": {"name", "minutes", "checkpoint", "epochs"},
    "data": {"path", "place", "cache", "cache_gib", "cache_disk_gib", "threads"},
}


def as_begun(recipe: Recipe, folder: RunFolder) -> Recipe:
    """Returns a recipe with what was chosen for it when the run began: the precision.

    Args:
        recipe: The one to go on with.
        folder: Of the run.
    """
    if recipe.precision != "auto":
        return recipe
    return recipe.model_copy(update={"precision": folder.recipe().precision})


def check_same(recipe: Recipe, begun: Recipe) -> str:
    """Refuses to go on with another recipe: the run would be neither the one nor the other.

    But for the epochs: more may be wanted once the run is seen.

    Args:
        recipe: The one to go on with, as resolved as ``begun``.
        begun: The one that the run began with.

    Returns:
        A sentence if it is to be longer or shorter, else nothing.

    Raises:
        UserError: For the first field that differs and would change what is learnt.
    """
    now, then = (one.model_dump(mode="json") for one in (recipe, begun))
    for section, values in then.items():
        if section in _FREE[""]:
            continue
        fields = values if isinstance(values, dict) and isinstance(now[section], dict) else None
        names = [""] if fields is None else sorted({*fields, *now[section]})
        for name in names:
            if name and name in _FREE.get(section, ()):
                continue
            old = values.get(name) if name else values
            new = now[section].get(name) if name else now[section]
            if old != new:
                key = f"{section}.{name}" if name else section
                raise UserError(
                    f"the run was begun with {key}={old!r}, not {new!r}; go on with the recipe "
                    "that it was begun with, or begin another run"
                )
    if recipe.epochs == begun.epochs:
        return ""
    return (
        f"epochs={begun.epochs} became {recipe.epochs}: from here on the learning rate is that of "
        f"a run of {plural(recipe.epochs, 'epoch')}"
    )


def check_same_data(facts: Mapping[str, Any], folder: RunFolder) -> None:
    """Refuses to go on with other data: other steps, in another order.

    Where they lie is of no account.

    Args:
        facts: What is known of the data now, as the run folder says it of those begun with.
        folder: Of the run.

    Raises:
        UserError: If they are others, and in what.
    """
    if what := changes(folder.data(), facts):
        raise UserError(
            f"the data are not those that {folder.path} was begun with ({what}); restore them, or "
            "train anew into another --run"
        )


def restore_newest(
    folder: RunFolder, variables: Mapping[str, Any], epochs: int, group: Group
) -> tuple[checkpoint.Progress, str]:
    """Restores the newest checkpoint that is whole, and makes it the last.

    Args:
        folder: Of the run.
        variables: As :func:`zoo.training.checkpoint.variables_of` returns them.
        epochs: Of the whole run.
        group: Who all restore it.

    Returns:
        How far the run had come, and a sentence about it.

    Raises:
        UserError: If none is whole, or they belong to another network.
        FaultError: If one cannot be read for another reason than its damage, or is another one
            than other workers have read; all stay as they are.
    """
    damaged: checkpoint.DamagedError | None = None
    for path in folder.saved:
        try:
            state = checkpoint.restore(path, variables)
        except checkpoint.DamagedError as error:
            damaged = damaged or error
            continue
        place = f"step {state.step} of epoch {state.epoch + 1}" if state.step else ""
        place = place or f"epoch {state.epoch}"
        said = f"resuming {folder.path} after {place} of {epochs}"
        if damaged is not None:
            said += f" (from {path.name}: {folder.last.name} is damaged)"
        if state.best_epoch and not _is_whole(folder.chosen):
            # Found out now, while there may be epochs left to make up for it.
            state.best_score, state.best_epoch = float("-inf"), state.epoch
            said += (
                f"; {folder.chosen} is damaged, and the best weights so far are lost with it: the "
                "best of the epochs from here on are published"
            )
        # Once all have read it.
        if not group.alike(state.epoch, state.step, state.returns, state.best_epoch):
            raise FaultError(
                f"{folder.checkpoints} does not hold the same for all workers: worker "
                f"{group.worker} would go on after {place} of {epochs}, and not all others; see "
                "that each of them reads the same files there"
            )
        # In the place of the last a damaged one would be kept, at the next save, as the one
        # before, and take the place of this one.
        folder.make_last(path)
        return state, said
    if damaged is not None:
        raise UserError(f"{damaged}; delete it and train again") from damaged
    raise UserError(f"{folder.path} holds no checkpoint; train again")


def restore_chosen(folder: RunFolder, network: keras.Model) -> None:
    """Gives a network the weights to publish.

    Args:
        folder: Of the run.
        network: As it is trained.

    Raises:
        UserError: If they are damaged or gone, or of another network.
    """
    try:
        checkpoint.restore(folder.chosen, checkpoint.variables_of(network))
    except checkpoint.DamagedError as error:
        raise UserError(
            f"{error}, and there is no other copy of the weights to publish; put one back, or "
            "train another epoch, which is then published: --resume --set "
            f"epochs={folder.recipe().epochs + 1}"
        ) from error


def _is_whole(path: Path) -> bool:
    try:
        checkpoint.read(path)
    except checkpoint.DamagedError:
        return False
    return True
