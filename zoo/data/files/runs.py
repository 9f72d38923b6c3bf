"""Run lengths: how many pixels in turn are outside and inside, down the columns, as COCO's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def decode_runs(text: str | bytes) -> np.ndarray:
    """Decodes COCO's compressed run lengths.

    A number is written in digits of 5 bits, the lowest first, a sixth bit telling that more
    follow, and 48 added to make letters of them; from the fourth number on it is the difference
    to the number two before.

    Args:
        text: The string in the file.

    Returns:
        int64 [m].

    Raises:
        ValueError: If it is none.

    Example:
        >>> decode_runs("4130").tolist()
        [4, 1, 3, 1]
    """
    import numpy as np

    text = text.encode("ascii") if isinstance(text, str) else text
    digits = np.frombuffer(text, np.uint8).astype(np.int64) - 48
    if not len(digits):
        return digits
    last = (digits & 32) == 0
    if (digits < 0).any() or (digits > 63).any() or not last[-1]:
        raise ValueError("no compressed run lengths")
    starts = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])
    number = np.concatenate([[0], np.cumsum(last)[:-1]])
    place = np.arange(len(digits)) - starts[number]
    # Twelve digits are 60 bits: no picture has runs that long.
    if place.max() >= 12:
        raise ValueError("no compressed run lengths")
    values = np.add.reduceat((digits & 31) << (5 * place), starts)
    negative = (digits[last] & 16) != 0
    values -= negative * (np.int64(1) << (5 * (place[last] + 1)))
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def pixels_of(counts: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns bool [h, w], whether each pixel is inside, of run lengths for that size."""
    import numpy as np

    inside = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return inside.reshape(size[::-1]).T


def runs_of(inside: np.ndarray) -> np.ndarray:
    """Returns the run lengths, int64 [m], of bool [h, w]."""
    import numpy as np

    flat = np.concatenate([[False], inside.ravel(order="F")])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff(np.concatenate([[0], edges, [inside.size]]))
