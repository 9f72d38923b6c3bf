"""Going on with a run that stopped: with the same recipe, from the newest whole checkpoint."""

from collections.abc import Mapping
from typing import Any

from zoo.errors import UserError
from zoo.training import checkpoint
from zoo.training.folder import RunFolder
from zoo.training.recipe import Recipe

# What may be another without any other number: where files are, how much time and memory there is.
_FREE = {
    "": {"name", "minutes", "checkpoint"},
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


def check_same(recipe: Recipe, begun: Recipe) -> None:
    """Refuses to go on with another recipe: the run would be neither the one nor the other.

    Args:
        recipe: The one to go on with, as resolved as ``begun``.
        begun: The one that the run began with.

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


def restore_newest(
    folder: RunFolder, variables: Mapping[str, Any]
) -> tuple[checkpoint.Progress, str]:
    """Restores the newest checkpoint that is whole.

    Args:
        folder: Of the run.
        variables: As :func:`zoo.training.checkpoint.variables_of` returns them.

    Returns:
        How far the run had come, and a sentence about it.

    Raises:
        UserError: If none is whole, or they belong to another network.
    """
    damaged: checkpoint.DamagedError | None = None
    for path in folder.saved:
        try:
            state = checkpoint.restore(path, variables)
        except checkpoint.DamagedError as error:
            damaged = damaged or error
            continue
        place = f"after epoch {state.epoch}" if not state.step else ""
        place = place or f"after step {state.step} of epoch {state.epoch + 1}"
        said = f"resuming {folder.path} {place}"
        if damaged is not None:
            said += f" (from {path.name}: {folder.last.name} is damaged)"
        return state, said
    raise damaged or UserError(f"{folder.path} holds no checkpoint; train again")
