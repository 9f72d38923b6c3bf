"""What COCO's objects come to: a box with a name, or a shape with an id."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from zoo.data.files.coco.listing import Listed, Mark
from zoo.data.files.counting import Counting
from zoo.data.files.objects import Annotation, Box, Thing, corners
from zoo.data.files.shapes import DrawnMask, Outline, Rectangle, Runs, Shape, polygon, runs_from
from zoo.data.findings import Reason


def annotation_of(listed: Listed, source: str, counting: Counting) -> Annotation:
    """Returns a picture's objects as boxes; crowds are none, being no one object.

    Args:
        listed: The picture.
        source: The file that it stands in.
        counting: Which objects count.
    """
    annotation = Annotation(source=source, size=listed.size, shared=True)
    for mark in listed.marks:
        if mark.crowd or not _counts(mark, counting):
            continue
        box = _edges(mark.box)
        if box is None and not mark.box:
            box = _around(mark.segmentation)
        if mark.name is None:
            fault = _unknown(mark)
        elif box is None:
            fault = f"{mark} has no box of four numbers"
        else:
            written = corners([float(side) for side in mark.box]) if mark.box else ""
            name = counting.classes[mark.name]
            annotation.objects.append(Thing(mark.number, name, box, written))
            continue
        annotation.faults.append(Reason("object-incomplete", fault))
    return annotation


def mask_of(
    listed: Listed, source: str, size: tuple[int, int] | None, counting: Counting
) -> tuple[DrawnMask | Reason, list[Reason]]:
    """Returns a picture's objects as a mask.

    Crowds, and objects of an unknown category, are ignored. So is the box of an object whose
    shape cannot be drawn: nobody knows which of its pixels are the object's.

    Args:
        listed: The picture.
        source: The file that it stands in.
        size: Height and width in pixels of the picture that it was drawn on; None where
            nobody knows, because the picture cannot be read.
        counting: Which objects count.

    Returns:
        The mask, or why there is none; and what is wrong with objects of it.
    """
    from zoo.preprocess import IGNORE

    numbers = counting.numbers
    shapes: list[tuple[Shape, int]] = []
    faults = []
    for mark in listed.marks:
        ignored = mark.crowd or mark.name is None or mark.name in counting.ignored
        if not ignored and not _counts(mark, counting):
            continue
        if mark.name is None:
            faults.append(Reason("object-incomplete", f"{_unknown(mark)}, ignored in its mask"))
        shape, wrong = _shape(mark.segmentation, size)
        if shape is None:
            box = _edges(mark.box)
            if box is None:
                text = f"{mark} has {wrong}, and no box of four numbers"
                return Reason("object-shape", text), faults
            faults.append(Reason("object-shape", f"{mark} has {wrong}: its box is ignored"))
            shape, ignored = Rectangle(_sorted(box)), True
        elif wrong:
            faults.append(Reason("object-shape", f"{mark} has {wrong}, passed over beside others"))
        shapes.append((shape, IGNORE if ignored else numbers[mark.name or ""]))
    return DrawnMask(source, tuple(shapes)), faults


def _counts(mark: Mark, counting: Counting) -> bool:
    # Of an unknown category it may be of any class.
    return mark.name is None or mark.name in counting.classes


def _unknown(mark: Mark) -> str:
    return f"{mark} is of category {mark.category!r}, which is not among the categories"


def _edges(box: Any) -> Box | None:
    """Returns the edges of x, y, width, height; None where they are no four numbers."""
    if not isinstance(box, Sequence) or isinstance(box, str) or len(box) != 4:
        return None
    try:
        x, y, width, height = (float(side) for side in box)
    except (TypeError, ValueError, OverflowError):
        return None
    edges = (x, y, x + width, y + height)
    return edges if all(map(math.isfinite, edges)) else None


def _sorted(box: Box) -> Box:
    x0, y0, x1, y1 = box
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _around(segmentation: Any) -> Box | None:
    shape, _ = _shape(segmentation, None)
    return None if shape is None else shape.box()


def _shape(segmentation: Any, size: tuple[int, int] | None) -> tuple[Outline | Runs | None, str]:
    """Returns a shape, None where nothing of it can be drawn, and what is wrong with it."""
    if not segmentation:
        return None, "no outline and no runs"
    if isinstance(segmentation, Mapping):
        try:
            runs = runs_from(segmentation.get("counts"), segmentation.get("size"))
            if size is not None:
                runs.check(size)
        except ValueError as error:
            return None, str(error)
        return runs, ""
    if not isinstance(segmentation, list):
        return None, "a segmentation that is neither outlines nor runs"
    # Some write the one outline that there is without the list around it.
    parts = [segmentation] if isinstance(segmentation[0], int | float) else segmentation
    polygons, wrong = [], ""
    for part in parts:
        try:
            outline = Outline((polygon(part),))
            if size is not None:
                outline.check(size)
            polygons += outline.polygons
        except ValueError as error:
            wrong = wrong or str(error)
    return (Outline(tuple(polygons)) if polygons else None), wrong
