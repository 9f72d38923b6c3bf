"""What the first bytes of an encoded picture say: its kind, its size, its orientation.

Everything here is TensorFlow ops, so that it runs in tf.data and inside a served
graph. Bytes past the end read as zero, and what makes no sense reads as "unknown",
size 0 or orientation 1. It runs for every picture read, and of a small picture ops take
longer than pixels: so it is written for few of them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from zoo.preprocess.exif import (
    NOWHERE,
    mentions_exif,
    orientation_in,
    png_exif,
    walk_jpeg,
    webp_exif,
)
from zoo.preprocess.gif import largest_frame
from zoo.preprocess.raw_bytes import peek, signed, spells

UNKNOWN, JPEG, PNG, GIF, BMP, WEBP = range(6)

JPEG_START = b"\xff\xd8\xff"
"""How every JPEG begins."""

_ANY = -1
_HEAD = 30

# How each layout begins, and the kind of picture it is; of those that fit the last counts.
_LAYOUTS: tuple[tuple[bytes, int], ...] = (
    (b"", UNKNOWN),
    (JPEG_START, JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"BM", BMP),
    (b"RIFF????WEBP", WEBP),
    (b"RIFF????WEBPVP8L", WEBP),
    (b"RIFF????WEBPVP8X", WEBP),
)
_BEGINS = np.full([len(_LAYOUTS), 16], _ANY, np.int64)
for _row, (_text, _) in enumerate(_LAYOUTS):
    _BEGINS[_row, : len(_text)] = [_ANY if byte == ord("?") else byte for byte in _text]
_KINDS = np.array([kind for _, kind in _LAYOUTS], np.int32)

# Where a size stands in the head, and which byte of each number counts most and least: the
# heights and widths of PNG, GIF, BMP, a lossy and an extended WebP, the bits of a lossless one.
_PLACES = ((20, 23), (16, 19), (9, 8), (7, 6), (25, 22), (21, 18), (29, 28), (27, 26))
_PLACES += ((29, 27), (26, 24), (24, 21))
_NUMBERS = np.zeros([len(_PLACES), _HEAD], np.int64)
for _row, (_most, _least) in enumerate(_PLACES):
    for _power in range(abs(_most - _least) + 1):
        _NUMBERS[_row, _least + (_power if _most > _least else -_power)] = 256**_power
_BMP_ROW = np.array([[False], [False], [True], [False], [False], [False]])
_MASKS = np.array([[-1], [-1], [-1], [2**14 - 1], [-1], [2**14 - 1]], np.int64)
_ADDED = np.array([[0], [0], [0], [0], [1], [1]], np.int64)
# The row of the sizes that each layout takes its own from; 6 where there is none.
_ROWS = np.array([6, 6, 0, 1, 1, 2, 3, 5, 4], np.int32)


class Header(NamedTuple):
    """What a picture's header says.

    Attributes:
        kind: int32 scalar: ``JPEG``, ``PNG``, ``GIF``, ``BMP``, ``WEBP`` or ``UNKNOWN`` (0).
        size: int64 [2], height and width as stored (before any EXIF turn), each at most
            2**31 - 1; [0, 0] where the header does not say. Of a GIF the largest that header or
            any frame says, and more than is decoded if all frames together are.
        orientation: int32 scalar, 1 to 8, as EXIF defines it.
    """

    kind: tf.Tensor
    size: tf.Tensor
    orientation: tf.Tensor

    @property
    def upright(self) -> tf.Tensor:
        """int64 [2], height and width of the upright picture."""
        return tf.where(self.orientation >= 5, self.size[::-1], self.size)


def read_header(data: tf.Tensor) -> Header:
    """Reads kind, claimed size and orientation without decoding the picture.

    The orientation comes from a JPEG's APP1 segment, a PNG's ``eXIf`` or a WebP's ``EXIF``
    chunk, in either byte order (Exif 2.32, CIPA DC-008, tag 0x0112). It is 1 (upright)
    where there is none, it is out of range or the bytes make no sense. Never raises.

    Args:
        data: string scalar, an encoded picture or any other bytes.

    Example:
        >>> header = read_header(tf.io.encode_png(tf.zeros([2, 3, 1], tf.uint8)))
        >>> header.size.numpy(), int(header.orientation)
        (array([2, 3]), 1)
    """
    return _header(data, lambda data: walk_jpeg(data)[0])


def read_header_to_decode(data: tf.Tensor) -> Header:
    """Does what ``read_header`` does, faster, for bytes that are going to be decoded.

    Args:
        data: string scalar.

    Raises:
        tf.errors.InvalidArgumentError: For a JPEG whose header the decoder would refuse.
    """
    return _header(data, lambda data: tf.cast(tf.io.extract_jpeg_shape(data)[:2], tf.int64))


def _header(data: tf.Tensor, jpeg_size: Callable[[tf.Tensor], tf.Tensor]) -> Header:
    data = tf.convert_to_tensor(data, tf.string)
    head = peek(data, 0, _HEAD)
    fits = tf.reduce_all((head[:16] == _BEGINS) | (_BEGINS == _ANY), axis=1)
    layout = tf.reduce_max(tf.where(fits, np.arange(len(_LAYOUTS)), 0))
    kind = tf.gather(_KINDS, layout)

    def stated() -> tf.Tensor:
        return tf.gather(_sizes(head), tf.gather(_ROWS, layout))

    size = tf.cond(
        kind == JPEG,
        lambda: jpeg_size(data),
        lambda: tf.cond(kind == GIF, lambda: tf.maximum(stated(), largest_frame(data)), stated),
    )
    orientation = tf.cond(
        mentions_exif(data), lambda: _orientation(data, kind), lambda: tf.constant(1)
    )
    # Kept below 2**31 so that the product of both cannot overflow int64.
    return Header(kind, tf.clip_by_value(size, 0, 2**31 - 1), orientation)


def _sizes(head: tf.Tensor) -> tf.Tensor:
    """Returns int64 [7, 2]: height and width as each layout of `_PLACES` would have them."""
    numbers = tf.reduce_sum(head * _NUMBERS, axis=1)
    bits = numbers[-1:]
    sizes = tf.reshape(tf.concat([numbers[:-1], bits // 2**14, bits], 0), [-1, 2])
    # The height of a BMP whose rows run from the top down is negative.
    sizes = tf.where(_BMP_ROW, tf.abs(signed(sizes)), sizes)
    sizes = tf.bitwise.bitwise_and(sizes, _MASKS) + _ADDED
    return tf.concat([sizes, tf.zeros([1, 2], tf.int64)], 0)


def _orientation(data: tf.Tensor, kind: tf.Tensor) -> tf.Tensor:
    def nowhere() -> tf.Tensor:
        return tf.constant(NOWHERE, tf.int64)

    of_kind = {JPEG: lambda: walk_jpeg(data)[1], PNG: lambda: png_exif(data)}
    of_kind[WEBP] = lambda: webp_exif(data)
    span = tf.switch_case(kind, [of_kind.get(number, nowhere) for number in range(6)])
    return orientation_in(data, span)


def is_animated_webp(data: tf.Tensor) -> tf.Tensor:
    """Returns whether these are a WebP whose header announces an animation: bool scalar."""
    head = peek(data, 0, 21)
    webp = spells(head, b"RIFF") & spells(head[8:], b"WEBPVP8X")
    return webp & (tf.bitwise.bitwise_and(head[20], 2) > 0)


def orientation(data: tf.Tensor) -> tf.Tensor:
    """Reads how a picture must be turned to stand upright; see ``read_header``.

    Args:
        data: string scalar, any bytes.

    Returns:
        int32 scalar, 1 to 8.
    """
    return read_header(data).orientation
