"""From encoded bytes to upright pictures and to masks of class ids, in TensorFlow ops."""

import zlib

import tensorflow as tf

from zoo.errors import UserError
from zoo.preprocess.bmp import decode_bmp, readable_bmp
from zoo.preprocess.headers import (
    BMP,
    PNG,
    UNKNOWN,
    is_animated_webp,
    read_header,
    read_header_to_decode,
)
from zoo.preprocess.raw_bytes import peek

IGNORE = 255
"""The mask id that means "no answer": never trained on, never scored."""

MAX_PIXELS = 178_956_970
"""The largest picture that is decoded, in pixels (what Pillow too takes for a bomb)."""

CHANNELS = (1, 3, 4)
"""The numbers of channels that an encoded picture can be decoded to."""

_EMPTY = "is empty"
_NO_PICTURE = "is not a JPEG, PNG, BMP, GIF or WebP picture"
_TOO_LARGE = f"claims more than {MAX_PIXELS:,} pixels"
_ANIMATED = "is an animated WebP, which is not read: save one frame of it as a picture"
_UNREAD_BMP = "is a BMP compressed or of a depth that is not read: save it as PNG"
_DAMAGED = "is damaged or cut short"
_NO_MASK = "is not a PNG of class ids (gray or palette, ids 0 to 255)"

_BYTES = [bytes([value]) for value in range(256)]
# A checksum is linear in the bits: this difference turns that of a palette header
# (colour type 3) into that of a gray one (0), whatever its other fields are.
_AS_PALETTE, _AS_GRAY = (zlib.crc32(b"IHDR" + bytes([0] * 9 + [kind, 0, 0, 0])) for kind in (3, 0))
_PALETTE_TO_GRAY = list((_AS_PALETTE ^ _AS_GRAY).to_bytes(4))


def _require(condition: tf.Tensor, message: str, data: tf.Tensor) -> tf.Tensor:
    """Passes ``data`` on once ``condition`` holds, so that nothing is decoded before."""
    with tf.control_dependencies([tf.debugging.Assert(condition, [message])]):
        return tf.identity(data)


def decode_image(data: tf.Tensor | bytes, channels: int = 3) -> tf.Tensor:
    """Decodes a picture by its content, never by its name, and turns it upright.

    JPEG (CMYK included), PNG (gray, palette, RGB, with alpha, 16 bits scaled to 8), BMP,
    a GIF's first frame and WebP that is not animated. Channels are converted as Pillow's
    ``convert`` does: alpha is dropped, not composited; gray is ITU-R 601 luma; a missing
    alpha is 255.

    Args:
        data: string scalar, the encoded picture.
        channels: 1 (gray), 3 (RGB) or 4 (RGBA).

    Returns:
        uint8 [h, w, channels], the EXIF orientation applied.

    Raises:
        UserError: When ``channels`` is none of these.
        tf.errors.InvalidArgumentError: When the bytes cannot be read, or claim more than
            ``MAX_PIXELS`` (before that memory is taken); ``picture_error`` says why.

    Example:
        >>> decode_image(tf.io.encode_png(tf.zeros([2, 3, 3], tf.uint8)), 1).shape
        TensorShape([2, 3, 1])
    """
    if channels not in CHANNELS:
        raise UserError(
            f"an encoded picture cannot be decoded to {channels} channels; "
            "use 1, 3 or 4, or give arrays instead of encoded pictures"
        )
    data = tf.convert_to_tensor(data, tf.string)
    kind, size, orientation = read_header_to_decode(data)
    data = _require(kind != UNKNOWN, _NO_PICTURE, data)
    data = _require(tf.reduce_prod(size) <= MAX_PIXELS, _TOO_LARGE, data)
    # TensorFlow 2.21 writes past its memory on animated WebP: the process dies.
    data = _require(tf.logical_not(is_animated_webp(data)), _ANIMATED, data)
    image = tf.cond(
        kind == BMP,
        lambda: decode_bmp(_require(readable_bmp(data), _UNREAD_BMP, data)),
        # Native channels: asking this op for others fails for GIF, WebP and CMYK, and
        # gives a palette a wrong alpha.
        lambda: tf.io.decode_image(data, channels=0, expand_animations=False),
    )
    image = convert_channels(tf.ensure_shape(image, [None, None, None]), channels)
    return orient(image, orientation)


