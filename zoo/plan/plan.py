"""From a data set to a recipe: what is measured, what follows from it, and why."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from zoo import tasks
from zoo.amounts import by, plural
from zoo.data import DataSet, sentences
from zoo.errors import UserError
from zoo.plan import machine, network, picture, schedule
from zoo.plan.choice import Choice
from zoo.plan.draft import Draft
from zoo.plan.fingerprint import Fingerprint
from zoo.plan.measure import measure
from zoo.plan.rules import draft_recipe, prepared_bytes
from zoo.plan.source import find_data, opened
from zoo.plan.timing import Speed, time_steps
from zoo.training import memory
from zoo.training.recipe import DataOptions, Recipe
from zoo.training.watch import Watch, duration

# A network that has seen each picture less often than this has hardly met its data.
_PASSES = 5
_TRIALS = 3
# The rest goes to checkpoints and to the first, compiling, steps, and is for spells in which a
# machine is slower than when it was asked.
_USED = 0.8
_VALIDATED = 5_000


@dataclass(frozen=True)
class Plan:
    """A planned recipe.

    Attributes:
        recipe: Ready to run.
        reasons: By dotted field: why it is so. The recipe's other fields are as they always are.
        remarks: By section: what could not be planned, for the reader to decide.
        fingerprint: What was measured of the data.
        speed: What was timed on this machine.
        minutes: Of training that were asked for.
        seconds: Of training that it will take here.
    """

    recipe: Recipe
    reasons: Mapping[str, str]
    remarks: Mapping[str, str]
    fingerprint: Fingerprint
    speed: Speed
    minutes: float
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Returns everything as plain values."""
        return {
            "fingerprint": self.fingerprint.to_json(),
            "plan": self.recipe.model_dump(mode="json", exclude={"name"}),
            "reasons": dict(self.reasons),
            "remarks": dict(self.remarks),
            "seconds_per_step": self.speed.step,
            "seconds_per_epoch_besides": self.speed.epoch,
            "seconds": self.seconds,
            "minutes": self.minutes,
        }

    def __str__(self) -> str:
        found, recipe = self.fingerprint, self.recipe
        counts = ", ".join(f"{count:,} {name}" for name, count in found.pictures.items())
        classes = plural(len(found.class_names), "class")
        shown = by(recipe.input.patch or recipe.input.size)
        augment = recipe.augment if isinstance(recipe.augment, str) else "its own"
        views = f" x {recipe.repeat}" if recipe.repeat > 1 else ""
        return (
            f"data     {recipe.data.source}\n"
            f"measured {counts}; {classes}; {by(found.size)} pixels\n"
            f"planned  {recipe.model.get('encoder', 'an encoder')} at {shown}, batches of "
            f"{recipe.batch_size}, {augment} augmentation\n"
            f"time     {self.speed.step:.2g} s a step; {recipe.epochs}{views} epochs, about "
            f"{duration(self.seconds)} of training"
        )


def plan_recipe(
    place: str, task_name: str, minutes: float, given: Mapping[str, Any], watch: Watch
) -> Plan:
    """Measures data and plans a recipe for it.

    Args:
        place: A folder, or the name of a data set; see :func:`zoo.plan.source.find_data`.
        task_name: ``"classification"``, ``"localization"`` or ``"segmentation"``.
        minutes: Of training on this machine, above 0.
        given: Values of dotted fields that are settled, and that the plan goes by.
        watch: Told what goes on.

    Raises:
        UserError: If there is no such task or data, the data has not what the task learns, or
            the plan cannot be trained as some of ``given`` would have it.
    """
    task = tasks.get(task_name)
    if not 0 < minutes < math.inf:
        raise UserError(f"minutes={minutes:g} is no time to train in; give some above 0")
    for field, how in (("task", "by --task"), ("name", "by the name of its file")):
        if field in given:
            raise UserError(f"--set {field}=: a recipe's {field} is given {how}; leave it out")
    data, dataset = find_data(place, task, given, watch)
    data, dataset, own_validation = _set_aside(data, dataset, task, given)
    watch.notes(sentences(dataset.findings))
    fingerprint = measure(dataset, task, watch)
    drafted = partial(
        draft_recipe,
        fingerprint,
        data,
        task_name,
        given,
        memory=memory.memory(),
        own_validation=own_validation,
    )
    others = machine.Others()
    draft, speed = _fast_enough(drafted, fingerprint, dataset, minutes, watch)
    busy = others.sentence()
    watch.notes([busy] if busy else [])
    epoch = _epoch_seconds(draft.recipe(), fingerprint, speed)
    _choose_epochs(draft, fingerprint, speed, minutes, epoch)
    recipe = draft.recipe()
    return Plan(
        recipe=recipe,
        reasons=draft.reasons,
        remarks=draft.remarks,
        fingerprint=fingerprint,
        speed=speed,
        minutes=minutes,
        seconds=recipe.epochs * epoch,
    )


