"""From examples on disk to a data set under the contract of `zoo.data`."""

import math
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.data.dataset import DataSet, Split
from zoo.data.files.example import Example
from zoo.data.files.splits import divide
from zoo.data.findings import Finding, Reason
from zoo.data.mask_classes import MaskClasses, find_classes, mask_classes
from zoo.data.request import Request
from zoo.errors import UserError


def dataset_of(
    root: Path,
    examples: Sequence[Example],
    request: Request,
    *,
    carries: frozenset[str],
    findings: Sequence[Finding] = (),
    classes: Mapping[str, str] | None = None,
    ignore: Sequence[int] = (),
    mirrored: bool | None = None,
) -> DataSet:
    """Divides examples and makes them readable by index.

    Args:
        root: Folder of the data set.
        examples: All there are, in natural order.
        request: What is asked for.
        carries: Which of "class", "box" and "mask" the format has.
        findings: What was decided and found so far.
        classes: As `mask_classes` takes them; None to find out.
        ignore: Mask ids to ignore.
        mirrored: As in `DataSet`.

    Raises:
        UserError: If no example is left in a split, or a class has none in train.
    """
    wanted = request.wanted(carries)
    needed = wanted & {"mask"} if request.targets is None else wanted
    parts, divided = divide(
        examples, request, root=root, lacks=lambda example: example.reason_against(needed)
    )
    findings = [*findings, *divided]
    if not parts["train"]:
        why = next((one.text for one in divided if one.text.startswith("left out of train")), "")
        raise UserError(
            f"{root} has no example to train on" + (f"; {why}" if why else "; add some")
        )
    labels: tuple[str, ...] = ()
    if "class" in wanted:
        labels = tuple(
            sorted({one.label for found in parts.values() for one in found if one.label})
        )
        findings += _absent(root, parts, labels)
    ids = None
    if "mask" in wanted:
        if classes is None:
            masks = _reader_of_files([str(one.mask) for one in parts["train"]])
            ids, said = find_classes(masks, len(parts["train"]), ignore, root.name)
            findings.append(said)
        else:
            ids = mask_classes(classes, ignore)
    return DataSet(
        name=root.name,
        targets=wanted,
        label_names=labels,
        mask_names=ids.names if ids else (),
        splits={name: _split(name, found, wanted, labels, ids) for name, found in parts.items()},
        findings=tuple(findings),
        mirrored=mirrored,
    )


def _absent(
    root: Path, parts: Mapping[str, Sequence[Example]], labels: Sequence[str]
) -> list[Finding]:
    findings = []
    for split, found in parts.items():
        absent = sorted(set(labels) - {example.label for example in found})
        if absent and split == "train":
            raise UserError(
                f"class {absent[0]!r} of {root} has no picture to train on; add some, or remove it"
            )
        if absent:
            text = f"without a picture in {split}: {', '.join(absent)}"
            findings.append(Finding("class-absent", "", text))
    return findings


def _split(
    name: str,
    examples: Sequence[Example],
    wanted: frozenset[str],
    labels: Sequence[str],
    ids: MaskClasses | None,
) -> Split:
    import tensorflow as tf

    numbers = {label: number for number, label in enumerate(labels)}
    counts = Counter(example.label for example in examples)
    reads: dict[str, Callable[[Any], Any]] = {"image": _reader_of_pictures(examples)}
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
        reads["mask"] = _reader_of_masks(examples, ids)

    def read(index: Any) -> dict[str, Any]:
        return {target: of(index) for target, of in reads.items()}

    return Split(
        name=name,
        length=len(examples),
        read=read,
        label=lambda index: _path_of(examples[int(index)]),
        counts=tuple(counts[label] for label in labels) if "class" in wanted else None,
        explain=lambda index: _explain(examples[int(index)], ids),
    )


def _path_of(example: Example) -> str:
    # With the object's number, where an example is one of several in its picture.
    return example.path + example.name.removeprefix(example.file)


def _row_of(values: Any) -> Callable[[Any], Any]:
    return lambda index: values[index]


def _reader_of_pictures(examples: Sequence[Example]) -> Callable[[Any], Any]:
    import tensorflow as tf

    from zoo.preprocess import decode_image

    whole = _reader_of_files([example.path for example in examples])
    with tf.device("CPU"):
        windows = tf.constant([example.window or (0, 0, 0, 0) for example in examples])

    def part(index: Any) -> Any:
        def cut_out() -> Any:
            top, left, height, width = tf.unstack(windows[index])
            # Encoded again without loss, alpha and all, so that it is a picture like others.
            picture = decode_image(whole(index), 4)
            return tf.io.encode_png(picture[top : top + height, left : left + width])

        return tf.cond(windows[index][2] > 0, cut_out, lambda: whole(index))

    return part if any(example.window for example in examples) else whole


def _reader_of_files(paths: Sequence[str]) -> Callable[[Any], Any]:
    import tensorflow as tf

    with tf.device("CPU"):
        held = tf.constant([os.fsencode(path) for path in paths])
    return lambda index: tf.io.read_file(held[index])


def _reader_of_masks(examples: Sequence[Example], ids: MaskClasses) -> Callable[[Any], Any]:
    import tensorflow as tf

    from zoo.preprocess import decode_mask, orient

    encoded = _reader_of_files([example.mask or "" for example in examples])
    with tf.device("CPU"):
        turns = tf.constant([example.mask_orientation for example in examples], tf.int32)

    def read(index: Any) -> Any:
        mask = tf.expand_dims(decode_mask(encoded(index)), -1)
        return ids.numbers(tf.squeeze(orient(mask, turns[index]), -1))

    return read


def _explain(example: Example, ids: MaskClasses | None) -> Reason | None:
    """Says why an example cannot be used; None if only its picture's bytes can be at fault."""
    import tensorflow as tf

    from zoo.preprocess import decode_mask, picture_error

    if example.window is not None:
        # It is decoded to be cut out, so that nobody else meets the bytes.
        found_out = bytes(picture_error(tf.io.read_file(example.path)).numpy()).decode()
        return Reason("unreadable-picture", found_out)
    if ids is None or example.mask is None:
        return None
    mask = os.path.relpath(example.mask, example.path.removesuffix(example.file))
    try:
        data = tf.io.read_file(example.mask)
    except tf.errors.OpError:
        text = f"has the mask {mask}, which cannot be opened any more"
        return Reason("unreadable-mask", text)
    try:
        found = decode_mask(data).numpy()
    except tf.errors.OpError as error:
        unfit = "is not a PNG of class ids (gray or palette, ids 0 to 255)"
        found_out = bytes(picture_error(data).numpy()).decode()
        why = unfit if unfit in str(error.message) else found_out
        return Reason("unreadable-mask", f"has the mask {mask}, which {why}")
    unknown = ids.unknown(found)
    if unknown:
        several = "ids" if len(unknown) > 1 else "id"
        pixels = sum(int((found == id_).sum()) for id_ in unknown)
        text = (
            f"has the mask {mask}, which holds the unknown {several} "
            f"{', '.join(map(str, unknown))} in {pixels:,} pixel{'s' if pixels > 1 else ''} "
            f"(known: {ids.text()})"
        )
        return Reason("mask-unknown-id", text)
    return None
