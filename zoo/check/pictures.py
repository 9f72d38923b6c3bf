"""Reading each picture once: what it is, whether it is whole, and a small copy to compare."""

import functools
import hashlib
import io
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from zoo.data.conversion import UnreadableError, foreign_header
from zoo.data.files.pictures import KINDS_OF_PICTURES, Look, oddities
from zoo.data.findings import Effect, Finding, found_in
from zoo.preprocess import decode_image, picture_error, read_header

THUMBNAIL = 32
"""Height and width in pixels of the gray copy by which pictures are compared."""

_AHEAD = 64
# Of a picture of one colour, whatever a lossy format made of it.
_BLANK = 2
# JPEGs are decoded at an eighth of their size or so: all their bytes are read all the same.
_DRAFT = (2 * THUMBNAIL, 2 * THUMBNAIL)
_SAMPLES = {
    "1": "gray",
    "L": "gray",
    "LA": "gray with alpha",
    "La": "gray with alpha",
    "F": "gray of 32 bits",
    "I": "gray of 32 bits",
    "P": "colour",
    "PA": "colour with alpha",
    "RGB": "colour",
    "RGBX": "colour",
    "YCbCr": "colour",
    "RGBA": "colour with alpha",
    "RGBa": "colour with alpha",
    "CMYK": "CMYK",
}


@dataclass(frozen=True)
class Picture:
    """A picture to be read.

    Attributes:
        name: What findings call it: its path below the data set, or "digit_scenes test 17".
        read: Gives its encoded bytes, or uint8 [h, w, c]; raises OSError, or UnreadableError
            with the reason.
        path: Where its file is, if it has one.
        convert: Gives what it is read as, in place of bytes that are no picture by themselves;
            raises as `read`.
        unreadable: What follows for training if it cannot be read.
    """

    name: str
    read: Callable[[], bytes | np.ndarray]
    path: Path | None = None
    convert: Callable[[], bytes | np.ndarray] | None = None
    unreadable: Effect = "stops"


@dataclass(frozen=True)
class Seen:
    """What reading a picture showed.

    Attributes:
        name: As findings call it.
        digest: BLAKE2b of its bytes, 128 bits; empty where it could not be opened.
        format: "JPEG", "PNG", "GIF", "BMP", "WebP", "TIFF", "NumPy", "pixels", or "" where it is
            none of them.
        samples: "colour", "gray", "colour with alpha" and the like; "" where it cannot be read.
        size: Height and width of the upright picture in pixels; (0, 0) where it cannot be read.
        thumbnail: uint8 [32, 32], the whole picture in gray; None where it cannot be read.
        findings: What is wrong with it.
    """

    name: str
    digest: bytes = b""
    format: str = ""
    samples: str = ""
    size: tuple[int, int] = (0, 0)
    thumbnail: np.ndarray | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def blank(self) -> bool:
        """Whether it shows one colour, and cannot be compared with others."""
        return self.thumbnail is not None and int(np.ptp(self.thumbnail)) <= _BLANK


def look_through(
    pictures: Sequence[Picture],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Seen]:
    """Reads pictures in parallel, whatever is wrong with any of them.

    Args:
        pictures: Which ones.
        progress: Called with the number of pictures done and their total.

    Yields:
        What was seen of each, in their order.
    """
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        # Of damaged EXIF and of large pictures; what matters of it is said as a finding.
        warnings.simplefilter("ignore")
        for start in range(0, len(pictures), _AHEAD):
            part = pictures[start : start + _AHEAD]
            for number, seen in enumerate(pool.map(examine, part)):
                progress(start + number + 1, len(pictures))
                yield seen


