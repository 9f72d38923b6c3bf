"""From examples on disk to a split that reads them by index."""

import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from zoo.amounts import plural
from zoo.data.dataset import Split, Stored
from zoo.data.files.decoding import reader_of_files
from zoo.data.files.example import Example, Reader
from zoo.data.findings import Reason, UnfitMaskError
from zoo.data.mask_classes import MaskClasses


def split_of(
    name: str,
    examples: Sequence[Example],
    pictures: Reader,
    wanted: frozenset[str],
    labels: Sequence[str],
    ids: MaskClasses | None,
) -> Split:
    """Makes examples readable by index.

    Args:
        name: Of the split.
        examples: In its order.
        pictures: Reads them.
        wanted: Which of "class", "box" and "mask" to read.
        labels: Names of the classes, in the order of their numbers.
        ids: The classes of the masks' ids; None where no masks are read.
    """
    import tensorflow as tf

    numbers = {label: number for number, label in enumerate(labels)}
    counts = Counter(example.label for example in examples)
    reads: dict[str, Callable[[Any], Any]] = {"image": pictures.reader(examples)}
    # On the host: paths are strings, which no accelerator holds.
    with tf.device("CPU"):
        if "class" in wanted:
            classes = [numbers.get(example.label or "", -1) for example in examples]
            reads["class"] = _row_of(tf.constant(classes, tf.int32))
        if "box" in wanted:
            nowhere = (math.nan,) * 4
            boxes = [nowhere if one.box is None else one.box for one in examples]
            reads["box"] = _row_of(tf.constant(boxes, tf.float32))
    if ids is not None:
        reads["mask"] = _reader_of_classes(examples, ids)

    def read(index: Any) -> dict[str, Any]:
        return {target: of(index) for target, of in reads.items()}

    return Split(
        name=name,
        length=len(examples),
        read=read,
        label=lambda index: _path_of(examples[int(index)]),
        counts=tuple(counts[label] for label in labels) if "class" in wanted else None,
        explain=lambda index: _explain(examples[int(index)], pictures, ids),
        lacks=lambda index: examples[int(index)].lacks,
        files=lambda index: _files_of(examples[int(index)]),
        stored=lambda index: _stored(examples[int(index)], pictures, ids),
    )


def _path_of(example: Example) -> str:
    # With the object's number, where an example is one of several in its picture.
    return example.path + example.name.removeprefix(example.file)


def _files_of(example: Example) -> tuple[str, ...]:
    mask = example.mask if isinstance(example.mask, str) else None
    return (example.path,) if mask is None else (example.path, mask)


def _stored(example: Example, pictures: Reader, ids: MaskClasses | None) -> Stored | None:
    if not pictures.as_stored(example):
        return None
    mask = example.mask if isinstance(example.mask, str) else None
    return Stored(example.path, mask if example.mask_orientation == 1 else None, ids)


def _row_of(values: Any) -> Callable[[Any], Any]:
    return lambda index: values[index]


def reader_of_masks(examples: Sequence[Example]) -> Callable[[Any], Any]:
    """Returns a function from an int64 scalar index to a mask as it was drawn.

    Args:
        examples: All with masks.

    Returns:
        Gives string scalars, encoded PNGs, where all masks are files; else uint8 [h, w] of ids.
    """
    import tensorflow as tf

    from zoo.preprocess import decode_mask

    files = [example.mask if isinstance(example.mask, str) else "" for example in examples]
    encoded = reader_of_files(files)
    if all(example.mask is None or isinstance(example.mask, str) for example in examples):
        return encoded
    with tf.device("CPU"):
        is_file = tf.constant([bool(file) for file in files])

    def draw(index: Any) -> Any:
        try:
            return _rendered(examples[int(index)])
        except ValueError as error:
            # As reading a file fails, so that eagerly, too, it is met as a fault of the data.
            raise tf.errors.InvalidArgumentError(None, None, str(error)) from error

    def drawn(index: Any) -> Any:
        return tf.ensure_shape(tf.numpy_function(draw, [index], tf.uint8), [None, None])

    if not any(files):
        return drawn
    return lambda index: tf.cond(
        is_file[index], lambda: decode_mask(encoded(index)), lambda: drawn(index)
    )


def _rendered(example: Example) -> Any:
    import numpy as np

    height, width = example.size
    if example.mask_orientation >= 5:
        height, width = width, height
    if not height or not width or example.mask is None or isinstance(example.mask, str):
        # Reading the picture says what is wrong with it.
        return np.zeros((0, 0), np.uint8)
    mask = example.mask.render((height, width))
    if mask.dtype != np.uint8 or mask.shape != (height, width):
        raise TypeError(f"{example.mask} rendered {mask.dtype} {mask.shape}")
    return mask


def _reader_of_classes(examples: Sequence[Example], ids: MaskClasses) -> Callable[[Any], Any]:
    import tensorflow as tf

    from zoo.preprocess import decode_mask, orient

    stored = reader_of_masks(examples)
    with tf.device("CPU"):
        turns = tf.constant([example.mask_orientation for example in examples], tf.int32)
    turned = any(example.mask_orientation != 1 for example in examples)

    def read(index: Any) -> Any:
        mask = stored(index)
        if mask.dtype == tf.string:
            mask = decode_mask(mask)
        # A cond for each mask, where hardly a set has a mask to turn.
        if turned:
            mask = tf.squeeze(orient(tf.expand_dims(mask, -1), turns[index]), -1)
        return ids.numbers(mask)

    return read


def _explain(example: Example, pictures: Reader, ids: MaskClasses | None) -> Reason | None:
    """Says why an example cannot be used; None if only its picture's bytes can be at fault."""
    if (fault := pictures.fault(example)) is not None:
        return fault
    if ids is None or example.mask is None:
        return None
    if isinstance(example.mask, str):
        mask = os.path.relpath(example.mask, example.path.removesuffix(example.file))
    else:
        mask = str(example.mask)
    try:
        found = _ids_of(example)
    except ValueError as error:
        kind = error.kind if isinstance(error, UnfitMaskError) else "unreadable-mask"
        return Reason(kind, f"has the mask {mask}, which {error}")
    unknown = ids.unknown(found)
    if unknown:
        several = "ids" if len(unknown) > 1 else "id"
        pixels = sum(int((found == id_).sum()) for id_ in unknown)
        text = (
            f"has the mask {mask}, which holds the unknown {several} "
            f"{', '.join(map(str, unknown))} in {plural(int(pixels), 'pixel')} "
            f"(known: {ids.text()})"
        )
        return Reason("mask-unknown-id", text)
    return None


def _ids_of(example: Example) -> Any:
    """Reads a mask's ids; the message of its ValueError is the end of a sentence on the mask."""
    import tensorflow as tf

    from zoo.preprocess import decode_mask, picture_error

    if not isinstance(example.mask, str):
        return _rendered(example)
    try:
        data = tf.io.read_file(example.mask)
    except tf.errors.OpError as error:
        raise ValueError("cannot be opened any more") from error
    try:
        return decode_mask(data).numpy()
    except tf.errors.OpError as error:
        unfit = "is not a PNG of class ids (gray or palette, ids 0 to 255)"
        found_out = bytes(picture_error(data).numpy()).decode()
        raise ValueError(unfit if unfit in str(error.message) else found_out) from error
