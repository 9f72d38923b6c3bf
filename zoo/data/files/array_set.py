"""From arrays of pictures, labels, boxes and masks to a data set."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zoo.data.dataset import DataSet
from zoo.data.files.array_labels import names_of
from zoo.data.files.arrays import (
    ArrayMask,
    ArrayPictures,
    Values,
    as_pictures,
    file_of,
    range_of,
)
from zoo.data.files.box_formats import BoxFormat, Written, edges_of, guess_format
from zoo.data.files.boxes import with_boxes
from zoo.data.files.dataset import dataset_of
from zoo.data.files.example import Example
from zoo.data.files.objects import Annotation, Box, Thing, corners
from zoo.data.files.pictures import Look
from zoo.data.findings import Finding, Reason, decision
from zoo.data.request import Request
from zoo.errors import UserError

_ONLY = "object"


@dataclass(frozen=True)
class Part:
    """Arrays that belong together, a row each for every picture.

    Attributes:
        name: Of the array of pictures, for messages: "x_train".
        split: "train", "validation" or "test"; empty where it does not say.
        images: [n, h, w], [n, h, w, c] or [n, c, h, w].
        labels: [n], [n, 1] or one-hot [n, k]; None where there are none.
        boxes: [n, 4]; a row of NaN or of zeros is a picture without an object.
        masks: [n, h, w] or [n, h, w, 1] of ids.
    """

    name: str
    split: str
    images: np.ndarray
    labels: np.ndarray | None = None
    boxes: np.ndarray | None = None
    masks: np.ndarray | None = None


def set_of_arrays(
    path: Path,
    parts: Sequence[Part],
    request: Request,
    *,
    names: Sequence[str] = (),
    values: Sequence[float] | None = None,
    box_format: BoxFormat | None = None,
    classes: Mapping[str, str] | None = None,
    ignore: Sequence[int] = (),
    findings: Sequence[Finding] = (),
) -> DataSet:
    """Makes a data set of arrays.

    Args:
        path: The file or folder that they are from.
        parts: Each of another split.
        request: What is asked for.
        names: Of the classes, by the number in the labels; the numbers themselves if empty.
        values: What becomes 0 and what becomes 255; None for the rule of picture files.
        box_format: What a box's four numbers mean; None to guess.
        classes: From mask ids to names, as `mask_classes` takes them.
        ignore: Mask ids to ignore.
        findings: What was decided so far.

    Raises:
        UserError: If an array is of no use, or arrays do not fit each other.
    """
    said = list(findings)
    pictures = {part.name: as_pictures(part.images, part.name) for part in parts}
    turned = [
        name
        for name, array in pictures.items()
        if array.strides[-1] > array.strides[1] and array.shape[-1] > 1
    ]
    if turned:
        said.append(decision(f"{' and '.join(turned)} are read as [n, channels, height, width]"))
    chosen, decided = _values(pictures, values)
    said += decided
    carries = {
        target
        for target in ("labels", "boxes", "masks")
        if all(getattr(part, target) is not None for part in parts)
    }
    examples: list[Example] = []
    for part in parts:
        made, decided = _examples(path, part, pictures[part.name], names, carries)
        examples += made
        said += decided
    if "boxes" in carries:
        examples, decided = _with_boxes(path, parts, examples, box_format, "labels" in carries)
        said += decided
    targets = {"labels": {"class"}, "boxes": {"class", "box"}, "masks": {"mask"}}
    found = frozenset(target for key in carries for target in targets[key])
    if not found:
        raise UserError(
            f"{path} holds pictures and nothing to learn: it needs an array of labels, boxes or "
            "masks for each array of pictures"
        )
    return dataset_of(
        path if path.is_dir() else path.parent,
        examples,
        request,
        carries=found,
        findings=said,
        classes=classes,
        ignore=ignore,
        store=ArrayPictures(pictures, chosen),
        name=path.name if path.is_dir() else path.stem,
    )


def _values(
    pictures: Mapping[str, np.ndarray], values: Sequence[float] | None
) -> tuple[Values, list[Finding]]:
    if values is None:
        return range_of(pictures)
    if len(values) != 2 or not all(map(math.isfinite, values)) or values[0] >= values[1]:
        raise UserError(
            f"values={list(values)} is no range; give what becomes 0 and what becomes 255, as in "
            "values=[0, 4095]"
        )
    return (float(values[0]), float(values[1])), []


def _examples(
    path: Path, part: Part, pictures: np.ndarray, names: Sequence[str], carries: set[str]
) -> tuple[list[Example], list[Finding]]:
    count, (height, width) = len(pictures), pictures.shape[1:3]
    for what in carries:
        array = getattr(part, what)
        if len(array) != count:
            raise UserError(
                f"{part.name} of {path} has {count:,} pictures and {len(array):,} {what}; "
                "there has to be one of each for every picture"
            )
    labels: Sequence[str | None] = [None] * count
    said: list[Finding] = []
    if "labels" in carries and part.labels is not None:
        labels, said = names_of(part.labels, names, part.name, path.name)
    masks = _masks(part, (height, width)) if "masks" in carries else None
    examples = []
    for row, label in enumerate(labels):
        file = file_of(part.name, row)
        example = Example(
            name=file,
            file=file,
            path=f"{path} {file}",
            label=label,
            size=(height, width),
            mask=None if masks is None else ArrayMask(masks, row, f"{part.name}'s masks"),
            split=part.split,
        )
        if "labels" in carries and label is None:
            why = Reason("missing-label", "has no label")
            example = replace(example, lacks={"class": why})
        examples.append(example)
    return examples, said


def _masks(part: Part, size: tuple[int, int]) -> np.ndarray | None:
    masks = part.masks
    if masks is None:
        return None
    if masks.ndim == 4 and masks.shape[-1] == 1:
        masks = masks[..., 0]
    if masks.ndim != 3 or masks.shape[1:] != size or masks.dtype.kind not in "buif":
        raise UserError(
            f"the masks of {part.name} are {masks.dtype} {list(masks.shape)}; they have to be ids "
            f"of the shape {[len(masks), *size]}"
        )
    return masks


def _with_boxes(
    path: Path,
    parts: Sequence[Part],
    examples: Sequence[Example],
    box_format: BoxFormat | None,
    labelled: bool,
) -> tuple[list[Example], list[Finding]]:
    boxes: list[Box | None] = []
    for part in parts:
        array = np.asarray(part.boxes, np.float64)
        if array.ndim != 2 or array.shape[1] != 4:
            raise UserError(
                f"the boxes of {part.name} have the shape {list(array.shape)}; they have to be "
                f"[{len(array)}, 4]"
            )
        boxes += [
            (a, b, c, d) if any((a, b, c, d)) and all(map(math.isfinite, (a, b, c, d))) else None
            for a, b, c, d in array.tolist()
        ]
    said: list[Finding] = []
    if box_format is None:
        written = [Written(box, one.size) for box, one in zip(boxes, examples, strict=True) if box]
        box_format, finding = guess_format(written, path.name)
        said.append(finding)
    if not labelled:
        said.append(decision(f"{path.name} has no labels: every object is of class {_ONLY!r}"))
    annotations: dict[str, Annotation | Reason] = {}
    for example, box in zip(examples, boxes, strict=True):
        name = example.label or _ONLY
        things = []
        if box is not None:
            edges = edges_of(box, box_format, example.size)
            things = [Thing(1, name, edges, corners(box))]
        annotations[example.file] = Annotation(f"{path.name} boxes", things, shared=True)
    looks = [Look("array", example.size, 1) for example in examples]
    placed, decided = with_boxes(
        examples,
        looks,
        annotations,
        objects="largest",
        label_of=(lambda one: one.label or "") if labelled else None,
    )
    return placed, [*said, *decided]