def examine(picture: Picture) -> Seen:
    """Reads one picture; see `look_through`."""

    def lost(why: str, kind: str = "unreadable-picture", **known: Any) -> Seen:
        said = found_in({picture.name: why}, kind, "cannot be read", effect=picture.unreadable)
        return Seen(picture.name, findings=(*said, *odd), **known)

    odd: list[Finding] = []
    converted = False
    try:
        data = picture.read()
        if picture.convert is not None and isinstance(data, bytes) and not _kind(data):
            data, converted = picture.convert(), True
    except UnreadableError as error:
        return lost(str(error))
    except OSError as error:
        return lost(f"cannot be opened: {error.strerror}")
    if isinstance(data, np.ndarray):
        return _of_pixels(picture.name, data)
    digest = hashlib.blake2b(data, digest_size=16).digest()
    header = _header()(data)
    kind = KINDS_OF_PICTURES[int(header.kind)]
    height, width = (int(side) for side in header.size.numpy())
    look = Look(kind, (height, width), int(header.orientation))
    stored = kind
    if picture.path is not None:
        named = Look(*foreign_header(picture.path)) if converted else look
        stored = named.kind
        odd += oddities([picture.path], [picture.name], [named])
    try:
        size, thumbnail = (tensor.numpy() for tensor in _thumbnail()(data))
    except tf.errors.OpError:
        why = bytes(picture_error(data).numpy()).decode()
        if kind and _ends_early(data, kind):
            return lost("is cut short", "truncated-picture", digest=digest, format=stored)
        return lost(why, digest=digest, format=stored)
    upright = (int(size[0]), int(size[1]))
    samples, fault = _as_others_read_it(data)
    if not fault and look.size != upright:
        fault = f"claims {width}x{height} pixels, and holds {upright[1]}x{upright[0]}"
    if fault:
        said = "read, though other programs take it for damaged"
        odd += found_in({picture.name: fault}, "damaged-picture", said, effect="misleads")
    return Seen(picture.name, digest, stored, samples, upright, thumbnail, tuple(odd))


def _kind(data: bytes) -> str:
    return KINDS_OF_PICTURES[int(_header()(data[:64]).kind)]


def _of_pixels(name: str, pixels: np.ndarray) -> Seen:
    digest = hashlib.blake2b(
        f"{pixels.shape}".encode() + np.ascontiguousarray(pixels).tobytes(), digest_size=16
    ).digest()
    channels = pixels.shape[-1]
    colour = pixels[..., :3] if channels >= 3 else np.repeat(pixels[..., :1], 3, axis=-1)
    samples = {1: "gray", 3: "colour", 4: "colour with alpha"}.get(channels, f"{channels} channels")
    thumbnail = _reduced(tf.constant(colour)).numpy()
    return Seen(name, digest, "pixels", samples, pixels.shape[:2], thumbnail)


@functools.cache
def _header() -> Callable[[bytes], Any]:
    # Traced once, as the other: a call in Python op by op takes longer than decoding.
    return tf.function(read_header, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)


@functools.cache
def _thumbnail() -> Callable[..., Any]:
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
    def size_and_thumbnail(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = decode_image(data)
        return tf.shape(image)[:2], _reduced(image)

    return size_and_thumbnail


def _reduced(image: tf.Tensor) -> tf.Tensor:
    small = tf.image.resize(image, [THUMBNAIL, THUMBNAIL], tf.image.ResizeMethod.AREA)
    gray = tf.reduce_sum(small * [0.299, 0.587, 0.114], axis=-1)
    return tf.saturate_cast(tf.round(gray), tf.uint8)


def _as_others_read_it(data: bytes) -> tuple[str, str]:
    """Reads a picture with Pillow: what its samples are, and what is wrong with it."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            samples = _samples(picture)
            picture.draft("L", _DRAFT)
            picture.load()
    except Exception as error:  # Whatever its parsers stumble over in damaged bytes.
        return "", str(error) or type(error).__name__
    return samples, ""


def _samples(picture: Image.Image) -> str:
    samples = _SAMPLES.get(picture.mode)
    if picture.mode.startswith("I;16"):
        return "gray of 16 bits"
    if samples is None:
        return picture.mode
    alpha = " with alpha" if "transparency" in picture.info and "alpha" not in samples else ""
    return samples + alpha


def _ends_early(data: bytes, kind: str) -> bool:
    """Tells whether a file's end is missing, by what each format ends in, or says its length is."""
    match kind:
        case "JPEG":
            return b"\xff\xd9" not in data[-1024:]
        case "PNG":
            return b"IEND" not in data[-1024:]
        case "GIF":
            return b"\x3b" not in data[-16:]
        case "BMP":
            return int.from_bytes(data[2:6], "little") > len(data)
        case _:
            return int.from_bytes(data[4:8], "little") + 8 > len(data)
