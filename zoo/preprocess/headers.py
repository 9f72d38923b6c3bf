"""What the first bytes of an encoded picture say: its kind, its size, its orientation.

Everything here is TensorFlow ops, so that it runs in tf.data and inside a served
graph, and none of it raises: bytes past the end read as zero, and what makes no
sense reads as "unknown", size 0 or orientation 1.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

UNKNOWN, JPEG, PNG, GIF, BMP, WEBP = range(6)

# A hostile file can chain millions of tiny segments; real ones have at most hundreds.
_MOST_SEGMENTS = 4096
_NOWHERE = (-1, 0)

# What a JPEG marker means. Up to _BARE it has no content, and the number is what it takes
# to get past it: 0xFF is a fill byte before the marker; TEM, RSTn and SOI stand alone.
_FILL, _BARE, _SEGMENT, _APP1, _FRAME, _END = 1, 2, 3, 4, 5, 6


def _marker(value: int) -> int:
    if value == 0xFF:
        return _FILL
    if value == 0x01 or 0xD0 <= value <= 0xD8:
        return _BARE
    if value in (0xD9, 0xDA):
        return _END
    # Of 0xC0 to 0xCF all begin a frame but DHT, JPG and DAC.
    if 0xC0 <= value <= 0xCF and value not in (0xC4, 0xC8, 0xCC):
        return _FRAME
    return _APP1 if value == 0xE1 else _SEGMENT


_MARKERS = np.array([_marker(value) for value in range(256)], np.int64)
_EXIF = np.array(list(b"Exif\0\0"), np.int64)
# From a segment's first 10 bytes: its length, and a frame's height and width.
_NUMBERS = np.zeros([3, 10], np.int64)
for _row, _place in enumerate((2, 5, 7)):
    _NUMBERS[_row, _place : _place + 2] = 256, 1


def peek(data: tf.Tensor, position: tf.Tensor | int, count: int) -> tf.Tensor:
    """Returns ``count`` bytes from ``position`` on as int64 [count], zeros past the end.

    Args:
        data: string scalar.
        position: int scalar, any value.
        count: How many bytes, at least 1.
    """
    end = tf.cast(tf.strings.length(data), tf.int64)
    return _window(data, tf.clip_by_value(tf.cast(position, tf.int64), 0, end), count)


def _window(data: tf.Tensor, position: tf.Tensor, count: int) -> tf.Tensor:
    """Does what ``peek`` does for a position known to lie within the bytes."""
    piece = tf.strings.substr(data, position, tf.constant(count, tf.int64))
    return tf.cast(tf.io.decode_raw(piece, tf.uint8, fixed_length=count), tf.int64)


def big_endian(values: tf.Tensor) -> tf.Tensor:
    """Returns the unsigned number that bytes int64 [..., b] spell, most significant first."""
    first, *others = tf.unstack(values, axis=-1)
    return functools.reduce(lambda number, byte: number * 256 + byte, others, first)


def little_endian(values: tf.Tensor) -> tf.Tensor:
    """Returns the unsigned number that bytes int64 [..., b] spell, least significant first."""
    return big_endian(tf.reverse(values, [-1]))


def _spells(values: tf.Tensor, text: bytes) -> tf.Tensor:
    return tf.reduce_all(values[: len(text)] == tf.constant(list(text), tf.int64))


def picture_kind(data: tf.Tensor) -> tf.Tensor:
    """Tells by its first bytes what kind of picture this is.

    Args:
        data: string scalar, an encoded picture or any other bytes.

    Returns:
        int32 scalar: ``JPEG``, ``PNG``, ``GIF``, ``BMP``, ``WEBP`` or ``UNKNOWN`` (0).
    """
    head = peek(data, 0, 12)
    kind = tf.constant(UNKNOWN)
    for value, found in (
        (JPEG, _spells(head, b"\xff\xd8\xff")),
        (PNG, _spells(head, b"\x89PNG\r\n\x1a\n")),
        (GIF, _spells(head, b"GIF87a") | _spells(head, b"GIF89a")),
        (BMP, _spells(head, b"BM")),
        (WEBP, _spells(head, b"RIFF") & _spells(head[8:], b"WEBP")),
    ):
        kind = tf.where(found, value, kind)
    return kind


def is_animated_webp(data: tf.Tensor) -> tf.Tensor:
    """Returns whether these are a WebP whose header announces an animation: bool scalar."""
    head = peek(data, 0, 21)
    webp = _spells(head, b"RIFF") & _spells(head[8:], b"WEBPVP8X")
    return webp & (tf.bitwise.bitwise_and(head[20], 2) > 0)


class Header(NamedTuple):
    """What a picture's header says.

    Attributes:
        kind: int32 scalar, as ``picture_kind`` tells it.
        size: int64 [2], height and width as stored (before any EXIF turn), each at most
            2**31 - 1; [0, 0] where the header does not say.
        orientation: int32 scalar, 1 to 8, as EXIF defines it.
    """

    kind: tf.Tensor
    size: tf.Tensor
    orientation: tf.Tensor


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
    kind = picture_kind(data)
    nowhere = tf.constant(_NOWHERE, tf.int64)
    size, exif = tf.switch_case(
        kind,
        [
            lambda: (tf.zeros(2, tf.int64), nowhere),
            lambda: _walk_jpeg(data),
            lambda: (
                tf.stack([big_endian(peek(data, at, 4)) for at in (20, 16)]),
                _find_chunk(data, 8, _png_chunk, b"eXIf"),
            ),
            lambda: (tf.stack([little_endian(peek(data, at, 2)) for at in (8, 6)]), nowhere),
            lambda: (
                tf.abs(tf.stack([signed(little_endian(peek(data, at, 4))) for at in (22, 18)])),
                nowhere,
            ),
            lambda: (_webp_size(data), _find_chunk(data, 12, _riff_chunk, b"EXIF")),
        ],
    )
    orientation = tf.cond(
        exif[0] >= 0,
        lambda: _tiff_orientation(_unprefixed(_piece(data, exif[0], exif[1]))),
        lambda: tf.constant(1),
    )
    # Kept below 2**31 so that the product of both cannot overflow int64.
    return Header(kind, tf.clip_by_value(size, 0, 2**31 - 1), orientation)


def signed(number: tf.Tensor) -> tf.Tensor:
    """Reads an unsigned 32-bit number, held as int64, as a signed one."""
    return tf.where(number >= 2**31, number - 2**32, number)


def _webp_size(data: tf.Tensor) -> tf.Tensor:
    head = peek(data, 0, 30)
    mask = tf.constant(2**14 - 1, tf.int64)
    bits = little_endian(head[21:25])
    lossless = tf.bitwise.bitwise_and(tf.stack([bits // 2**14, bits]), mask) + 1
    extended = tf.stack([little_endian(head[27:30]) + 1, little_endian(head[24:27]) + 1])
    lossy = tf.stack([little_endian(head[28:30]), little_endian(head[26:28])])
    lossy = tf.bitwise.bitwise_and(lossy, mask)
    size = tf.where(_spells(head[12:], b"VP8X"), extended, lossy)
    return tf.where(_spells(head[12:], b"VP8L"), lossless, size)


def _piece(data: tf.Tensor, start: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    end = tf.cast(tf.strings.length(data), tf.int64)
    return tf.strings.substr(data, tf.clip_by_value(start, 0, end), tf.maximum(length, 0))


def _unprefixed(exif: tf.Tensor) -> tf.Tensor:
    """Drops the ``Exif00`` that some writers carry over from JPEG into PNG and WebP."""
    has = _spells(peek(exif, 0, 6), b"Exif\0\0")
    return tf.cond(has, lambda: tf.strings.substr(exif, 6, tf.strings.length(exif)), lambda: exif)


def _walk_jpeg(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Walks a JPEG's segments up to its frame: the frame's size, and the EXIF data's span."""
    end = tf.cast(tf.strings.length(data), tf.int64)

    # This loop runs for every picture read, so it is written for few ops: one look-up
    # says what a marker means, one product reads all three numbers.
    def step(position, size, exif):
        head = _window(data, position, 10)
        meaning = tf.gather(_MARKERS, head[1])
        numbers = tf.reduce_sum(head * _NUMBERS, axis=1)
        length = numbers[0]
        bare = meaning <= _BARE
        advance = tf.where(bare, meaning, length + 2)
        stop = (head[0] != 0xFF) | (meaning >= _FRAME) | ~(bare | (length >= 2))
        is_exif = (meaning == _APP1) & tf.reduce_all(head[4:] == _EXIF) & (exif[0] < 0)
        return (
            tf.where(stop, end, position + advance),
            tf.where(meaning == _FRAME, numbers[1:], size),
            tf.where(is_exif, tf.stack([position + 10, length - 8]), exif),
        )

    _, size, exif = tf.while_loop(
        lambda position, *_: position < end,
        step,
        (tf.constant(2, tf.int64), tf.zeros(2, tf.int64), tf.constant(_NOWHERE, tf.int64)),
        maximum_iterations=_MOST_SEGMENTS,
        parallel_iterations=1,
    )
    return size, exif


