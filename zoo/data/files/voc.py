"""Annotations as Pascal VOC writes them, and which object of a picture is learnt."""

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from zoo.data.files.pictures import Look

Box = tuple[float, float, float, float]


class Thing(NamedTuple):
    """An object: which one in its annotation, counted from 1, its name and its box."""

    number: int
    name: str
    box: Box

    def __str__(self) -> str:
        return f"object {self.number} ({self.name})"


@dataclass
class Annotation:
    """What an annotation file says of its picture.

    Attributes:
        file: The picture's name in it.
        size: Height and width of the picture in it; None where it says nothing, or 0.
        objects: Those with a name and a box: x_min, y_min, x_max, y_max as written.
        faults: What is wrong with an object that is not among `objects`.
    """

    file: str
    size: tuple[int, int] | None
    objects: list[Thing] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def read_annotation(path: Path) -> Annotation:
    """Reads an annotation file.

    Args:
        path: Of the XML.

    Raises:
        ValueError: If it is no annotation; the message is the end of a sentence that begins
            with its name.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"is no whole XML ({error})") from error
    except (OSError, ValueError, LookupError) as error:
        raise ValueError(f"cannot be read ({error})") from error
    size = tuple(_number(root.findtext(f"size/{side}")) for side in ("height", "width"))
    known = all(side is not None and side >= 1 for side in size)
    annotation = Annotation(
        file=(root.findtext("filename") or "").strip(),
        size=(int(size[0] or 0), int(size[1] or 0)) if known else None,
    )
    for number, thing in enumerate(root.iter("object"), 1):
        name = (thing.findtext("name") or "").strip()
        x0, y0, x1, y1 = (
            _number(thing.findtext(f"bndbox/{edge}")) for edge in ("xmin", "ymin", "xmax", "ymax")
        )
        if not name:
            annotation.faults.append(f"object {number} has no name")
        elif x0 is None or y0 is None or x1 is None or y1 is None:
            annotation.faults.append(f"object {number} ({name}) has no box of four numbers")
        else:
            annotation.objects.append(Thing(number, name, (x0, y0, x1, y1)))
    return annotation


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


@dataclass
class Placed:
    """The objects of a picture, in the picture.

    Attributes:
        objects: Their boxes are edges in pixels of the upright picture, within it.
        faults: What is wrong with objects that are left out.
        repairs: What was wrong with objects that were mended.
    """

    objects: list[Thing] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)


def place_objects(annotation: Annotation, look: Look) -> Placed:
    """Brings an annotation's boxes into its upright picture.

    VOC's corners count pixels from 1 and are both inside: the edges are xmin - 1, ymin - 1,
    xmax and ymax. Swapped corners are put right, what reaches outside is clipped, a box of no
    width or height or wholly outside is a fault. Boxes drawn on a picture that its EXIF
    orientation turns, as the annotated size shows, are turned with it.

    Args:
        annotation: As read.
        look: The header of its picture.

    Raises:
        ValueError: If the annotation is for a picture of another size; the message is the end
            of a sentence that begins with the annotation's name.
    """
    placed = Placed(faults=list(annotation.faults))
    turned = False
    if annotation.size is not None and annotation.size != look.size:
        turned = annotation.size == look.stored
        if not turned:
            raise ValueError(
                f"is for a picture of {_text(annotation.size)} pixels, not {_text(look.size)}"
            )
    height, width = look.size
    for thing in annotation.objects:
        what, corners = str(thing), thing.box
        x0, y0, x1, y1 = corners
        if x0 > x1 or y0 > y1:
            placed.repairs.append(f"{what}: swapped corners put right")
            x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        if x0 == x1 or y0 == y1:
            placed.faults.append(f"{what}: a box of no {'width' if x0 == x1 else 'height'}")
            continue
        box = (x0 - 1, y0 - 1, x1, y1)
        if turned:
            box = turn_box(box, look.stored, look.orientation)
        inside = (max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height))
        if inside[0] >= inside[2] or inside[1] >= inside[3]:
            placed.faults.append(
                f"{what}: its box {_edges(corners)} lies outside the {_text(look.size)} pixels"
            )
            continue
        if inside != box:
            placed.repairs.append(f"{what}: its box {_edges(corners)} clipped to the picture")
        placed.objects.append(thing._replace(box=inside))
    return placed


def _edges(box: Box) -> str:
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
    others = [box for index, box in enumerate(boxes) if index != number]
    lefts = {0, *(math.ceil(box[2]) for box in others if box[2] <= x0)}
    rights = {size[1], *(math.floor(box[0]) for box in others if box[0] >= x1)}
    best, best_area = None, 0
    for left in lefts:
        for right in rights:
            # Within these columns the boxes above and below bound the rows.
            within = [box for box in others if box[0] < right and box[2] > left]
            top = max([0, *(math.ceil(box[3]) for box in within if box[3] <= y0)])
            bottom = min([size[0], *(math.floor(box[1]) for box in within if box[1] >= y1)])
            free = all(box[3] <= top or box[1] >= bottom for box in within)
            covers = left <= x0 and right >= x1 and top <= y0 and bottom >= y1
            area = (right - left) * (bottom - top)
            if free and covers and area > best_area:
                best, best_area = (top, left, bottom - top, right - left), area
    return best
