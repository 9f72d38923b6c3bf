"""From YOLO's labels to boxes and masks."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.data.files.counting import Counting
from zoo.data.files.example import Example
from zoo.data.files.objects import Annotation, Thing, corners
from zoo.data.files.pictures import Look
from zoo.data.files.shapes import DrawnMask, Outline, Rectangle, polygon
from zoo.data.files.yolo import Shape, read_shapes
from zoo.data.files.yolo_description import Description
from zoo.data.findings import Finding, Reason, decision, found_in

_IGNORE = 255


@dataclass(frozen=True)
class Labels:
    """What a file of labels says.

    Attributes:
        source: Its path below the data set.
        shapes: The objects, and the name of each one's class.
        faults: What is wrong with lines that are none.
    """

    source: str
    shapes: list[tuple[Shape, str]]
    faults: list[Reason]


def read_labels(description: Description, paths: Mapping[str, Path]) -> dict[str, Labels | Reason]:
    """Reads the labels of pictures.

    Args:
        description: Of the data set: the names of its classes.
        paths: Of the labels, by the picture's file.

    Returns:
        By the picture's file, its labels, or why it has none.
    """
    found: dict[str, Labels | Reason] = {}
    for file, path in paths.items():
        source = os.path.relpath(path, description.root)
        if not path.is_file():
            found[file] = Reason("missing-annotation", f"has no labels {source}")
            continue
        try:
            shapes, faults = read_shapes(path, description.key_points)
        except ValueError as error:
            text = f"has the labels {source}, which {error}"
            found[file] = Reason("unreadable-annotation", text)
            continue
        labels = Labels(source, [], faults)
        for shape in shapes:
            name = description.names.get(shape.id, "" if description.names else str(shape.id))
            if name:
                labels.shapes.append((shape, str(name)))
                continue
            text = f"line {shape.line} is of class {shape.id}, which {description.source} lacks"
            faults.append(Reason("object-incomplete", text))
        found[file] = labels
    return found


def used_names(found: Mapping[str, Labels | Reason]) -> set[str]:
    """Returns the names that objects have."""
    read = (labels for labels in found.values() if isinstance(labels, Labels))
    return {name for labels in read for _, name in labels.shapes}


def outlined(found: Mapping[str, Labels | Reason]) -> bool:
    """Whether an object has an outline, so that there are masks."""
    read = (labels for labels in found.values() if isinstance(labels, Labels))
    return any(shape.is_polygon for labels in read for shape, _ in labels.shapes)


def annotations_of(
    found: Mapping[str, Labels | Reason],
    sizes: Mapping[str, tuple[int, int]],
    counting: Counting,
) -> dict[str, Annotation | Reason]:
    """Returns the boxes of each picture's objects, as `with_boxes` takes them.

    Args:
        found: As `read_labels` gives it.
        sizes: Height and width of each picture's file.
        counting: Which objects count.
    """
    annotations: dict[str, Annotation | Reason] = {}
    for file, labels in found.items():
        if isinstance(labels, Reason):
            annotations[file] = labels
            continue
        height, width = sizes[file]
        annotation = Annotation(source=labels.source, faults=labels.faults)
        for number, (shape, name) in enumerate(labels.shapes, 1):
            if name not in counting.classes:
                continue
            x0, y0, x1, y1 = shape.box
            edges = (x0 * width, y0 * height, x1 * width, y1 * height)
            written = corners(shape.values[:4])
            annotation.objects.append(Thing(number, counting.classes[name], edges, written))
        annotations[file] = annotation
    return annotations


def with_drawn(
    examples: Sequence[Example],
    looks: Sequence[Look],
    found: Mapping[str, Labels | Reason],
    counting: Counting,
) -> tuple[list[Example], list[Finding]]:
    """Gives each picture the mask that its outlines draw.

    Args:
        examples: The pictures.
        looks: Their headers.
        found: As `read_labels` gives it.
        counting: Which objects count; what neither counts nor is ignored is background.
    """
    ids = counting.numbers | dict.fromkeys(counting.ignored, _IGNORE)
    masked, boxed, faulty = [], {}, []
    for example, look in zip(examples, looks, strict=True):
        labels = found[example.file]
        if isinstance(labels, Reason):
            masked.append(replace(example, lacks={**example.lacks, "mask": labels}))
            continue
        faulty += [
            Finding(
                one.kind, example.file, f"{labels.source}: {one}, background in its mask", "mended"
            )
            for one in labels.faults
        ]
        drawn = []
        for shape, name in labels.shapes:
            if name not in ids:
                continue
            if shape.is_polygon:
                drawn.append((Outline((polygon(shape.values),), relative=True), ids[name]))
            else:
                if name not in counting.ignored:
                    boxed[example.file] = ""
                height, width = look.size
                x0, y0, x1, y1 = shape.box
                box = (x0 * width, y0 * height, x1 * width, y1 * height)
                drawn.append((Rectangle(box), _IGNORE))
        masked.append(replace(example, mask=DrawnMask(labels.source, drawn)))
    said = "with objects of a box alone, which is ignored in the mask"
    said_of = found_in(boxed, "object-shape", said, effect="mended")
    return masked, [
        *faulty,
        *said_of,
        decision("where objects overlap in masks, the smaller is on top"),
    ]