def _png_chunk(head: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    length = big_endian(head[:4])
    return head[4:], length, length + 12


def _riff_chunk(head: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    length = little_endian(head[4:])
    return head[:4], length, (length + 1) // 2 * 2 + 8


def _find_chunk(data: tf.Tensor, first: int, read: Callable, wanted: bytes) -> tf.Tensor:
    """Finds a chunk by its name: the span of its content, or ``_NOWHERE``.

    Args:
        data: string scalar.
        first: Where the first chunk begins.
        read: Takes the 8 bytes of a chunk's header, gives name, length and the whole
            chunk's length.
        wanted: The name to find, 4 bytes.
    """
    end = tf.cast(tf.strings.length(data), tf.int64)

    def step(position, span):
        name, content, whole = read(_window(data, position, 8))
        found = _spells(name, wanted)
        return (
            tf.where(found, end, position + whole),
            tf.where(found, tf.stack([position + 8, content]), span),
        )

    _, span = tf.while_loop(
        lambda position, _: position < end,
        step,
        (tf.constant(first, tf.int64), tf.constant(_NOWHERE, tf.int64)),
        maximum_iterations=_MOST_SEGMENTS,
        parallel_iterations=1,
    )
    return span


def _tiff_orientation(tiff: tf.Tensor) -> tf.Tensor:
    """Reads tag 0x0112 from the first directory of a TIFF block; 1 where it is absent."""
    head = peek(tiff, 0, 8)
    little = _spells(head, b"II\x2a\0")

    def number(values):
        return tf.where(little, little_endian(values), big_endian(values))

    directory = number(head[4:8])
    left = tf.cast(tf.strings.length(tiff), tf.int64) - directory - 2
    entries = tf.minimum(number(peek(tiff, directory, 2)), left // 12)
    # At least one row: decode_raw takes no length of zero, and a row of zeros has no tag.
    count = 12 * tf.maximum(entries, 1)
    table = tf.io.decode_raw(
        _piece(tiff, directory + 2, count), tf.uint8, fixed_length=tf.cast(count, tf.int32)
    )
    table = tf.reshape(tf.cast(table, tf.int64), [-1, 12])
    kind = number(table[:, 2:4])
    value = tf.where(kind == 3, number(table[:, 8:10]), number(table[:, 8:12]))
    match = (number(table[:, 0:2]) == 0x0112) & ((kind == 3) | (kind == 4))
    match &= (number(table[:, 4:8]) == 1) & (little | _spells(head, b"MM\0\x2a"))
    found = tf.reduce_max(tf.where(match, value, 0))
    return tf.where((found >= 1) & (found <= 8), tf.cast(found, tf.int32), 1)


def orientation(data: tf.Tensor) -> tf.Tensor:
    """Reads how a picture must be turned to stand upright; see ``read_header``.

    Args:
        data: string scalar, any bytes.

    Returns:
        int32 scalar, 1 to 8.
    """
    return read_header(data).orientation
