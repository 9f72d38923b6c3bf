"""Batches of prepared examples, addressed by index."""

from typing import Protocol

import numpy as np
import tensorflow as tf

from zoo.data.pipeline.prepared import Batch, Prepared


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
        """Returns the batch with its picture float32 in 0..255 and its targets moved along."""
        ...


def epoch_order(length: int, seed: int, epoch: int) -> np.ndarray:
    """Returns the order of the examples in an epoch: int64 [length], a permutation.

    The same for the same (length, seed, epoch), whatever was drawn before; Philox is a
    counter-based generator (Salmon et al. 2011), made to be keyed like this.
    """
    return _generator(seed, epoch, 0).permutation(length)


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
        order: int64 [m]: positions in `prepared`, in the order wanted.
        augmentation: Applied to whole batches; without it pictures stay uint8.
        uniforms: float32 [prepared.length, augmentation.draws], each in [0, 1): row i belongs to
            position i, whichever batch it is in.
        seed: With `epoch` and the step, it keys the augmentation's noise.
        epoch: See `seed`.
        start: First step; those before it cost nothing.
        drop_remainder: Whether to leave out the last batch if it is not full.

    Returns:
        A data set of dicts: "image" (uint8 [n, h, w, c]; float32 in 0..255 if augmented), the
        targets, and "index" (int64 [n]: each example's index in `prepared.split`).
    """
    left = np.asarray(order, np.int64)[start * batch_size :]
    indices = tf.constant(prepared.indices)
    key = int(np.random.SeedSequence([seed, epoch, 2]).generate_state(1)[0] >> 1)
    table = None
    if augmentation is not None:
        if uniforms is None or uniforms.shape != (prepared.length, augmentation.draws):
            raise ValueError(f"uniforms must be [{prepared.length}, {augmentation.draws}]")
        with tf.device("CPU"):
            table = tf.convert_to_tensor(uniforms, tf.float32)

    def finish(step: tf.Tensor, positions: tf.Tensor, batch: Batch) -> Batch:
        if augmentation is not None:
            noise = tf.stack([tf.constant(key, tf.int32), tf.cast(step, tf.int32)])
            batch = augmentation(batch, tf.gather(table, positions), noise)
        return {**batch, "index": tf.gather(indices, positions)}

    data = tf.data.Dataset.from_tensor_slices(left)
    parallel = {"num_parallel_calls": tf.data.AUTOTUNE, "deterministic": True}
    gather = prepared.read_batch
    if gather is not None:
        data = (
            data.batch(batch_size, drop_remainder=drop_remainder)
            .enumerate(start)
            .map(lambda step, at: finish(step, at, gather(at)), **parallel)
        )
    else:
        data = (
            data.map(lambda at: (at, prepared.read(at)), **parallel)
            .batch(batch_size, drop_remainder=drop_remainder)
            .enumerate(start)
            .map(lambda step, pair: finish(step, *pair), **parallel)
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
) -> tf.data.Dataset:
    """Returns the batches of one epoch of training, shuffled and augmented.

    Every batch is full: what is left at the end of an epoch is passed over, and is in another
    place in the next. A split smaller than one batch gives one batch of all it has.

    Args:
        prepared: The training split.
        augmentation: What to do to its batches, or None.
        batch_size: Examples in a batch.
        seed: The run's seed.
        epoch: Which epoch, from 0.
        start: First step; batches from there on are those of the whole epoch, bit for bit.
    """
    uniforms = None
    if augmentation is not None:
        random = _generator(seed, epoch, 1)
        uniforms = random.random((prepared.length, augmentation.draws), np.float32)
    return batches(
        prepared,
        batch_size=batch_size,
        order=epoch_order(prepared.length, seed, epoch),
        augmentation=augmentation,
        uniforms=uniforms,
        seed=seed,
        epoch=epoch,
        start=start,
        drop_remainder=prepared.length >= batch_size,
    )


def evaluation_batches(prepared: Prepared, *, batch_size: int) -> tf.data.Dataset:
    """Returns every example once, in order; the last batch may be smaller."""
    return batches(prepared, batch_size=batch_size, order=np.arange(prepared.length))
