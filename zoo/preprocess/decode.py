"""From encoded bytes to upright pictures and to masks of class ids, in TensorFlow ops."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from zoo.errors import UserError
from zoo.preprocess.bmp import decode_bmp, readable_bmp
from zoo.preprocess.exif import mentions_exif
from zoo.preprocess.headers import (
    BMP,
    GIF,
    JPEG,
    JPEG_START,
    PNG,
    UNKNOWN,
    is_animated_webp,
    read_header,
    read_header_to_decode,
)
from zoo.preprocess.raw_bytes import peek
from zoo.preprocess.stored import convert_channels, flips, orient
from zoo.values import CHANNELS, MAX_PIXELS, SIXTEEN_BITS, Values, bytes_of_sixteen_bits

Ratio = Callable[[tf.Tensor], tf.Tensor]

# What OpenCV and Pillow decode JPEGs with, in hardly more time than the TensorFlow default.
_EXACT = "INTEGER_ACCURATE"
_RATIOS = (2, 4, 8)
# Of how many colour components a JPEG can be that libjpeg itself makes so many channels of as
# Pillow does: of gray it repeats them.
_JPEG_COMPONENTS: dict[int, list[int]] = {1: [1], 3: [1, 3], 4: []}

_EMPTY = "is empty"
_NO_PICTURE = "is not a JPEG, PNG, BMP, GIF or WebP picture"
TOO_LARGE = f"claims more than {MAX_PIXELS:,} pixels"
_ANIMATED = "is an animated WebP, which is not read: save one frame of it as a picture"
_UNREAD_BMP = "is a BMP compressed or of a depth that is not read: save it as PNG"
_DAMAGED = "is damaged or cut short"


def require(condition: tf.Tensor, message: str, data: tf.Tensor, *details: tf.Tensor) -> tf.Tensor:
    """Passes ``data`` on once ``condition`` holds, so that nothing is decoded before.

    Args:
        condition: bool scalar.
        message: Of the error where it does not hold.
        data: Any tensor.
        *details: What the message goes on with.
    """
    # The bare op: tf.debugging.Assert puts it into a cond, which costs a call of a function.
    check = tf.raw_ops.Assert(condition=condition, data=[message, *details])
    with tf.control_dependencies([] if check is None else [check]):
        return tf.identity(data)


class Decoded(NamedTuple):
    """A picture decoded for a purpose that may not need all of its pixels.

    Attributes:
        image: uint8 [h, w, channels], upright.
        size: int32 [2], height and width of the upright picture as it is in the file.
        ratio: int32 scalar, 1, 2, 4 or 8: how many of the picture's rows and columns each
            pixel of ``image`` stands for. Its height is the picture's divided by it and
            rounded up, its width likewise.
        lead: int32 [2]: how far the first row and column reach beyond the picture's top and
            left, in its pixels. What a reduced picture has too much lies at the stored
            bottom and right, which an orientation may have turned up and to the left.
        plain: bool scalar: whether it is a JPEG as most are, upright and of the channels wanted,
            of which ``zoo.preprocess.plain`` makes the same.
    """

    image: tf.Tensor
    size: tf.Tensor
    ratio: tf.Tensor
    lead: tf.Tensor
    plain: tf.Tensor


def decode_image(
    data: tf.Tensor | bytes, channels: int = 3, values: Values | None = None
) -> tf.Tensor:
    """Decodes a picture by its content, never by its name, and turns it upright.

    JPEG (CMYK included), PNG (gray, palette, RGB, with alpha, 16 bits scaled to 8), BMP,
    a GIF's first frame and WebP that is not animated. Channels are converted as Pillow's
    ``convert`` does: alpha is dropped, not composited; gray is ITU-R 601 luma; a missing
    alpha is 255.

    Args:
        data: string scalar, the encoded picture.
        channels: 1 (gray), 3 (RGB) or 4 (RGBA).
        values: Of a PNG of 16 bits: what becomes 0 and what becomes 255; values outside are
            clipped. ``None`` for 0 and 65535.

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
    return decode_reduced(data, channels, values).image


def decode_reduced(
    data: tf.Tensor | bytes,
    channels: int = 3,
    values: Values | None = None,
    ratio: Ratio | None = None,
) -> Decoded:
    """Decodes a picture as ``decode_image`` does, a JPEG at a reduced scale where that will do.

    A JPEG's blocks of 8 x 8 pixels can be decoded as blocks of 4, 2 or 1 in a fraction of the
    time; pictures of other kinds are decoded whole.

    Args:
        data: string scalar, the encoded picture.
        channels: As of ``decode_image``.
        values: As of ``decode_image``.
        ratio: From the upright size, int64 [2], to the largest reduction allowed, an int
            scalar; of 1, 2, 4 and 8 the largest within it is taken. Hashable, and equal to
            another that gives the same. ``None`` for none.

    Raises:
        UserError: As ``decode_image``.
        tf.errors.InvalidArgumentError: As ``decode_image``.
    """
    if channels not in CHANNELS:
        raise UserError(
            f"an encoded picture cannot be decoded to {channels} channels; "
            "use 1, 3 or 4, or give arrays instead of encoded pictures"
        )
    data = tf.convert_to_tensor(data, tf.string)
    # Most pictures are upright JPEGs of the channels wanted: these get by on few ops.
    shape = tf.cond(
        tf.strings.substr(data, 0, len(JPEG_START)) == JPEG_START,
        lambda: tf.cast(tf.io.extract_jpeg_shape(data), tf.int64),
        lambda: tf.zeros([3], tf.int64),
    )
    size = shape[:2]
    as_wanted = tf.reduce_any(shape[2] == _JPEG_COMPONENTS[channels])
    quick = as_wanted & tf.logical_not(mentions_exif(data, jpeg=True))
    power = _power(ratio, tf.maximum(size, 1))

    def jpeg(reduced: int) -> Decoded:
        whole = require(tf.reduce_prod(size) <= MAX_PIXELS, TOO_LARGE, data)
        image = tf.io.decode_jpeg(whole, channels, ratio=2**reduced, dct_method=_EXACT)
        image = tf.ensure_shape(image, [None, None, channels])
        nothing = tf.zeros([2], tf.int32)
        by = tf.constant(2**reduced)
        return Decoded(image, tf.cast(size, tf.int32), by, nothing, tf.constant(True))

    if tf.executing_eagerly():
        general = functools.partial(_decode_any, channels=channels, values=values, ratio=ratio)
    else:
        general = _any_picture(channels, values, ratio)
    branches = [lambda: general(data)]
    if _JPEG_COMPONENTS[channels]:
        powers = range(len(_RATIOS) + 1 if ratio is not None else 1)
        branches += [functools.partial(jpeg, reduced) for reduced in powers]
    found = Decoded(*tf.switch_case(tf.where(quick, power + 1, 0), branches))
    return found._replace(plain=found.plain & as_wanted)


