"""Reads every example of a split once, and keeps it where it fits."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from zoo.data.dataset import NO_OBJECT, Split
from zoo.data.findings import Reason
from zoo.data.pipeline.kept import (
    Allocate,
    Batch,
    Cache,
    Kept,
    allocator,
    from_disk,
    from_memory,
    place_for,
)
from zoo.data.pipeline.limits import limited, threads_of
from zoo.data.pipeline.plain import AT_ONCE, plain_reader
from zoo.data.pipeline.reasons import reasons_of, unreadable_message
from zoo.errors import UserError
from zoo.preprocess import Origin, Preprocessing

_CHUNK = 256


@dataclass(frozen=True)
class Prepared:
    """A split whose examples have all been read once and fit the model.

    Attributes:
        split: What it was prepared from.
        targets: Which targets its examples carry.
        indices: int64 [length]: for each example left, its index in `split`.
        left_out: Name and reason of every example that was left out.
        kept: Where the prepared examples are kept: "memory", "disk" or "none".
        size_bytes: What keeping them takes, or would take.
        classes: int32 [length], the class of each example; None without "class".
        pixels: int64 [256], how many pixels of all masks have each id; None without "mask".
        read: From an int64 scalar position in [0, length) to a prepared example.
        read_batch: The same from int64 [n] to a batch; n is kept as far as it is static.
        at_once: How many are best read by one call of `read_batch`; 0 for any number.
    """

    split: Split
    targets: tuple[str, ...]
    indices: np.ndarray
    left_out: tuple[tuple[str, Reason], ...]
    kept: Kept
    size_bytes: int
    classes: np.ndarray | None
    pixels: np.ndarray | None
    read: Callable[[tf.Tensor], Batch]
    read_batch: Callable[[tf.Tensor], Batch] | None
    at_once: int = 0

    @property
    def length(self) -> int:
        """Number of examples left."""
        return len(self.indices)

    @property
    def cached(self) -> bool:
        """Whether the prepared examples are kept, so that none is decoded again."""
        return self.kept != "none"


def prepare_split(
    split: Split,
    preprocessing: Preprocessing,
    targets: tuple[str, ...],
    *,
    cache: Cache = "auto",
    budget_bytes: int = 2 * 1024**3,
    disk_bytes: int = 0,
    folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    unreadable: str = "fail",
    threads: int | None = None,
) -> Prepared:
    """Reads and fits every example once, in parallel, and keeps the results where they fit.

    Pictures are kept as uint8 [h, w, c], classes as int32, boxes as float32 [4], masks as uint8
    [h, w]. An example that lacks a target (a picture with no object, where a box is wanted) is
    always left out.

    Args:
        split: What to read.
        preprocessing: Decodes and fits an example.
        targets: Which of "class", "box" and "mask" to keep.
        cache: Where the results are kept: "memory", "disk", "none", or "auto", the first of
            these whose budget they are within. Where they are not kept the examples are only
            checked, and read again for each batch.
        budget_bytes: What they may take of memory.
        disk_bytes: What they may take of the disk.
        folder: Where on disk, in a file that is gone when the process ends; None for nowhere.
        progress: Called with the number of examples done and their total.
        unreadable: "fail" stops with an error that names the unreadable examples, "skip" leaves
            them out.
        threads: How many read them; None for as many as there are cores to run on.

    Raises:
        UserError: If examples cannot be read and `unreadable` is "fail", or none is left, or
            they are to be kept where their budget or the room there does not suffice.
    """
    if unreadable not in ("fail", "skip"):
        raise UserError(f"unreadable is 'fail' or 'skip', not {unreadable!r}")

    def raw(index: tf.Tensor) -> Batch:
        example = split.read(tf.cast(index, tf.int64))
        # Without the other targets, so that no mask is decoded where none is wanted.
        return {key: example[key] for key in ("image", *targets)}

    def example(index: tf.Tensor) -> tuple[Batch, tf.Tensor, Origin]:
        found = raw(index)
        prepared, origin = preprocessing.prepare_with_origin(found)
        return prepared, _is_complete(found), origin

    size = _example_bytes(preprocessing, targets) * split.length
    kept = place_for(cache, size, budget_bytes, disk_bytes, folder, split.name)
    indices, complete, arrays, rows, pixels = _read_all(
        split, example, allocate=allocator(kept, folder), progress=progress, threads=threads
    )
    lacking = [(split.label(int(i)), NO_OBJECT) for i in indices[~complete]]
    lost = sorted(set(range(split.length)) - set(indices.tolist()))
    if lost and unreadable == "fail":
        raise UserError(unreadable_message(split, preprocessing, targets, lost))
    reasons = reasons_of(split, preprocessing, targets, lost)
    left_out = [(split.label(i), why) for i, why in zip(lost, reasons, strict=True)] + lacking
    if not complete.any():
        raise UserError(
            f"no example of {split.name} can be used ({len(left_out)} were left out"
            + (f"; {left_out[0][0]} {left_out[0][1]}" if left_out else "")
            + "); choose other data"
        )
    indices = indices[complete]
    rows = {name: row[complete] for name, row in rows.items()}
    lookup = tf.constant(indices)
    gather = {"memory": from_memory, "disk": from_disk}.get(kept)
    read_batch = None if gather is None else gather(arrays, complete)
    at_once = 0

    def read(position: tf.Tensor) -> Batch:
        return example(lookup[position])[0]

    if read_batch is None and rows["ratio"].any():
        read_batch = plain_reader(split, preprocessing, targets, indices, rows, read)
        at_once = AT_ONCE
    return Prepared(
        split=split,
        targets=tuple(targets),
        indices=indices,
        left_out=tuple(left_out),
        kept=kept,
        size_bytes=size,
        classes=rows.get("class"),
        pixels=pixels if "mask" in targets else None,
        read=read_batch if gather is not None and read_batch is not None else read,
        read_batch=read_batch,
        at_once=at_once,
    )


def _example_bytes(preprocessing: Preprocessing, targets: tuple[str, ...]) -> int:
    pixels = preprocessing.size[0] * preprocessing.size[1]
    of_target = {"class": 4, "box": 16, "mask": pixels}
    return pixels * preprocessing.channels + sum(of_target[target] for target in targets)


def _read_all(
    split: Split,
    example: Callable[[tf.Tensor], tuple[Batch, tf.Tensor, Origin]],
    *,
    allocate: Allocate | None,
    progress: Callable[[int, int], None] | None,
    threads: int | None,
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Reads every example.

    Returns:
        int64 [m], which could be read; bool [m], which of them have all targets; if there is an
        `allocate` to make them, their arrays; what is known of each in any case, see
        `plain_reader`; and int64 [256], how often each id occurs in their masks.
    """

    # AutoGraph would wrap a user's mistake, found while tracing, in an error of its own.
    @tf.autograph.experimental.do_not_convert
    def indexed(index: tf.Tensor) -> tuple[tf.Tensor, tuple[Batch, tf.Tensor, Origin]]:
        return index, example(index)

    data = (
        tf.data.Dataset.range(split.length)
        .map(indexed, num_parallel_calls=threads_of(threads), deterministic=True)
        .ignore_errors()
        .batch(_CHUNK)
        .prefetch(2)
    )
    data = limited(data, threads)
    indices = np.empty(split.length, np.int64)
    complete = np.empty(split.length, bool)
    arrays: dict[str, np.ndarray] = {}
    rows: dict[str, np.ndarray] = {}
    pixels = np.zeros(256, np.int64)
    done = 0

    def keep(into: dict[str, np.ndarray], of: Batch, allocate: Allocate) -> None:
        for key, tensor in of.items():
            value = np.asarray(tensor)
            if key not in into:
                into[key] = allocate((split.length, *value.shape[1:]), value.dtype)
            into[key][done : done + len(value)] = value

    for index, (batch, whole, origin) in data:
        stop = done + len(index)
        indices[done:stop] = index
        complete[done:stop] = whole
        small = {key: batch[key] for key in ("class", "box") if key in batch}
        keep(rows, {**small, **origin._asdict()}, np.empty)
        if "mask" in batch:
            for mask in np.asarray(batch["mask"]):
                pixels += np.bincount(mask.ravel(), minlength=256)
        if allocate is not None:
            keep(arrays, batch, allocate)
        done = stop
        if progress is not None:
            progress(int(index[-1]) + 1, split.length)
    if progress is not None and (not done or indices[done - 1] + 1 != split.length):
        progress(split.length, split.length)
    arrays, rows = ({key: value[:done] for key, value in of.items()} for of in (arrays, rows))
    return indices[:done], complete[:done], arrays, rows, pixels


def _is_complete(raw: Batch) -> tf.Tensor:
    complete = tf.constant(True)
    if "box" in raw:
        complete &= tf.reduce_all(tf.math.is_finite(raw["box"]))
    if "class" in raw:
        complete &= raw["class"] >= 0
    return complete
