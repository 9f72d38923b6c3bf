"""Reads every example of a split once, and keeps it where it fits."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from zoo.data.dataset import NO_OBJECT, Split
from zoo.data.findings import Reason
from zoo.errors import UserError
from zoo.preprocess import MASK_SIZE, Preprocessing, picture_error

Batch = dict[str, tf.Tensor]

_NAMED = 5
_CHUNK = 256
# So many are looked at one by one in the time that it takes to trace a function.
_FEW = 8


@dataclass(frozen=True)
class Prepared:
    """A split whose examples have all been read once and fit the model.

    Attributes:
        split: What it was prepared from.
        targets: Which targets its examples carry.
        indices: int64 [length]: for each example left, its index in `split`.
        left_out: Name and reason of every example that was left out.
        cached: Whether the prepared examples are held in memory.
        read: From an int64 scalar position in [0, length) to a prepared example.
        read_batch: The same from int64 [n] to a batch; n is kept as far as it is static.
    """

    split: Split
    targets: tuple[str, ...]
    indices: np.ndarray
    left_out: tuple[tuple[str, Reason], ...]
    cached: bool
    read: Callable[[tf.Tensor], Batch]
    read_batch: Callable[[tf.Tensor], Batch] | None

    @property
    def length(self) -> int:
        """Number of examples left."""
        return len(self.indices)


def prepare_split(
    split: Split,
    preprocessing: Preprocessing,
    targets: tuple[str, ...],
    *,
    budget_bytes: int = 2 * 1024**3,
    progress: Callable[[int, int], None] | None = None,
    unreadable: str = "fail",
) -> Prepared:
    """Reads and fits every example once, in parallel, and keeps the results where they fit.

    Pictures are kept as uint8 [h, w, c], classes as int32, boxes as float32 [4], masks as uint8
    [h, w]. An example that lacks a target (a picture with no object, where a box is wanted) is
    always left out.

    Args:
        split: What to read.
        preprocessing: Decodes and fits an example.
        targets: Which of "class", "box" and "mask" to keep.
        budget_bytes: Above this the examples are only checked, and read again for each batch.
        progress: Called with the number of examples done and their total.
        unreadable: "fail" stops with an error that names the unreadable examples, "skip" leaves
            them out.

    Raises:
        UserError: If examples cannot be read and `unreadable` is "fail", or none is left.
    """
    if unreadable not in ("fail", "skip"):
        raise UserError(f"unreadable is 'fail' or 'skip', not {unreadable!r}")

    def raw(index: tf.Tensor) -> Batch:
        example = split.read(tf.cast(index, tf.int64))
        # Without the other targets, so that no mask is decoded where none is wanted.
        return {key: example[key] for key in ("image", *targets)}

    def example(index: tf.Tensor) -> tuple[Batch, tf.Tensor]:
        found = raw(index)
        return preprocessing.prepare(found), _is_complete(found)

    cached = _example_bytes(preprocessing, targets) * split.length <= budget_bytes
    indices, complete, arrays = _read_all(split, example, keep=cached, progress=progress)
    lacking = [(split.label(int(i)), NO_OBJECT) for i in indices[~complete]]
    lost = sorted(set(range(split.length)) - set(indices.tolist()))
    if lost and unreadable == "fail":
        raise UserError(_unreadable(split, preprocessing, targets, lost))
    reasons = _reasons(split, preprocessing, targets, lost)
    left_out = [(split.label(i), why) for i, why in zip(lost, reasons, strict=True)] + lacking
    if not complete.any():
        raise UserError(
            f"no example of {split.name} can be used ({len(left_out)} were left out"
            + (f"; {left_out[0][0]} {left_out[0][1]}" if left_out else "")
            + "); choose other data"
        )
    indices = indices[complete]

    if cached:
        tensors: Batch = {}
        for key in list(arrays):
            # One by one: until it is converted, an array is there twice.
            value = arrays.pop(key)
            # On the host: batches are gathered there and travel to a device one by one.
            with tf.device("CPU"):
                tensors[key] = tf.convert_to_tensor(value if complete.all() else value[complete])

        def gather(positions: tf.Tensor) -> Batch:
            return {key: tf.gather(value, positions) for key, value in tensors.items()}

        read, read_batch = gather, gather
    else:
        lookup = tf.constant(indices)

        def read(positions: tf.Tensor) -> Batch:
            return example(lookup[positions])[0]

        read_batch = None
    return Prepared(
        split=split,
        targets=tuple(targets),
        indices=indices,
        left_out=tuple(left_out),
        cached=cached,
        read=read,
        read_batch=read_batch,
    )


def _example_bytes(preprocessing: Preprocessing, targets: tuple[str, ...]) -> int:
    pixels = preprocessing.size[0] * preprocessing.size[1]
    of_target = {"class": 4, "box": 16, "mask": pixels}
    return pixels * preprocessing.channels + sum(of_target[target] for target in targets)


def _read_all(
    split: Split,
    example: Callable[[tf.Tensor], tuple[Batch, tf.Tensor]],
    *,
    keep: bool,
    progress: Callable[[int, int], None] | None,
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Reads every example.

    Returns:
        int64 [m], which could be read; bool [m], which of them have all targets; and, if `keep`,
        their arrays.
    """

    # AutoGraph would wrap a user's mistake, found while tracing, in an error of its own.
    @tf.autograph.experimental.do_not_convert
    def indexed(index: tf.Tensor) -> tuple[tf.Tensor, tuple[Batch, tf.Tensor]]:
        return index, example(index)

    data = (
        tf.data.Dataset.range(split.length)
        .map(indexed, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .ignore_errors()
        .batch(_CHUNK)
        .prefetch(2)
    )
    indices = np.empty(split.length, np.int64)
    complete = np.empty(split.length, bool)
    arrays: dict[str, np.ndarray] = {}
    done = 0
    for index, (batch, whole) in data:
        stop = done + len(index)
        indices[done:stop] = index
        complete[done:stop] = whole
        for key, tensor in batch.items() if keep else ():
            value = np.asarray(tensor)
            if key not in arrays:
                arrays[key] = np.empty((split.length, *value.shape[1:]), value.dtype)
            arrays[key][done:stop] = value
        done = stop
        if progress is not None:
            progress(int(index[-1]) + 1, split.length)
    if progress is not None and (not done or indices[done - 1] + 1 != split.length):
        progress(split.length, split.length)
    return indices[:done], complete[:done], {key: value[:done] for key, value in arrays.items()}


def _is_complete(raw: Batch) -> tf.Tensor:
    complete = tf.constant(True)
    if "box" in raw:
        complete &= tf.reduce_all(tf.math.is_finite(raw["box"]))
    if "class" in raw:
        complete &= raw["class"] >= 0
    return complete


def _reasons(
    split: Split, preprocessing: Preprocessing, targets: tuple[str, ...], lost: list[int]
) -> list[Reason]:
    """Says of each why it cannot be read."""
    found = _picture_faults(split, preprocessing, lost) if len(lost) > _FEW else {}
    return [found.get(i) or _reason(split, preprocessing, targets, i) for i in lost]


def _picture_faults(
    split: Split, preprocessing: Preprocessing, lost: list[int]
) -> dict[int, Reason]:
    """Returns what is wrong with those whose encoded picture is at fault, read in parallel."""

    def each(of: Callable[[tf.Tensor], tf.Tensor]) -> dict[int, bytes]:
        @tf.autograph.experimental.do_not_convert
        def indexed(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            image = split.read(index)["image"]
            return index, of(image) if image.dtype == tf.string else tf.constant("")

        data = tf.data.Dataset.from_tensor_slices(np.array(lost, np.int64))
        data = data.map(indexed, num_parallel_calls=tf.data.AUTOTUNE).ignore_errors()
        return {int(index): bytes(value) for index, value in iter(data.as_numpy_iterator())}

    def read(image: tf.Tensor) -> tf.Tensor:
        prepared = preprocessing.prepare({"image": image})["image"]
        # What is not asked for would not be decoded.
        return tf.as_string(tf.reduce_max(prepared))

    good = each(read)
    return {
        index: Reason("unreadable-picture", fault.decode())
        for index, fault in each(picture_error).items()
        if index not in good
    }


def _reason(
    split: Split, preprocessing: Preprocessing, targets: tuple[str, ...], index: int
) -> Reason:
    """Says why an example cannot be read."""
    try:
        raw = split.read(tf.constant(index, tf.int64))
    except tf.errors.NotFoundError:
        return split.explain(index) or Reason("missing-picture", "is not there any more")
    except tf.errors.PermissionDeniedError:
        return Reason("unreadable-picture", "may not be read (permission denied)")
    except tf.errors.OpError as error:
        return split.explain(index) or _first_line(error)
    try:
        preprocessing.prepare({"image": raw["image"]})
    except tf.errors.OpError as error:
        if raw["image"].dtype == tf.string:
            found_out = bytes(picture_error(raw["image"]).numpy()).decode()
            return Reason("unreadable-picture", found_out)
        return _first_line(error)
    try:
        preprocessing.prepare({key: raw[key] for key in ("image", *targets)})
    except tf.errors.OpError as error:
        return split.explain(index) or _first_line(error)
    return Reason("unreadable-picture", "could be read only the second time")


def _first_line(error: tf.errors.OpError) -> Reason:
    # The rest of the message names ops and devices, which says nothing to a user.
    first = str(error.message).strip().splitlines()[0]
    kind = "mask-size" if MASK_SIZE in first else "unreadable-picture"
    return Reason(kind, f"cannot be used: {first}")


def _unreadable(
    split: Split, preprocessing: Preprocessing, targets: tuple[str, ...], lost: list[int]
) -> str:
    named = "; ".join(
        f"{split.label(index)} {_reason(split, preprocessing, targets, index)}"
        for index in lost[:_NAMED]
    )
    more = f"; and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    return (
        f"{len(lost)} of the {split.length} examples of {split.name} cannot be used: {named}{more}"
        "; repair or remove them (`zoo check` names each), or leave them out with unreadable='skip'"
    )
