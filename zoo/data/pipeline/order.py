"""Which example comes when: orders and chances computed from (seed, epoch) alone."""

from dataclasses import dataclass

import numpy as np

from zoo.errors import UserError

_BLOCK = 4096
# Streams of chance. The walks' come last: each class has its own.
_ORDER, _PLACES, _WALK = 0, 3, 16


def generator(seed: int, epoch: int, stream: int) -> np.random.Generator:
    """Returns a generator keyed by all three; each use of chance has a stream of its own.

    Philox is a counter-based generator (Salmon et al. 2011), made to be keyed like this.
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, epoch, stream])))


def epoch_order(length: int, seed: int, epoch: int, repeat: int = 1) -> np.ndarray:
    """Returns the order of the examples in an epoch.

    The same for the same (length, seed, epoch), whatever was drawn before.

    Args:
        length: How many examples there are.
        seed: The run's seed.
        epoch: Which epoch, from 0.
        repeat: How often each example comes, from 1.

    Returns:
        int64 [repeat * length]: `repeat` permutations, one after the other, of which the first
        is the same for every `repeat`.

    Raises:
        UserError: If `repeat` is below 1.
    """
    if repeat < 1:
        raise UserError(f"repeat={repeat!r} must be at least 1: how often an epoch shows a picture")
    random = generator(seed, epoch, _ORDER)
    return np.concatenate([random.permutation(length) for _ in range(repeat)])


def balanced_order(classes: np.ndarray, slots: int, seed: int, epoch: int) -> np.ndarray:
    """Returns an order in which every class comes equally often.

    Over all epochs the classes take turns, and each goes through its own examples in
    permutations, one after the other; an epoch is the next part of that, shuffled. So in an epoch,
    and over all so far, no class comes more than once more often than another, and over all so
    far neither does any example than another of its class.

    Args:
        classes: int [length]: the class of each example; a class without any is left out.
        slots: How many examples an epoch shows, the same for every epoch.
        seed: The run's seed.
        epoch: Which epoch, from 0.

    Returns:
        int64 [slots]: positions in `classes`.

    Example:
        >>> classes = np.array([0, 0, 0, 0, 0, 1])
        >>> np.bincount(classes[balanced_order(classes, 6, seed=0, epoch=0)]).tolist()
        [3, 3]
    """
    _, lengths = np.unique(classes, return_counts=True)
    by_class = np.split(np.argsort(classes, kind="stable"), np.cumsum(lengths)[:-1])
    first, count = slots * epoch, len(by_class)
    draws = np.arange(first, first + slots)
    order = np.empty(slots, np.int64)
    for turn, examples in enumerate(by_class):
        mine = slice((turn - first) % count, None, count)
        order[mine] = examples[_walk(len(examples), draws[mine] // count, seed, turn)]
    return order[generator(seed, epoch, _ORDER).permutation(slots)]


def _walk(length: int, steps: np.ndarray, seed: int, turn: int) -> np.ndarray:
    """Which example each step of an endless walk through permutations of a class comes to."""
    # Many permutations of a few examples are drawn at once.
    rows = max(1, _BLOCK // length)
    blocks, places = np.divmod(steps, rows * length)
    found = np.empty(len(steps), np.int64)
    for block in np.unique(blocks):
        random = generator(seed, int(block), _WALK + turn)
        walk = random.permuted(np.tile(np.arange(length), (rows, 1)), axis=1).ravel()
        within = blocks == block
        found[within] = walk[places[within]]
    return found


@dataclass(frozen=True)
class Foreground:
    """Which patches are laid around a pixel of the foreground.

    Attributes:
        share: Of all patches, 0 to 1.
        background: Id of the class that is no foreground.
    """

    share: float
    background: int

    def places(self, slots: int, seed: int, epoch: int) -> np.ndarray:
        """Returns where the patches of an epoch's slots shall lie.

        The share holds exactly, in an epoch and, to one patch, in each batch.

        Args:
            slots: How many there are.
            seed: The run's seed.
            epoch: Which epoch, from 0.

        Returns:
            float32 [slots, 3], as :func:`zoo.augment.foreground.corners` takes them: the id of
            the background, or -1 where the patch may lie anywhere, and two chances.
        """
        marks = np.floor(np.arange(slots + 1) * self.share + 1e-9)
        wanted = np.where(np.diff(marks) > 0, self.background, -1)
        # Column by column, as the augmentation's.
        chances = generator(seed, epoch, _PLACES).random((2, slots), np.float32)
        return np.stack([wanted.astype(np.float32), *chances], axis=1)
