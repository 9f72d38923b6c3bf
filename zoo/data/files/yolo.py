"""Labels as YOLO writes them: a text file for each picture, a line for each object."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from zoo.amounts import plural
from zoo.data.findings import Reason

_BOX = 4
_SMALLEST_POLYGON = 6


class Shape(NamedTuple):
    """An object: a box, or a polygon.

    Attributes:
        line: Of its file, counted from 1.
        id: Number of its class.
        values: Of a box the centre's x and y, width and height; of a polygon x and y of each
            point. Fractions of the upright picture's width and height.
    """

    line: int
    id: int
    values: tuple[float, ...]

    @property
    def is_polygon(self) -> bool:
        """Whether `values` are points."""
        return len(self.values) > _BOX

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x_min, y_min, x_max, y_max as fractions; of a polygon its bounds."""
        if self.is_polygon:
            xs, ys = self.values[::2], self.values[1::2]
            return min(xs), min(ys), max(xs), max(ys)
        x, y, width, height = self.values
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def read_shapes(path: Path, key_points: int = 0) -> tuple[list[Shape], list[Reason]]:
    """Reads a file of labels.

    Args:
        path: Of the text; an empty one says that there is no object.
        key_points: How many numbers of key points follow each box; 0 where there are none, and
            a line is a box or a polygon.

    Returns:
        The objects, and what is wrong with lines that are none.

    Raises:
        ValueError: If it is no text; the message is the end of a sentence that begins with its
            name.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError("is no text") from error
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from error
    shapes, faults = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            shapes.append(_shape(number, line.split(), key_points))
        except ValueError as error:
            faults.append(Reason("object-incomplete", f"line {number} {error}"))
    return shapes, faults


def _shape(line: int, words: Sequence[str], key_points: int) -> Shape:
    try:
        id_, *values = map(float, words)
    except ValueError:
        raise ValueError("holds something else than numbers") from None
    if not all(map(math.isfinite, (id_, *values))):
        raise ValueError("holds a number that is not finite")
    if id_ != int(id_) or id_ < 0:
        raise ValueError(f"begins with {words[0]}, which is no number of a class")
    count = len(values)
    is_polygon = not key_points and count >= _SMALLEST_POLYGON and count % 2 == 0
    if count != _BOX + key_points and not is_polygon:
        others = "a polygon x and y of 3 points or more"
        if key_points:
            others = f"its key points {key_points} by kpt_shape"
        raise ValueError(
            f"holds {plural(count, 'number')} behind the class; a box has {_BOX}, {others}"
        )
    return Shape(line, int(id_), tuple(values[: count - key_points]))


def labels_path(picture: Path, root: Path) -> Path:
    """Returns where the labels of a picture are: in `labels/` as it is in `images/`, or beside it.

    Args:
        picture: Below `root`.
        root: Folder of the data set.

    Returns:
        The file's path, of those that may be the one that is there, else the likeliest.
    """
    parts = picture.relative_to(root).with_suffix(".txt").parts
    places = [picture.with_suffix(".txt"), root.joinpath("labels", *parts)]
    for at in range(len(parts) - 1):
        if parts[at].lower() == "images":
            # The last of several wins: it is put first last.
            places.insert(0, root.joinpath(*parts[:at], "labels", *parts[at + 1 :]))
    return next((place for place in places if place.is_file()), places[0])
