"""Why an example cannot be read, found out once it could not."""

import tensorflow as tf

from zoo.data.dataset import Split
from zoo.data.findings import Reason
from zoo.preprocess import MASK_SIZE, Preprocessing, picture_error

_NAMED = 5


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
        "; repair or remove them, or leave them out with unreadable='skip'"
    )
