"""Batches of prepared examples, addressed by index."""

from typing import Protocol

import numpy as np
import tensorflow as tf

from zoo.data.pipeline.prepared import Batch, Prepared
from zoo.errors import UserError


class Augmentation(Protocol):
    """What `zoo.augment.Augmentation` is to this module.

    Attributes:
        draws: How many uniform numbers an example needs.
    """

    @property
    def draws(self) -> int:
        """See the class."""
        ...

    def __call__(self, batch: Batch, uniforms: tf.Tensor, seed: tf.Tensor) -> Batch:
        """Returns the batch with its picture float32 in 0..255 and its targets moved along.

        The picture, and the mask with it, may change its size, and keys may be added.
        """
        ...


def epoch_order(length: int, seed: int, epoch: int, repeat: int = 1) -> np.ndarray:
    """Returns the order of the examples in an epoch.

    The same for the same (length, seed, epoch), whatever was drawn before; Philox is a
    counter-based generator (Salmon et al. 2011), made to be keyed like this.

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
    generator = _generator(seed, epoch, 0)
    return np.concatenate([generator.permutation(length) for _ in range(repeat)])


def _generator(seed: int, epoch: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, epoch, stream])))


def batches(
    prepared: Prepared,
    *,
    batch_size: int,
    order: np.ndarray,
    augmentation: Augmentation | None = None,
    uniforms: np.ndarray | None = None,
    seed: int = 0,
    epoch: int = 0,
    start: int = 0,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Returns the batches of an order, from step `start` on.

    Args:
        prepared: Where the examples come from.
        batch_size: Examples in a batch.
        order: int64 [m]: positions in `prepared`, in the order wanted; one may come again.
        augmentation: Applied to whole batches; without it pictures stay uint8.
        uniforms: float32 [m, augmentation.draws], each in [0, 1): row i belongs to order[i],
            whichever batch it is in.
        seed: With `epoch` and the step, it keys the augmentation's noise, and who is mixed
            with whom.
        epoch: See `seed`.
        start: First step; those before it cost nothing.
        drop_remainder: Whether to leave out the last batch if it is not full.

    Returns:
        A data set of dicts: "image" (uint8 [n, h, w, c]; float32 in 0..255 if augmented), the
        targets, and "index" (int64 [n]: each example's index in `prepared.split`).

    Raises:
        ValueError: If `uniforms` has another shape than the augmentation needs.
    """
    first = start * batch_size
    left = np.asarray(order, np.int64)[first:]
    indices = tf.constant(prepared.indices)
    key = int(np.random.SeedSequence([seed, epoch, 2]).generate_state(1)[0] >> 1)
    draws = np.zeros([len(left), 0], np.float32)
    if augmentation is not None:
        if uniforms is None or uniforms.shape != (len(order), augmentation.draws):
            raise ValueError(f"uniforms must be [{len(order)}, {augmentation.draws}]")
        draws = np.asarray(uniforms, np.float32)[first:]

    def finish(step: tf.Tensor, positions: tf.Tensor, rows: tf.Tensor, batch: Batch) -> Batch:
        if augmentation is not None:
            noise = tf.stack([tf.constant(key, tf.int32), tf.cast(step, tf.int32)])
            batch = augmentation(batch, rows, noise)
        return {**batch, "index": tf.gather(indices, positions)}

    data = tf.data.Dataset.from_tensor_slices((left, draws))
    # Through a function that AutoGraph converts, an augmentation's UserError would come as
    # AutoGraph's own error.
    plain = tf.autograph.experimental.do_not_convert
    parallel = {"num_parallel_calls": tf.data.AUTOTUNE, "deterministic": True}
    gather = prepared.read_batch
    if gather is not None:
        data = (
            data.batch(batch_size, drop_remainder=drop_remainder)
            .enumerate(start)
            .map(
                plain(lambda step, slot: finish(step, slot[0], slot[1], gather(slot[0]))),
                **parallel,
            )
        )
    else:
        data = (
            data.map(plain(lambda at, row: (at, row, prepared.read(at))), **parallel)
            .batch(batch_size, drop_remainder=drop_remainder)
            .enumerate(start)
            .map(plain(lambda step, slot: finish(step, *slot)), **parallel)
        )
    return data.prefetch(tf.data.AUTOTUNE)


def training_batches(
    prepared: Prepared,
    augmentation: Augmentation | None,
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    start: int = 0,
    repeat: int = 1,
) -> tf.data.Dataset:
    """Returns the batches of one epoch of training, shuffled and augmented.

    Every batch is full: what is left at the end of an epoch is passed over, and is in another
    place in the next. An epoch smaller than one batch gives one batch of all it has.

    Args:
        prepared: The training split.
        augmentation: What to do to its batches, or None.
        batch_size: Examples in a batch.
        seed: The run's seed.
        epoch: Which epoch, from 0.
        start: First step; batches from there on are those of the whole epoch, bit for bit.
        repeat: How often an epoch shows each example, from 1, each time in a new order and with
            uniforms of its own: for splits so small that once is only a few steps.

    Raises:
        UserError: If `repeat` is below 1.
    """
    order = epoch_order(prepared.length, seed, epoch, repeat)
    uniforms = None
    if augmentation is not None:
        random = _generator(seed, epoch, 1)
        # Column by column: one that is added later leaves those before it as they were.
        uniforms = random.random((augmentation.draws, len(order)), np.float32).T
    return batches(
        prepared,
        batch_size=batch_size,
        order=order,
        augmentation=augmentation,
        uniforms=uniforms,
        seed=seed,
        epoch=epoch,
        start=start,
        drop_remainder=len(order) >= batch_size,
    )


def evaluation_batches(prepared: Prepared, *, batch_size: int) -> tf.data.Dataset:
    """Returns every example once, in order; the last batch may be smaller."""
    return batches(prepared, batch_size=batch_size, order=np.arange(prepared.length))
