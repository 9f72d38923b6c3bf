"""The objects of a picture: where their boxes lie, and which of them is learnt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from zoo.data.files.pictures import Look
from zoo.data.findings import Reason

Box = tuple[float, float, float, float]

# Boxes written as fractions of six digits miss the picture's edge by less.
_ROUNDING = 0.01


class Thing(NamedTuple):
    """An object in a picture.

    Attributes:
        number: Which one in its annotation, counted from 1.
        name: Of its class.
        box: x_min, y_min, x_max, y_max: edges in pixels of the picture that it was drawn on, the
            left edge of the first pixel at 0 and the right edge of the last at the width.
        written: The box as it stands in its file, for messages; without it the edges.
    """

    number: int
    name: str
    box: Box
    written: str = ""

    def __str__(self) -> str:
        return f"object {self.number} ({self.name})"

    @property
    def text(self) -> str:
        """The box as people find it in the file."""
        return self.written or corners(self.box)


@dataclass
class Annotation:
    """What is annotated of one picture, by whatever format.

    Attributes:
        source: The file it stands in, for messages: "Annotations/1.xml", "labels.csv line 7".
        objects: Those with a name and a box.
        faults: What is wrong with an object that is not among `objects`.
        repairs: What is wrong and does no harm.
        size: Height and width of the picture that the boxes were drawn on, where the file says
            so; None to take it for the upright picture.
        shared: Whether other pictures are annotated in the same file, so that messages have to
            name the picture.
    """

    source: str
    objects: list[Thing] = field(default_factory=list)
    faults: list[Reason] = field(default_factory=list)
    repairs: list[Reason] = field(default_factory=list)
    size: tuple[int, int] | None = None
    shared: bool = False


@dataclass
class Placed:
    """The objects of a picture, in the picture.

    Attributes:
        objects: Their boxes are edges in pixels of the upright picture, within it.
        faults: What is wrong with objects that are left out.
        repairs: What was wrong with objects that were mended.
    """

    objects: list[Thing] = field(default_factory=list)
    faults: list[Reason] = field(default_factory=list)
    repairs: list[Reason] = field(default_factory=list)


def place_objects(annotation: Annotation, look: Look) -> Placed | Reason:
    """Brings an annotation's boxes into its upright picture.

    Swapped corners are put right, what reaches outside is clipped (without a word where it is a
    rounding of less than a hundredth of a pixel), a box of no width or height or wholly outside
    is a fault. Boxes drawn on a picture that its EXIF orientation turns, as the annotated size
    shows, are turned with it.

    Args:
        annotation: Of the picture.
        look: The header of the picture, which says its size.

    Returns:
        The objects; a reason where the annotation is for a picture of another size.
    """
    placed = Placed(faults=list(annotation.faults), repairs=list(annotation.repairs))
    turned = False
    if annotation.size is not None and annotation.size != look.size:
        turned = annotation.size == look.stored
        if not turned:
            text = f"is for a picture of {_text(annotation.size)} pixels, not {_text(look.size)}"
            return Reason("annotation-size", text)
        text = "its boxes were drawn on the picture as stored, and are turned with it"
        together = "with boxes drawn on the picture as stored, which are turned with it"
        placed.repairs.append(Reason("orientation-turned", text, together))
    height, width = look.size
    for thing in annotation.objects:
        x0, y0, x1, y1 = thing.box
        if x0 > x1 or y0 > y1:
            said = Reason("corners-swapped", f"{thing}: swapped corners put right")
            placed.repairs.append(said)
            x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        if x0 == x1 or y0 == y1:
            text = f"{thing}: a box of no {'width' if x0 == x1 else 'height'}"
            placed.faults.append(Reason("box-no-area", text))
            continue
        box = (x0, y0, x1, y1)
        if turned:
            box = turn_box(box, look.stored, look.orientation)
        inside = (max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height))
        if inside[0] >= inside[2] or inside[1] >= inside[3]:
            text = f"{thing}: its box {thing.text} lies outside the {_text(look.size)} pixels"
            placed.faults.append(Reason("box-outside", text))
            continue
        if any(abs(edge - before) > _ROUNDING for edge, before in zip(inside, box, strict=True)):
            text = f"{thing}: its box {thing.text} clipped to the picture"
            placed.repairs.append(Reason("box-outside", text))
        placed.objects.append(thing._replace(box=inside))
    return placed


def corners(box: Sequence[float]) -> str:
    """Returns four numbers as messages write them: "(1, 2.5, 3, 4)"."""
    return f"({', '.join(f'{edge:g}' for edge in box)})"


def _text(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"


def turn_box(box: Box, stored: tuple[int, int], orientation: int) -> Box:
    """Turns a box with its picture.

    Args:
        box: x_min, y_min, x_max, y_max in pixels of the picture as stored.
        stored: The picture's height and width as stored.
        orientation: 1 to 8, as EXIF defines it.

    Returns:
        The box in pixels of the upright picture.

    Example:
        >>> turn_box((10, 0, 30, 5), (100, 200), 6)
        (95, 10, 100, 30)
    """
    height, width = stored
    x0, y0, x1, y1 = box
    if orientation >= 5:
        x0, y0, x1, y1, height, width = y0, x0, y1, x1, width, height
    if orientation in (2, 3, 6, 7):
        x0, x1 = width - x1, width - x0
    if orientation in (3, 4, 7, 8):
        y0, y1 = height - y1, height - y0
    return x0, y0, x1, y1


def largest(objects: Sequence[Thing]) -> Thing:
    """Returns the object whose box has the largest area, the first of equals."""

    def area(thing: Thing) -> float:
        x0, y0, x1, y1 = thing.box
        return (x1 - x0) * (y1 - y0)

    return max(objects, key=area)


def window_around(
    number: int, boxes: Sequence[Box], size: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """Finds the largest part of a picture that holds one object whole and no other's box.

    Args:
        number: Which of the boxes.
        boxes: Of all objects, in pixels of the picture.
        size: Height and width of the picture.

    Returns:
        Top, left, height and width in whole pixels; None where another box overlaps it.
    """
    x0, y0, x1, y1 = boxes[number]
    others = sorted(box for index, box in enumerate(boxes) if index != number)
    lefts = {0, *(math.ceil(box[2]) for box in others if box[2] <= x0)}
    rights = {size[1], *(math.floor(box[0]) for box in others if box[0] >= x1)}
    best, best_area = None, 0
    for left in sorted(left for left in lefts if left <= x0):
        top, bottom = 0, size[0]
        coming = (box for box in others if box[2] > left)
        box = next(coming, None)
        for right in sorted(right for right in rights if right >= x1):
            # The further to the right, the more boxes bound the rows; one beside the object
            # bounds the columns.
            while box is not None and box[0] < right and top <= y0 and bottom >= y1:
                if box[3] <= y0:
                    top = max(top, math.ceil(box[3]))
                elif box[1] >= y1:
                    bottom = min(bottom, math.floor(box[1]))
                else:
                    bottom = 0
                box = next(coming, None)
            if top > y0 or bottom < y1:
                break
            area = (right - left) * (bottom - top)
            if area > best_area:
                best, best_area = (top, left, bottom - top, right - left), area
    return best
