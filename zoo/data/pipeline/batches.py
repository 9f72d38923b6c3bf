"""Batches of prepared examples, addressed by index."""

from typing import Protocol

import numpy as np
import tensorflow as tf

from zoo.data.pipeline.limits import ahead, limited, threads_of
from zoo.data.pipeline.order import Foreground, balanced_order, epoch_order, generator
from zoo.data.pipeline.parts import WHOLE, Part, grouped, regrouped
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

    def __call__(
        self, batch: Batch, uniforms: tf.Tensor, seed: tf.Tensor, first: tf.Tensor
    ) -> Batch:
        """Returns the batch with its picture float32 in 0..255 and its targets moved along.

        It may be a part of a batch; `first`, an int64 scalar, is where in that it begins.
        The picture, and the mask with it, may change its size, and keys may be added.
        "foreground", where the batch has it, is float32 [n, 3] and says where patches lie; it is
        not returned.
        """
        ...


def batches(
    prepared: Prepared,
    *,
    batch_size: int,
    order: np.ndarray,
    augmentation: Augmentation | None = None,
    uniforms: np.ndarray | None = None,
    foreground: np.ndarray | None = None,
    seed: int = 0,
    epoch: int = 0,
    start: int = 0,
    drop_remainder: bool = False,
    threads: int | None = None,
    part: Part = WHOLE,
) -> tf.data.Dataset:
    """Returns the batches of an order, from step `start` on, or parts of them.

    Args:
        prepared: Where the examples come from.
        batch_size: Examples in a batch.
        order: int64 [m]: positions in `prepared`, in the order wanted; one may come again.
        augmentation: Applied to whole batches; without it pictures stay uint8.
        uniforms: float32 [m, augmentation.draws], each in [0, 1): row i belongs to order[i],
            whichever batch it is in.
        foreground: float32 [m, 3], handed to the augmentation: where the patches of a mask lie,
            as `zoo.augment.foreground.corners` takes it.
        seed: With `epoch` and the step, it keys the augmentation's noise, and who is mixed
            with whom.
        epoch: See `seed`.
        start: First step; those before it cost nothing.
        drop_remainder: Whether to leave out the last batch if it is not full.
        threads: How many prepare batches; None for as many as there are cores to run on.
        part: Which part of each batch; nothing is read of the rest.

    Returns:
        A data set of dicts: "image" (uint8 [n, h, w, c]; float32 in 0..255 if augmented), the
        targets, and "index" (int64 [n]: each example's index in `prepared.split`).

    Raises:
        ValueError: If `uniforms` has another shape than the augmentation needs.
    """
    cut = part.cut(len(order), batch_size, drop_remainder)[start * part.devices :]
    mine = np.concatenate([np.arange(0), *(np.arange(at.begin, at.end) for at in cut)])
    left = np.asarray(order, np.int64)[mine]
    indices = tf.constant(prepared.indices)
    key = int(np.random.SeedSequence([seed, epoch, 2]).generate_state(1)[0] >> 1)
    steps = tf.constant([at.step for at in cut], tf.int32)
    firsts = tf.constant([at.first for at in cut], tf.int64)
    draws = places = np.zeros([len(left), 0], np.float32)
    if augmentation is not None:
        if uniforms is None or uniforms.shape != (len(order), augmentation.draws):
            raise ValueError(f"uniforms must be [{len(order)}, {augmentation.draws}]")
        draws = np.asarray(uniforms, np.float32)[mine]
        if foreground is not None:
            places = np.asarray(foreground, np.float32)[mine]

    def finish(
        number: tf.Tensor, positions: tf.Tensor, rows: tf.Tensor, laid: tf.Tensor, batch: Batch
    ) -> Batch:
        if laid.shape[1]:
            batch = {**batch, "foreground": laid}
        if augmentation is not None:
            noise = tf.stack([tf.constant(key, tf.int32), steps[number]])
            batch = augmentation(batch, rows, noise, firsts[number])
        return {**batch, "index": tf.gather(indices, positions)}

    data = tf.data.Dataset.from_tensor_slices((left, draws, places))
    sizes = [at.end - at.begin for at in cut]
    alike = drop_remainder and batch_size % part.of == 0
    # Through a function that AutoGraph converts, an augmentation's UserError would come as
    # AutoGraph's own error.
    plain = tf.autograph.experimental.do_not_convert
    parallel = {"num_parallel_calls": threads_of(threads), "deterministic": True}
    gather, at_once = prepared.read_batch, prepared.at_once
    if gather is not None and not at_once:
        data = (
            grouped(data, sizes, alike)
            .enumerate()
            .map(
                plain(lambda number, slot: finish(number, *slot, batch=gather(slot[0]))),
                **parallel,
            )
        )
    else:
        if gather is None:
            data = data.map(plain(lambda *slot: (*slot, prepared.read(slot[0]))), **parallel)
            data = grouped(data, sizes, alike)
        else:
            data = data.batch(at_once)
            data = data.map(plain(lambda *slot: (*slot, gather(slot[0]))), **parallel)
            data = regrouped(data, sizes, alike)
        data = data.enumerate().map(plain(lambda number, slot: finish(number, *slot)), **parallel)
    return limited(ahead(data, batch_size, threads), threads)


def training_batches(
    prepared: Prepared,
    augmentation: Augmentation | None,
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    start: int = 0,
    repeat: int = 1,
    balanced: bool = False,
    foreground: Foreground | None = None,
    threads: int | None = None,
    part: Part = WHOLE,
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
        balanced: Show every class equally often, see `balanced_order`.
        foreground: Which patches are laid around foreground; the augmentation cuts them.
        threads: As in `batches`.
        part: As in `batches`: the pictures are those of the whole batches, bit for bit, but for
            mixup and cutmix, which mix within a part.

    Raises:
        UserError: If `repeat` is below 1.
        ValueError: If `balanced` is asked of examples without a class.
    """
    order = epoch_order(prepared.length, seed, epoch, repeat)
    slots = len(order) // batch_size * batch_size or len(order)
    if balanced:
        if prepared.classes is None:
            raise ValueError("only examples with a class can be balanced")
        order = balanced_order(prepared.classes, slots, seed, epoch)
    uniforms = None
    if augmentation is not None:
        random = generator(seed, epoch, 1)
        # Column by column: one that is added later leaves those before it as they were.
        uniforms = random.random((augmentation.draws, len(order)), np.float32).T
    return batches(
        prepared,
        batch_size=batch_size,
        order=order,
        augmentation=augmentation,
        uniforms=uniforms,
        foreground=foreground and foreground.places(len(order), seed, epoch),
        seed=seed,
        epoch=epoch,
        start=start,
        drop_remainder=slots >= batch_size,
        threads=threads,
        part=part,
    )


def evaluation_batches(
    prepared: Prepared, *, batch_size: int, threads: int | None = None, part: Part = WHOLE
) -> tf.data.Dataset:
    """Returns every example once, in order; the last batch may be of another size.

    Args:
        prepared: The split.
        batch_size: Examples in a batch.
        threads: As in `batches`.
        part: As in `batches`.
    """
    order = np.arange(prepared.length)
    return batches(prepared, batch_size=batch_size, order=order, threads=threads, part=part)
