"""How long training takes on this machine: timed, on the planned network and the real data."""

import time
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from zoo.data import DataSet, Split
from zoo.plan.measure import spread
from zoo.training.recipe import Recipe
from zoo.training.session import open_session
from zoo.training.watch import Watch

# A machine that was idle is quicker for some seconds than for the minutes that come.
_SECONDS = 8.0
_FEWEST, _MOST = 3, 40
_BATCHES = 2


@dataclass(frozen=True)
class Speed:
    """What was timed.

    Attributes:
        step: Seconds that a training step takes, augmentation included.
        picture: Seconds that it takes to validate a picture.
        epoch: Seconds that an epoch takes besides, however many pictures it has.
    """

    step: float
    picture: float
    epoch: float = 0.0


def time_steps(recipe: Recipe, dataset: DataSet, watch: Watch, *, cached: bool) -> Speed:
    """Times some steps of training and of validation, after the first, which compile.

    Args:
        recipe: As it is planned.
        dataset: The recipe's; a few of its pictures are read.
        watch: Told what goes on.
        cached: Whether the real run will hold its pictures in memory.

    Raises:
        UserError: For whatever would stop the run.
    """
    batch = recipe.batch_size
    few = {
        name: part_of(split, spread(split.length, _BATCHES * batch))
        for name, split in dataset.splits.items()
        if name in ("train", "validation")
    }
    changes = {"repeat": -(-_MOST * batch // few["train"].length)}
    if not cached:
        changes["data.cache_gib"] = 0
    quiet = Watch(quiet=True)
    with watch.bar("building the network"):
        session = open_session(
            recipe.with_overrides(changes), quiet, dataset=replace(dataset, splits=few)
        )
        stamps: list[float] = []
        counts: list[int] = []

        def stamp(loss: tf.Tensor, taken: int) -> None:
            # Reading it waits for the device.
            float(loss)
            stamps.append(time.perf_counter())
            counts.append(taken)

        validation = session.validation_batches()
        session.loop.train(session.epoch_batches(0).take(_BATCHES), stamp)
        session.loop.validate(validation)
    steps = int(np.clip(_SECONDS / max(1e-6, stamps[-1] - stamps[-2]), _FEWEST, _MOST))
    with watch.bar("timing steps of training", steps) as bar:
        stamps.clear()
        counts.clear()

        def timed(loss: tf.Tensor, taken: int) -> None:
            stamp(loss, taken)
            bar.advance(steps=taken)

        session.loop.train(session.epoch_batches(0).take(steps + 1), timed)
        began = time.perf_counter()
        session.loop.validate(validation)
        picture = (time.perf_counter() - began) / session.validation.length
        began = time.perf_counter()
        # As often as before: a number of steps that is new may have to be compiled.
        session.loop.train(session.epoch_batches(1).take(_BATCHES))
        session.loop.validate(session.validation_batches())
        epoch = time.perf_counter() - began
    step = float(np.median(np.diff(stamps) / counts[1:]))
    epoch -= min(_BATCHES, session.steps) * step + session.validation.length * picture
    return Speed(step=step, picture=picture, epoch=max(0.0, epoch))


def part_of(split: Split, indices: np.ndarray) -> Split:
    """Returns some examples of a split as a split of its own.

    Args:
        split: To take them from.
        indices: int64 [n], of those to take.
    """
    chosen = tf.constant(indices, tf.int64)
    return Split(
        name=split.name,
        length=len(indices),
        read=lambda index: split.read(tf.gather(chosen, index)),
        label=lambda index: split.label(int(indices[index])),
        explain=lambda index: split.explain(int(indices[index])),
        stored=lambda index: split.stored(int(indices[index])),
    )
