"""How four numbers say a box: told, or guessed from all boxes of a data set."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from zoo.data.files.objects import Box
from zoo.data.findings import Finding, decision

Corners = Literal["xyxy", "xywh", "center_xywh"]
BoxFormat = Literal["xyxy", "xywh", "center_xywh", "rel_xyxy", "rel_xywh", "rel_center_xywh"]
"""Named as Keras names them: corners, or a corner and a size, or a centre and a size; in pixels,
or with `rel_` as fractions of the picture's width and height."""

_RELATIVE = "rel_"
_SLACK = 0.01
_NAMES = {
    "xyxy": "x_min, y_min, x_max, y_max",
    "xywh": "x_min, y_min, width, height",
    "center_xywh": "x and y of the centre, width, height",
}


class Written(NamedTuple):
    """A box as its file has it.

    Attributes:
        numbers: The four numbers.
        size: Height and width of its picture in pixels; 0 where they are not known.
    """

    numbers: Box
    size: tuple[int, int]


def edges_of(numbers: Box, box_format: BoxFormat, size: tuple[int, int]) -> Box:
    """Brings a box to edges in pixels.

    Args:
        numbers: The four numbers as they are written.
        box_format: What they mean.
        size: Height and width of the picture in pixels.

    Returns:
        x_min, y_min, x_max, y_max in pixels of the picture.

    Example:
        >>> edges_of((0.5, 0.5, 0.5, 1.0), "rel_center_xywh", (10, 20))
        (5.0, 0.0, 15.0, 10.0)
    """
    a, b, c, d = numbers
    if box_format.endswith("center_xywh"):
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    elif box_format.endswith("xywh"):
        a, b, c, d = a, b, a + c, b + d
    if box_format.startswith(_RELATIVE):
        height, width = size
        a, b, c, d = a * width, b * height, c * width, d * height
    return a, b, c, d


def guess_format(
    boxes: Sequence[Written], where: str, corners: Corners | None = None
) -> tuple[BoxFormat, Finding]:
    """Guesses what four numbers mean, from all boxes of a set.

    They are fractions where none is above 1. Then that meaning is taken by which the most boxes
    have an area and lie inside of their pictures; of equals the first of corners, a corner and a
    size, a centre and a size.

    Args:
        boxes: All there are.
        where: What they stand in, for the finding: "labels.csv".
        corners: What the numbers are, where names of columns say it; only whether they are
            fractions is guessed then.

    Returns:
        The format, and the finding that says it with the evidence.
    """
    most = max((abs(number) for box in boxes for number in box.numbers), default=0.0)
    relative = most <= 1 + _SLACK
    unit = "fractions of the picture's size" if relative else "pixels"
    why = f"no number is above {most:g}" if relative else f"numbers go up to {most:g}"
    if corners is not None:
        meaning, evidence = corners, f"its columns are named so, and {why}"
    else:
        fits = {
            name: sum(_fits(box, name, relative) for box in boxes) for name in get_args(Corners)
        }
        meaning = max(fits, key=lambda name: fits[name])
        others = [name for name in fits if name != meaning and fits[name] == fits[meaning]]
        counts = ", ".join(f"{count:,} as {name}" for name, count in fits.items())
        evidence = f"{why}, and of {len(boxes):,} boxes lie inside of their pictures {counts}"
        if others:
            evidence += f"; {' and '.join(others)} would fit as well"
    chosen: BoxFormat = f"{_RELATIVE}{meaning}" if relative else meaning  # pyright: ignore
    text = (
        f"the boxes of {where} are taken as {chosen} ({_NAMES[meaning]}, in {unit}): {evidence}; "
        "if that is wrong, say box_format in data.options"
    )
    return chosen, decision(text)


def _fits(box: Written, meaning: str, relative: bool) -> bool:
    height, width = (1, 1) if relative else box.size
    if not height or not width:
        return False
    x0, y0, x1, y1 = edges_of(box.numbers, meaning, (height, width))  # pyright: ignore
    slack = _SLACK if relative else 1.0
    inside = x0 >= -slack and y0 >= -slack and x1 <= width + slack and y1 <= height + slack
    return inside and x0 < x1 and y0 < y1