def _set_aside(
    data: DataOptions, dataset: DataSet, task: tasks.Task, given: Mapping[str, Any]
) -> tuple[DataOptions, DataSet, bool]:
    """Chooses the share to validate with, of a set that has no split for it.

    Returns:
        The data, opened with that share, and whether the split is the set's own or the user's.
    """
    if "validation" not in dataset.splits:
        raise UserError(
            f"{dataset.name} has too few pictures to set some aside for validation; add some, or "
            "say which with --set data.splits.validation=LIST"
        )
    train, validation = dataset.split("train").length, dataset.split("validation").length
    if "data.validation" in given or "validation" in data.splits:
        return data, dataset, True
    if "validation" in opened(data.model_copy(update={"validation": 0.0}), task).splits:
        return data, dataset, True
    if validation > _VALIDATED:
        share = round(_VALIDATED / (train + validation), 3)
        data = data.model_copy(update={"validation": max(share, 0.001)})
        dataset = opened(data, task)
    return data, dataset, False


def _fast_enough(
    drafted: Callable[..., Draft],
    fingerprint: Fingerprint,
    dataset: DataSet,
    minutes: float,
    watch: Watch,
) -> tuple[Draft, Speed]:
    """Times the best network for the data, and lighter ones as long as it is too slow.

    Args:
        drafted: From ``width`` and ``side`` to a draft.
        fingerprint: Of the data.
        dataset: The data.
        minutes: That training may take.
        watch: Told what goes on.
    """
    variants = _variants(fingerprint)
    timed: tuple[Draft, Speed] | None = None
    for _ in range(_TRIALS):
        width, side = variants[0]
        draft = drafted(width=width, side=side)
        recipe = draft.recipe()
        # What is settled, or pretrained, leaves a variant nothing to make lighter.
        if timed is None or recipe != timed[0].recipe():
            cached = prepared_bytes(recipe, fingerprint) <= recipe.data.cache_gib * 2**30
            timed = draft, time_steps(recipe, dataset, watch, cached=cached)
        epochs = minutes * 60 * _USED / _epoch_seconds(recipe, fingerprint, timed[1])
        variants = _cheaper(variants, epochs * recipe.repeat / _PASSES, fingerprint)
        if not variants:
            break
    assert timed is not None
    return timed


def _epoch_seconds(recipe: Recipe, fingerprint: Fingerprint, speed: Speed) -> float:
    steps = _steps(recipe, fingerprint)
    validated = fingerprint.pictures["validation"] * speed.picture
    return steps * speed.step + validated + speed.epoch


def _variants(fingerprint: Fingerprint) -> list[tuple[int, int | None]]:
    """Returns widths and largest sides to try, the best for the data first, ever cheaper."""
    widths = network.widths(fingerprint)
    size = picture.choose_size(fingerprint).value
    found: list[tuple[int, int | None]] = [(width, None) for width in widths]
    if picture.choose_patch(fingerprint, size) is None:
        least = 64 if fingerprint.boxes is None and fingerprint.masks is None else 96
        sides = [side for side in picture.SIDES[::-1] if least <= side < max(size)]
        found += [(widths[-1], side) for side in sides]
    return found


def _cheaper(
    variants: list[tuple[int, int | None]], enough: float, fingerprint: Fingerprint
) -> list[tuple[int, int | None]]:
    """Returns the variants left to try, none if what was timed is fast enough.

    Args:
        variants: The first is what was timed.
        enough: How many times as often as needed its network could see each picture.
        fingerprint: Of the data.
    """
    if enough >= 1:
        return []

    def cost(variant: tuple[int, int | None]) -> float:
        width, side = variant
        return (width * max(picture.choose_size(fingerprint, side).value)) ** 2

    left = variants[1:]
    fast = [n for n, one in enumerate(left) if cost(one) <= enough * cost(variants[0])]
    return left[fast[0] :] if fast else left[-1:]


def _steps(recipe: Recipe, fingerprint: Fingerprint) -> int:
    return max(1, fingerprint.train * recipe.repeat // recipe.batch_size)


def _choose_epochs(
    draft: Draft, fingerprint: Fingerprint, speed: Speed, minutes: float, epoch: float
) -> None:
    """Chooses the number of epochs for the time there is.

    Args:
        draft: All but that.
        fingerprint: Of the data.
        speed: As timed.
        minutes: That training may take.
        epoch: Seconds that one takes.
    """
    recipe = draft.recipe()
    views = schedule.VIEWS
    if recipe.input.patch is not None:
        # So many patches show as much as one picture.
        views *= math.prod(recipe.input.size) / math.prod(recipe.input.patch)
    possible, sensible = minutes * 60 * _USED / epoch, views / recipe.repeat
    epochs = schedule.preferred(min(possible, sensible))
    steps = _steps(recipe, fingerprint)
    took = (
        f"a step took {speed.step:.2g} s here: {plural(epochs, 'epoch')} of "
        f"{plural(steps, 'step')}, about {duration(epochs * epoch)}"
    )
    if possible < 1:
        took += f", more than the {minutes:g} minutes there are"
    elif sensible < possible:
        took += f"; more than {views:,.0f} views of a picture teach a small network little"
    else:
        took += f" of the {minutes:g} minutes there are"
    draft.take("epochs", Choice(epochs, took))
