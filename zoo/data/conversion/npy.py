"""NumPy's own files: an array of [h, w] or [h, w, c]."""

import math
from pathlib import Path

import numpy as np

from zoo.data.conversion.samples import Samples, UnreadableError, check_claim

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# An array whose first axis is this short, and its others longer, has its channels there.
_CHANNELS_FIRST = 16


def npy_header(path: Path) -> tuple[tuple[int, int], int]:
    """Returns the height and width that a file claims, and its orientation, which is 1.

    Args:
        path: Of the file.

    Raises:
        UnreadableError: If it is no array of a picture.
    """
    shape, _ = _claim(path)
    height, width, _ = _layout(shape)
    return (height, width), 1


def read_npy(path: Path) -> Samples:
    """Reads an array of a picture.

    Args:
        path: Of the file.

    Raises:
        UnreadableError: If it is none, is cut short, or claims too much.
    """
    shape, dtype = _claim(path)
    check_claim(*_layout(shape), dtype.itemsize)
    try:
        # NumPy takes the memory before it looks for the numbers.
        if path.stat().st_size < math.prod(shape) * dtype.itemsize:
            raise UnreadableError("is damaged or cut short")
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UnreadableError("is damaged or cut short") from error
    array = np.ascontiguousarray(array.astype(dtype.newbyteorder("="), copy=False))
    if array.ndim == 2:
        return Samples(array[..., np.newaxis])
    if _channels_first(shape):
        remark = "arrays of [channels, height, width] are read as such"
        return Samples(array.transpose(1, 2, 0), remarks=(remark,))
    return Samples(array)


def _claim(path: Path) -> tuple[tuple[int, ...], np.dtype]:
    """Returns shape and type as the header claims them; nothing else is read."""
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            shape, _, dtype = _HEADERS[version](file)
    except OSError as error:
        raise UnreadableError(f"cannot be read ({error.strerror})") from error
    # The header is a Python literal: NumPy's parser raises whatever Python's does.
    except Exception as error:
        raise UnreadableError("is damaged or cut short") from error
    if dtype.hasobject:
        raise UnreadableError("holds Python objects, which are not read")
    if dtype.kind not in "buif":
        raise UnreadableError(f"holds {dtype}, not the integers or floats of a picture")
    return shape, dtype


def _channels_first(shape: tuple[int, ...]) -> bool:
    return shape[0] <= _CHANNELS_FIRST < min(shape[1:])


def _layout(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Returns height, width and channels."""
    if len(shape) == 2:
        return shape[0], shape[1], 1
    if len(shape) != 3:
        raise UnreadableError(
            f"has the shape {list(shape)}; a picture has [height, width, channels]"
        )
    if _channels_first(shape):
        return shape[1], shape[2], shape[0]
    return shape[0], shape[1], shape[2]
