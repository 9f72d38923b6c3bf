"""Where the EXIF data of a picture lies, and how it says the picture must be turned."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from zoo.preprocess.raw_bytes import big_endian, little_endian, peek, spells, window

# A hostile file can chain millions of tiny segments; real ones have at most hundreds.
_MOST_SEGMENTS = 4096
NOWHERE = (-1, 0)
"""The span of what is not there."""

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


def mentions_exif(data: tf.Tensor, *, jpeg: bool = False) -> tf.Tensor:
    """Returns whether the bytes may hold EXIF data: False is certain, and found fast.

    Walking a small picture's segments takes longer than decoding it; searching its bytes for
    the word takes a microsecond a kilobyte, and a seventh of that as JPEGs spell it.

    Args:
        data: string scalar.
        jpeg: Whether the picture is a JPEG.
    """
    word = "Exif" if jpeg else "(?i:exif)"
    without = tf.strings.regex_replace(data, word, "", replace_global=False)
    return tf.strings.length(without) < tf.strings.length(data)


def walk_jpeg(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Walks a JPEG's segments up to its frame: the frame's size, and the EXIF data's span."""
    end = tf.cast(tf.strings.length(data), tf.int64)

    # This loop runs for every picture read, so it is written for few ops: one look-up
    # says what a marker means, one product reads all three numbers.
    def step(position, size, exif):
        head = window(data, position, 10)
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
        (tf.constant(2, tf.int64), tf.zeros(2, tf.int64), tf.constant(NOWHERE, tf.int64)),
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


def png_exif(data: tf.Tensor) -> tf.Tensor:
    """Returns the span, start and length, of a PNG's EXIF data: int64 [2]."""
    return _find_chunk(data, 8, _png_chunk, b"eXIf")


def webp_exif(data: tf.Tensor) -> tf.Tensor:
    """Returns the span, start and length, of a WebP's EXIF data: int64 [2]."""
    return _find_chunk(data, 12, _riff_chunk, b"EXIF")


def _find_chunk(data: tf.Tensor, first: int, read: Callable, wanted: bytes) -> tf.Tensor:
    """Finds a chunk by its name: the span of its content, or ``NOWHERE``.

    Args:
        data: string scalar.
        first: Where the first chunk begins.
        read: Takes the 8 bytes of a chunk's header, gives name, length and the whole
            chunk's length.
        wanted: The name to find, 4 bytes.
    """
    end = tf.cast(tf.strings.length(data), tf.int64)

    def step(position, span):
        name, content, whole = read(window(data, position, 8))
        found = spells(name, wanted)
        return (
            tf.where(found, end, position + whole),
            tf.where(found, tf.stack([position + 8, content]), span),
        )

    _, span = tf.while_loop(
        lambda position, _: position < end,
        step,
        (tf.constant(first, tf.int64), tf.constant(NOWHERE, tf.int64)),
        maximum_iterations=_MOST_SEGMENTS,
        parallel_iterations=1,
    )
    return span


def orientation_in(data: tf.Tensor, span: tf.Tensor) -> tf.Tensor:
    """Reads the orientation that EXIF data says; 1 where it says none.

    Args:
        data: string scalar.
        span: int64 [2], where in it the EXIF data lies: start and length, or ``NOWHERE``.

    Returns:
        int32 scalar, 1 to 8.
    """
    return tf.cond(
        span[0] >= 0,
        lambda: _tiff_orientation(_unprefixed(_piece(data, span[0], span[1]))),
        lambda: tf.constant(1),
    )


def _tiff_orientation(tiff: tf.Tensor) -> tf.Tensor:
    """Reads tag 0x0112 from the first directory of a TIFF block; 1 where it is absent."""
    head = peek(tiff, 0, 8)
    little = spells(head, b"II\x2a\0")

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
    match &= (number(table[:, 4:8]) == 1) & (little | spells(head, b"MM\0\x2a"))
    found = tf.reduce_max(tf.where(match, value, 0))
    return tf.where((found >= 1) & (found <= 8), tf.cast(found, tf.int32), 1)


def _piece(data: tf.Tensor, start: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    end = tf.cast(tf.strings.length(data), tf.int64)
    return tf.strings.substr(data, tf.clip_by_value(start, 0, end), tf.maximum(length, 0))


def _unprefixed(exif: tf.Tensor) -> tf.Tensor:
    """Drops the ``Exif00`` that some writers carry over from JPEG into PNG and WebP."""
    has = spells(peek(exif, 0, 6), b"Exif\0\0")
    return tf.cond(has, lambda: tf.strings.substr(exif, 6, tf.strings.length(exif)), lambda: exif)
