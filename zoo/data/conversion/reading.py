"""Which files are to be converted, told by their first bytes, and how each kind is read."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from zoo.data.conversion.npy import npy_header, read_npy
from zoo.data.conversion.samples import Samples, UnreadableError
from zoo.data.conversion.tiff import read_tiff, tiff_header
from zoo.values import CHANNELS, Values


class Foreign(NamedTuple):
    """A kind of file: how it begins, its endings, and what reads it."""

    begins: tuple[bytes, ...]
    endings: frozenset[str]
    header: Callable[[Path], tuple[tuple[int, int], int]]
    read: Callable[[Path], Samples]


FOREIGN = {
    "TIFF": Foreign(
        (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        frozenset({".tif", ".tiff"}),
        tiff_header,
        read_tiff,
    ),
    "NumPy": Foreign((b"\x93NUMPY",), frozenset({".npy"}), npy_header, read_npy),
}
"""The kinds of files that are converted, by name."""

_LONGEST = max(len(text) for kind in FOREIGN.values() for text in kind.begins)


def foreign_kind(path: str | Path) -> str:
    """Tells by its first bytes what kind of file to be converted this is.

    Args:
        path: Of any file.

    Returns:
        "TIFF" or "NumPy"; empty where it is another, or cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        head = os.read(descriptor, _LONGEST)
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return next((name for name, kind in FOREIGN.items() if head.startswith(kind.begins)), "")


def is_deep_png(path: Path) -> bool:
    """Returns whether this is a PNG of 16 bits, of which the network sees 8."""
    try:
        with path.open("rb") as file:
            head = file.read(25)
    except OSError:
        return False
    return head.startswith(b"\x89PNG\r\n\x1a\n") and head[24:] == b"\x10"


def foreign_header(path: Path) -> tuple[str, tuple[int, int], int]:
    """Returns a file's kind, its claimed height and width, and its orientation.

    Args:
        path: Of any file.

    Returns:
        Empty, (0, 0) and 1 where it is no file to be converted; (0, 0) where it is damaged.
    """
    kind = foreign_kind(path)
    if not kind:
        return "", (0, 0), 1
    try:
        return (kind, *FOREIGN[kind].header(path))
    except UnreadableError:
        return kind, (0, 0), 1


def read_samples(path: Path) -> Samples:
    """Reads a file that `foreign_kind` knows.

    Raises:
        UnreadableError: If it cannot be read, or claims more memory than is allowed, before that
            is taken.
    """
    kind = foreign_kind(path)
    if not kind:
        raise UnreadableError("is not there any more, or no TIFF or NumPy file")
    return FOREIGN[kind].read(path)


def picture_or_array(pixels: np.ndarray) -> bytes | np.ndarray:
    """Returns pixels as an encoded picture where one can carry them, without loss.

    Args:
        pixels: uint8 [h, w, c].

    Returns:
        A PNG for 1, 3 or 4 channels, else the pixels.
    """
    if pixels.shape[-1] not in CHANNELS:
        return pixels
    stream = io.BytesIO()
    flat = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    # It is read far more often than written, from a disk that is fast: little compression.
    Image.fromarray(np.ascontiguousarray(flat)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def picture_in(path: Path, values: Values | None) -> bytes | np.ndarray:
    """Returns what is in a picture file, as a model is asked about it.

    Args:
        path: Of a file of any format.
        values: See `Samples.as_bytes`.

    Returns:
        The file's bytes, or those of a PNG with the same pixels; of a file to be converted
        whose channels none could carry, uint8 [h, w, c].

    Raises:
        OSError: If there is no such file, or it may not be read.
        UnreadableError: If it is one to be converted, and cannot be read.
    """
    if not foreign_kind(path):
        return path.read_bytes()
    return picture_or_array(read_samples(path).as_bytes(values))
