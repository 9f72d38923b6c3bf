"""Why an example cannot be read, found out once it could not."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from zoo.data.dataset import Split
from zoo.data.findings import Reason
from zoo.data.untuned import untuned
from zoo.preprocess import MASK_SIZE, Preprocessing, picture_error

_NAMED = 5
# So many are looked at one by one in the time that it takes to trace a function.
_FEW = 8


def reason_of(
    split: Split, preprocessing: Preprocessing, targets: tuple[str, ...], index: int
) -> Reason:
    """Says why an example cannot be read.

    Args:
        split: It is of.
        preprocessing: Decodes and fits it.
        targets: Which of "class", "box" and "mask" are wanted of it.
        index: Its place in the split.
    """
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


def reasons_of(
    split: Split, preprocessing: Preprocessing, targets: tuple[str, ...], lost: list[int]
) -> list[Reason]:
    """Says of each why it cannot be read; see `reason_of`."""
    found = _picture_faults(split, preprocessing, lost) if len(lost) > _FEW else {}
    return [found.get(i) or reason_of(split, preprocessing, targets, i) for i in lost]


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
        data = untuned(data.map(indexed, num_parallel_calls=tf.data.AUTOTUNE).ignore_errors())
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


def _first_line(error: tf.errors.OpError) -> Reason:
    # The rest of the message names ops and devices, which says nothing to a user.
    first = str(error.message).strip().splitlines()[0]
    kind = "mask-size" if MASK_SIZE in first else "unreadable-picture"
    return Reason(kind, f"cannot be used: {first}")


def unreadable_message(
    split: Split, preprocessing: Preprocessing, targets: tuple[str, ...], lost: list[int]
) -> str:
    """Returns the sentence that names examples which cannot be read."""
    named = "; ".join(
        f"{split.label(index)} {reason_of(split, preprocessing, targets, index)}"
        for index in lost[:_NAMED]
    )
    more = f"; and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    return (
        f"{len(lost)} of the {split.length} examples of {split.name} cannot be used: {named}{more}"
        "; repair or remove them (`zoo check` names each), or leave them out with unreadable='skip'"
    )
