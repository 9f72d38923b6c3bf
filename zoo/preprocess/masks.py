"""From encoded bytes to masks of class ids, in TensorFlow ops."""

import zlib

import tensorflow as tf

from zoo.preprocess.decode import TOO_LARGE, require
from zoo.preprocess.raw_bytes import big_endian, peek, spells
from zoo.values import MAX_PIXELS

IGNORE = 255
"""The mask id that means "no answer": never trained on, never scored."""

_NO_MASK = "is not a PNG of class ids (gray or palette, ids 0 to 255)"

_BYTES = [bytes([value]) for value in range(256)]
# A checksum is linear in the bits: this difference turns that of a palette header
# (colour type 3) into that of a gray one (0), whatever its other fields are.
_AS_PALETTE, _AS_GRAY = (zlib.crc32(b"IHDR" + bytes([0] * 9 + [kind, 0, 0, 0])) for kind in (3, 0))
PALETTE_TO_GRAY = (_AS_PALETTE ^ _AS_GRAY).to_bytes(4)
"""What to combine a palette header's checksum with, by exclusive or, to get the gray one's."""


def decode_mask(data: tf.Tensor | bytes) -> tf.Tensor:
    """Decodes a PNG whose stored samples are class ids.

    The id is the number that stands in the file: a palette PNG (as VOC's) gives its
    indices, not its colours, and 1, 2 or 4 bits a pixel are not stretched to 255. A
    picture for people to look at, where classes are colours, is refused.

    Args:
        data: string scalar, an encoded PNG: palette or gray of any depth, an alpha
            channel is dropped.

    Returns:
        uint8 [h, w], ids 0 to 255 (255 = ``IGNORE``).

    Raises:
        tf.errors.InvalidArgumentError: When it is no PNG, has colours or ids beyond 255,
            is damaged, or claims more than ``MAX_PIXELS``.
    """
    data = tf.convert_to_tensor(data, tf.string)
    # Not `read_header`: a PNG is all there may be, and of a mask ops take longer than pixels.
    head = peek(data, 0, 33)
    data = require(spells(head, b"\x89PNG\r\n\x1a\n"), _NO_MASK, data)
    size = tf.minimum(big_endian(tf.reshape(head[16:24], [2, 4])), 2**31 - 1)
    data = require(tf.reduce_prod(size) <= MAX_PIXELS, TOO_LARGE, data)
    depth, colour = head[24], head[25]
    data = require(tf.reduce_any(colour == [0, 3, 4]), _NO_MASK, data)

    def gray_header():
        # libpng would look the colours up: told that the picture is gray, it gives indices.
        checksum = tf.bitwise.bitwise_xor(head[29:33], tf.constant(list(PALETTE_TO_GRAY), tf.int64))
        return tf.strings.join(
            [
                tf.strings.substr(data, 0, 25),
                b"\0",
                tf.strings.substr(data, 26, 3),
                tf.strings.reduce_join(tf.gather(_BYTES, checksum)),
                tf.strings.substr(data, 33, tf.strings.length(data)),
            ]
        )

    def narrow():
        gray = tf.cond(colour == 3, gray_header, lambda: data)
        stretched = tf.io.decode_png(gray, channels=1)

        def divided():
            factor = 255 // (tf.bitwise.left_shift(tf.constant(1, tf.int64), depth) - 1)
            return stretched // tf.cast(factor, tf.uint8)

        return tf.cond(depth == 8, lambda: stretched, divided)

    def wide():
        ids = tf.io.decode_png(data, channels=1, dtype=tf.uint16)
        ids = require(tf.reduce_all(tf.cast(ids, tf.int32) <= 255), _NO_MASK, ids)
        return tf.cast(ids, tf.uint8)

    return tf.ensure_shape(tf.squeeze(tf.cond(depth == 16, wide, narrow), -1), [None, None])