@functools.lru_cache(maxsize=64)
def _any_picture(channels: int, values: Values | None, ratio: Ratio | None) -> Any:
    """Returns :func:`_decode_any` as a function that costs nothing where it is not called.

    TensorFlow takes the branches of a cond apart into single ops, and tf.data passes over each op
    of one not taken: for the hundreds that it takes to read any picture, longer than decoding a
    small one. Tracing them takes most of a second, so it is done once for all data sets.
    """
    return tf.function(
        functools.partial(_decode_any, channels=channels, values=values, ratio=ratio),
        input_signature=[tf.TensorSpec([], tf.string)],
        autograph=False,
        experimental_attributes={"_noinline": True},
    )


def _power(ratio: Ratio | None, upright: tf.Tensor) -> tf.Tensor:
    """Returns how often a JPEG's size is halved: int32 scalar, 0 to 3."""
    if ratio is None:
        return tf.constant(0)
    return tf.reduce_sum(tf.cast(tf.cast(ratio(upright), tf.int32) >= _RATIOS, tf.int32))


def _decode_any(
    data: tf.Tensor,
    channels: int,
    values: Values | None,
    ratio: Ratio | None,
) -> Decoded:
    """Decodes a picture of any kind, colours and orientation; see ``decode_reduced``."""
    header = read_header_to_decode(data)
    kind = header.kind
    data = require(kind != UNKNOWN, _NO_PICTURE, data)
    data = require(tf.reduce_prod(header.size) <= MAX_PIXELS, TOO_LARGE, data)
    # TensorFlow 2.21 writes past its memory on animated WebP: the process dies.
    data = require(tf.logical_not(is_animated_webp(data)), _ANIMATED, data)

    decoders = {
        # Native channels: asking this op for others fails for GIF, WebP and CMYK, and
        # gives a palette a wrong alpha.
        "as it is": lambda: tf.io.decode_image(data, channels=0, expand_animations=False),
        "bmp": lambda: decode_bmp(require(readable_bmp(data), _UNREAD_BMP, data)),
        "deep png": lambda: tf.gather(
            bytes_of_sixteen_bits(values or SIXTEEN_BITS),
            tf.cast(tf.io.decode_png(data, channels=0, dtype=tf.uint16), tf.int32),
        ),
    }
    branch = tf.where(kind == BMP, 1, tf.where(_is_deep_png(data, kind), 2, 0))
    power = tf.where(kind == JPEG, _power(ratio, header.upright), 0)
    branch = tf.where(kind == JPEG, power + len(decoders), branch)
    decoders |= {
        f"jpeg / {by}": functools.partial(tf.io.decode_jpeg, data, ratio=by, dct_method=_EXACT)
        for by in (1, *(_RATIOS if ratio is not None else ()))
    }
    image = tf.switch_case(branch, list(decoders.values()))
    image = convert_channels(tf.ensure_shape(image, [None, None, None]), channels)
    image = orient(image, header.orientation)
    # A GIF's pixels, not its header, say how large it is.
    size = tf.where(power > 0, tf.cast(header.upright, tf.int32), tf.shape(image)[:2])
    by = tf.bitwise.left_shift(1, power)
    lead = tf.where(flips(header.orientation), by * tf.shape(image)[:2] - size, 0)
    return Decoded(image, size, by, lead, header.orientation == 1)


def upright_size(data: tf.Tensor) -> tf.Tensor:
    """Reads how large a picture is once it stands upright, as a rule without decoding it.

    Args:
        data: string scalar, an encoded picture.

    Returns:
        int32 [2], height and width; 0 where the bytes are no picture.

    Raises:
        tf.errors.InvalidArgumentError: For a damaged GIF.
    """
    header = read_header(data)
    return tf.cond(
        # Its frames say how large it is, not its header.
        header.kind == GIF,
        lambda: tf.shape(decode_image(data))[:2],
        lambda: tf.cast(header.upright, tf.int32),
    )


def _is_deep_png(data: tf.Tensor, kind: tf.Tensor) -> tf.Tensor:
    return (kind == PNG) & (peek(data, 24, 1)[0] == 16)


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
        (tf.reduce_prod(size) > MAX_PIXELS, TOO_LARGE),
        (kind == UNKNOWN, _NO_PICTURE),
        (tf.strings.length(data) == 0, _EMPTY),
    ):
        message = tf.where(found, text, message)
    return message
