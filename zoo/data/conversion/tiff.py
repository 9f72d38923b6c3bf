"""TIFF pictures, read by tifffile: of any depth and compression, chunky or planar."""

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from zoo.data.conversion.samples import Samples, UnreadableError, check_claim

_ORIENTATION = 274
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_KNOWN = (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK)
_JPEG = (6, 7)

# It logs each oddity of a file, which would go to standard error.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


T = TypeVar("T")


def _parsed(path: Path, read: Callable[[Any], T]) -> T:
    """Opens a file and reads it; whatever tifffile makes of a damaged one becomes a reason."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            return read(file)
    except UnreadableError:
        raise
    except OSError as error:
        raise UnreadableError(f"cannot be read ({error.strerror or error})") from error
    except MemoryError as error:
        raise UnreadableError("claims more memory than there is") from error
    # Hostile bytes make a parser raise anything; none of it is a fault of the code that called.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnreadableError(
            f"is a damaged TIFF, or of a kind that is not read ({reason})"
        ) from error


def tiff_header(path: Path) -> tuple[tuple[int, int], int]:
    """Returns the height and width of a TIFF's first page as stored, and its orientation.

    Args:
        path: Of the file.

    Raises:
        UnreadableError: If it is none.
    """

    def read(file: Any) -> tuple[tuple[int, int], int]:
        page = file.pages.first
        return (int(page.imagelength), int(page.imagewidth)), _orientation(page)

    return _parsed(path, read)


def read_tiff(path: Path) -> Samples:
    """Reads a TIFF's first page, or the channels that ImageJ or OME kept in pages of their own.

    A palette gives its colours, CMYK becomes RGB, what counts white as 0 is inverted; the
    orientation is applied.

    Args:
        path: Of the file.

    Raises:
        UnreadableError: If it cannot be read, or claims too much.
    """
    return _parsed(path, _read)


def _read(file: Any) -> Samples:
    page = file.pages.first
    if page.dtype is None:
        raise UnreadableError("holds samples of a type that is not read")
    if page.imagedepth != 1:
        raise UnreadableError("is a volume, not a picture")
    source, channels, remarks = _source(file, page)
    check_claim(page.imagelength, page.imagewidth, channels, page.dtype.itemsize)
    _check_whole(file, source)
    array = np.asarray(source.asarray())
    if array.dtype.kind not in "buif":
        raise UnreadableError(f"holds {array.dtype}, not the integers or floats of a picture")
    if array.ndim == 2:
        array = array[..., np.newaxis]
    elif source.axes[0] in "SC":
        array = np.moveaxis(array, 0, -1)
    if array.shape != (page.imagelength, page.imagewidth, channels):
        raise UnreadableError(f"has its samples in the order {source.axes}, which is not read")
    return _as_colours(page, array, remarks).turned(_orientation(page))


def _check_whole(file: Any, source: Any) -> None:
    """Refuses a file cut short: tifffile would fill what is missing with zeros."""
    size = file.filehandle.size
    # A series of pages gives them; a page itself has none.
    for page in source.pages or [source]:
        spans = list(zip(page.dataoffsets, page.databytecounts, strict=False))
        missing = len(spans) < math.prod(source.keyframe.chunked)
        if missing or any(start + count > size for start, count in spans):
            raise UnreadableError("is damaged or cut short")


def _source(file: Any, page: Any) -> tuple[Any, int, tuple[str, ...]]:
    """Returns what to read, how many channels it has, and what was chosen."""
    if len(file.pages) == 1:
        return page, int(page.samplesperpixel), ()
    series = file.series[0]
    if "C" in series.axes and set(series.axes) <= set("CYX") and len(series.shape) == 3:
        return series, int(series.shape[series.axes.index("C")]), ()
    return page, int(page.samplesperpixel), ("of several pages the first is read",)


def _orientation(page: Any) -> int:
    tag = page.tags.get(_ORIENTATION)
    value = int(tag.value) if tag is not None else 1
    return value if 1 <= value <= 8 else 1


def _as_colours(page: Any, array: np.ndarray, remarks: tuple[str, ...]) -> Samples:
    photometric = int(page.photometric)
    # JPEG in a TIFF is decoded to RGB.
    if photometric not in _KNOWN and not (photometric == _YCBCR and page.compression in _JPEG):
        raise UnreadableError(f"has colours of the kind {page.photometric.name}, which is not read")
    if photometric == _PALETTE and page.colormap is not None and array.shape[-1] == 1:
        colours = np.asarray(page.colormap)
        # Of its 16 bits the upper 8 count, as in libtiff; some writers filled the lower alone.
        narrow = (colours if colours.max(initial=0) < 256 else colours >> 8).astype(np.uint8)
        return Samples(narrow.T[np.minimum(array[..., 0], narrow.shape[1] - 1)], remarks=remarks)
    bits = int(page.bitspersample)
    samples = Samples(array, bits if array.dtype.kind == "u" else None, remarks)
    if photometric == _WHITE_IS_ZERO and array.dtype.kind in "bu":
        top = samples.range[1]
        return Samples(np.asarray(top - array, array.dtype), samples.bits, remarks)
    if photometric == _CMYK and array.shape[-1] == 4 and array.dtype == np.uint8:
        inks = 255 - array.astype(np.uint16)
        # Each colour's light, dimmed by what black leaves, rounded.
        lit = (inks[..., :3] * inks[..., 3:] + 127) // 255
        return Samples(lit.astype(np.uint8), None, remarks)
    return samples
