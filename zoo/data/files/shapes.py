"""The shapes of objects: outlines, run lengths and boxes, and the mask that they make.

Every shape comes to run lengths: how many pixels in turn are outside and inside, down the
columns from the top left, as COCO writes them. So an area is a sum, and only the shape being
painted is held as pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from zoo.amounts import plural
from zoo.data.files.objects import Box
from zoo.data.files.runs import decode_runs, pixels_of, runs_of

if TYPE_CHECKING:
    import numpy as np


class Shape(Protocol):
    """What an object covers of its picture."""

    def runs(self, size: tuple[int, int]) -> np.ndarray:
        """Returns the lengths of its runs.

        Args:
            size: Height and width of the picture in pixels.

        Returns:
            int64 [m]: pixels outside, inside, outside, ..., of h * w in sum, column by column.

        Raises:
            ValueError: If it does not fit that picture; the message is the end of a sentence.
        """
        ...


@dataclass(frozen=True, eq=False)
class Outline:
    """One or more polygons, all of which the object covers.

    Attributes:
        polygons: float64 [n, 2] each: x and y of its corners, edges in pixels, n >= 3.
        relative: Whether they are fractions 0..1 of the picture instead, as YOLO writes them.

    Example:
        >>> square = Outline((polygon([0, 0, 0.5, 0, 0.5, 0.5, 0, 0.5]),), relative=True)
        >>> square.runs((2, 4)).tolist()
        [0, 1, 1, 1, 5]
    """

    polygons: tuple[np.ndarray, ...]
    relative: bool = False

    def runs(self, size: tuple[int, int]) -> np.ndarray:
        """Returns the lengths of its runs, by the rule of the COCO tools for what is inside."""
        import numpy as np
        from pycocotools import mask

        self.check(size)
        scale = np.array(size[::-1] if self.relative else [1, 1], float)
        drawn = [(corners * scale).ravel().tolist() for corners in self.polygons]
        return decode_runs(mask.merge(mask.frPyObjects(drawn, *size))["counts"])

    def check(self, size: tuple[int, int]) -> None:
        """Raises ValueError, as `runs` does, if it does not fit a picture of that size."""
        import numpy as np

        sides = np.array([1, 1] if self.relative else size[::-1], float)
        for corners in self.polygons:
            # The tools take memory for the whole way there, and count it in 32 bits.
            if (corners < -sides).any() or (corners > 2 * sides).any():
                raise ValueError("an outline that reaches farther outside than its picture is wide")

    def box(self) -> Box:
        """Returns the edges of the smallest box around it, in the units of its corners."""
        import numpy as np

        corners = np.concatenate(self.polygons)
        (x0, y0), (x1, y1) = corners.min(0).tolist(), corners.max(0).tolist()
        return x0, y0, x1, y1


@dataclass(frozen=True, eq=False)
class Runs:
    """Run lengths for pictures of one size.

    Attributes:
        counts: int64 [m], as `Shape.runs` gives them.
        size: Height and width of the picture in pixels.
    """

    counts: np.ndarray
    size: tuple[int, int]

    def runs(self, size: tuple[int, int]) -> np.ndarray:
        """Returns the lengths of its runs."""
        self.check(size)
        return self.counts

    def check(self, size: tuple[int, int]) -> None:
        """Raises ValueError, as `runs` does, if it is not for a picture of that size."""
        if size != self.size:
            raise ValueError(
                f"runs for a picture of {self.size[1]}x{self.size[0]} pixels, "
                f"not {size[1]}x{size[0]}"
            )

    def box(self) -> Box | None:
        """Returns the edges of the smallest box around it in pixels; None of an empty one."""
        import numpy as np

        height = max(1, self.size[0])
        ends = np.cumsum(self.counts)
        stops, lengths = ends[1::2], self.counts[1::2]
        starts, stops = (stops - lengths)[lengths > 0], stops[lengths > 0]
        if not len(starts):
            return None
        # Not drawn: what a damaged file says of the size may be beyond all memory.
        (first, top), (last, bottom) = np.divmod(starts, height), np.divmod(stops - 1, height)
        whole = bool((first != last).any())
        rows = (0, height) if whole else (int(top.min()), int(bottom.max()) + 1)
        return float(first.min()), float(rows[0]), float(last.max() + 1), float(rows[1])


@dataclass(frozen=True)
class Rectangle:
    """Every pixel that a box touches.

    Attributes:
        box: x_min, y_min, x_max, y_max: edges in pixels.
    """

    box: Box

    def runs(self, size: tuple[int, int]) -> np.ndarray:
        """Returns the lengths of its runs."""
        import numpy as np

        inside = np.zeros(size, bool)
        # Of numbers near the largest that there are, edges in pixels may be infinite.
        x0, y0, x1, y1 = np.clip(self.box, 0, (*size[::-1], *size[::-1])).tolist()
        inside[math.floor(y0) : math.ceil(y1), math.floor(x0) : math.ceil(x1)] = True
        return runs_of(inside)


@dataclass(frozen=True, eq=False)
class DrawnMask:
    """A mask painted from shapes, a smaller one over a larger; a `RenderedMask`.

    Areas are counted in pixels; of two alike the later is on top. What is ignored lies under
    everything else, so that it hides no object that is known.

    Attributes:
        source: What messages call it: "annotations.json".
        shapes: With the id that each is painted in; the rest of the picture is 0.
    """

    source: str
    shapes: Sequence[tuple[Shape, int]]

    def __str__(self) -> str:
        return self.source

    def render(self, size: tuple[int, int]) -> np.ndarray:
        """Paints it.

        Args:
            size: Height and width in pixels of the picture that it was drawn on.

        Returns:
            uint8 [h, w] of ids.

        Raises:
            ValueError: If a shape does not fit the picture.
        """
        import numpy as np

        from zoo.preprocess import IGNORE

        mask = np.zeros(size, np.uint8)
        try:
            drawn = [(shape.runs(size), number) for shape, number in self.shapes]
        except ValueError as error:
            raise ValueError(f"holds {error}") from error
        drawn.sort(key=lambda one: (one[1] != IGNORE, -one[0][1::2].sum()))
        for counts, number in drawn:
            mask[pixels_of(counts, size)] = number
        return mask


def polygon(numbers: Any) -> np.ndarray:
    """Returns the corners of a polygon that is written x, y, x, y and so on.

    Args:
        numbers: As read from a file.

    Returns:
        float64 [n, 2]: x and y.

    Raises:
        ValueError: If they are no polygon; the message says what they are instead.

    Example:
        >>> polygon([0, 0, 4, 0, 4, 3]).shape
        (3, 2)
    """
    import numpy as np

    try:
        flat = np.asarray(numbers, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError("an outline that is no list of numbers") from error
    if flat.ndim != 1 or not np.isfinite(flat).all():
        raise ValueError("an outline that is no list of numbers")
    if len(flat) % 2:
        raise ValueError(f"an outline of {len(flat)} numbers, which are no pairs of x and y")
    if len(flat) < 6:
        points = len(flat) // 2
        raise ValueError(f"an outline of {plural(points, 'point')}, not 3 or more")
    return flat.reshape(-1, 2)


def runs_from(counts: Any, size: Any) -> Runs:
    """Returns run lengths as COCO writes them, a list or a compressed string.

    Args:
        counts: As read from a file.
        size: Height and width of their picture, likewise.

    Raises:
        ValueError: If they are no run lengths, or not those of so many pixels; the message
            says what they are instead.

    Example:
        >>> runs_from([1, 2, 3], [2, 3]).counts.tolist(), runs_from("123", [2, 3]).counts.tolist()
        ([1, 2, 3], [1, 2, 3])
    """
    import numpy as np

    try:
        height, width = (int(side) for side in size)
        if isinstance(counts, str):
            lengths = decode_runs(counts)
        else:
            lengths = np.asarray(counts)
            if lengths.ndim != 1 or (lengths.size and lengths.dtype.kind not in "iu"):
                raise TypeError
            lengths = lengths.astype(np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("runs that are no run lengths of a height and a width") from error
    if (lengths < 0).any() or (lengths > height * width).any():
        raise ValueError(f"runs of lengths that there are not among {height * width:,} pixels")
    if lengths.sum() != height * width:
        raise ValueError(
            f"runs of {int(lengths.sum()):,} pixels, not {height * width:,} ({width}x{height})"
        )
    return Runs(lengths, (height, width))