def convert_channels(image: tf.Tensor, channels: int) -> tf.Tensor:
    """Converts between gray, gray with alpha, RGB and RGBA as Pillow's ``convert`` does.

    Args:
        image: uint8 [h, w, c] with 1 to 4 channels.
        channels: 1, 3 or 4.

    Returns:
        uint8 [h, w, channels].
    """
    given = tf.shape(image)[-1]

    def to_gray():
        red, green, blue = tf.unstack(tf.cast(image[:, :, :3], tf.int32), num=3, axis=-1)
        # ITU-R 601-2 luma in Pillow's fixed point: 0.299, 0.587 and 0.114 times 2**16.
        luma = (19595 * red + 38470 * green + 7471 * blue + 2**15) // 2**16
        return tf.cast(tf.expand_dims(luma, -1), tf.uint8)

    def to_colour():
        opaque = tf.fill([*tf.unstack(tf.shape(image)[:2]), 1], tf.constant(255, tf.uint8))
        order = tf.where(given >= 3, [0, 1, 2, 3], [0, 0, 0, 1])
        return tf.gather(tf.concat([image, opaque], -1), order[:channels], axis=-1)

    if channels == 1:
        image = tf.cond(given >= 3, to_gray, lambda: image[:, :, :1])
    else:
        image = tf.cond(given == channels, lambda: image, to_colour)
    return tf.ensure_shape(image, [None, None, channels])


def orient(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turns a stored picture upright.

    Args:
        image: [h, w, c] of any dtype, as stored.
        orientation: int32 scalar, 1 to 8, as EXIF defines it.

    Returns:
        The upright picture: [h, w, c], or [w, h, c] for 5 to 8.
    """
    static = image.shape

    def turned():
        upright = tf.cond(
            orientation >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: tf.identity(image)
        )
        flips = tf.stack(
            [
                tf.reduce_any(orientation == [3, 4, 7, 8]),
                tf.reduce_any(orientation == [2, 3, 6, 7]),
            ]
        )
        return tf.reverse(upright, tf.boolean_mask([0, 1], flips))

    upright = tf.cond(orientation > 1, turned, lambda: tf.identity(image))
    return tf.ensure_shape(upright, [None, None, static[-1]])


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
    kind, size, _ = read_header(data)
    data = _require(kind == PNG, _NO_MASK, data)
    data = _require(tf.reduce_prod(size) <= MAX_PIXELS, _TOO_LARGE, data)
    head = peek(data, 24, 9)
    depth, colour = head[0], head[1]
    data = _require(tf.reduce_any(colour == [0, 3, 4]), _NO_MASK, data)

    def gray_header():
        # libpng would look the colours up: told that the picture is gray, it gives indices.
        checksum = tf.bitwise.bitwise_xor(head[5:9], tf.constant(_PALETTE_TO_GRAY, tf.int64))
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
        factor = 255 // (tf.bitwise.left_shift(tf.constant(1, tf.int64), depth) - 1)
        return stretched // tf.cast(factor, tf.uint8)

    def wide():
        ids = tf.io.decode_png(data, channels=1, dtype=tf.uint16)
        ids = _require(tf.reduce_all(tf.cast(ids, tf.int32) <= 255), _NO_MASK, ids)
        return tf.cast(ids, tf.uint8)

    return tf.ensure_shape(tf.squeeze(tf.cond(depth == 16, wide, narrow), -1), [None, None])


def picture_error(data: tf.Tensor | bytes) -> tf.Tensor:
    """Says what is wrong with bytes that could not be read.

    Args:
        data: string scalar on which ``decode_image`` failed.

    Returns:
        string scalar that follows the picture's name: ``"is empty"``, ``"is not a JPEG,
        PNG, BMP, GIF or WebP picture"``, ``"is damaged or cut short"`` and the like.
    """
    data = tf.convert_to_tensor(data, tf.string)
    kind, size, _ = read_header(data)
    message = tf.constant(_DAMAGED)
    for found, text in (
        ((kind == BMP) & tf.logical_not(readable_bmp(data)), _UNREAD_BMP),
        (is_animated_webp(data), _ANIMATED),
        (tf.reduce_prod(size) > MAX_PIXELS, _TOO_LARGE),
        (kind == UNKNOWN, _NO_PICTURE),
        (tf.strings.length(data) == 0, _EMPTY),
    ):
        message = tf.where(found, text, message)
    return message
