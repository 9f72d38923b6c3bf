"""Plain pictures and masks read outside of TensorFlow, the same to the bit as by TensorFlow's ops.

For training from files, outside of any graph: a quarter to a half of what the ops take. Nothing
is decided here: ``Preprocessing.prepare_with_origin`` has read each picture before, and says which
are plain, how large they are and where they lie. What turns out otherwise is ``None``.
"""

import functools
from collections.abc import Callable

import cv2
import imagecodecs
import numpy as np
import simplejpeg
import tensorflow as tf
from scipy import sparse

from zoo.preprocess.masks import IGNORE, PALETTE_TO_GRAY

_COLOURS = {1: "GRAY", 3: "RGB"}
# A JPEG's block is 8 x 8 pixels. A side shorter than that has the same length at several scales,
# of which TurboJPEG, which is told the length, may choose another.
_BLOCK = 8
# So many weights take some megabytes, and few sets have pictures of so many sizes.
_KEPT = 1024

_HEADER = 33
_GRAY, _PALETTE = 0, 3


def decode_picture(
    data: bytes, channels: int, size: tuple[int, int], ratio: int
) -> np.ndarray | None:
    """Decodes a plain JPEG.

    Args:
        data: The encoded picture.
        channels: 1 or 3.
        size: Its height and width in pixels.
        ratio: The part of its size to decode it at: 1, 2, 4 or 8.

    Returns:
        uint8 [h, w, channels], or None if it cannot be read, has another size or is only a few
        pixels large.
    """
    if not data or (ratio > 1 and max(size) < _BLOCK):
        return None
    height, width = -(-size[0] // ratio), -(-size[1] // ratio)
    least = (height, width) if ratio > 1 else (0, 0)
    # Memory for the size that was stated: one that claims another takes none.
    pixels = np.empty((height, width, channels), np.uint8)
    try:
        decoded = simplejpeg.decode_jpeg(
            data, _COLOURS[channels], min_height=least[0], min_width=least[1], buffer=pixels
        )
    except ValueError:
        return None
    return decoded if decoded.shape == pixels.shape else None


def fit_picture(
    pixels: np.ndarray, target: tuple[int, int], scale: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """Fits a picture to the model's input as ``Preprocessing.fit_image`` does.

    The op that does it there adds up rows, then columns, each in the order in which they lie.
    So does a product with a sparse matrix, which takes a quarter of the time: along rows of
    pixels, not pixel by pixel.

    Args:
        pixels: uint8 [h, w, channels].
        target: Height and width of the model's input.
        scale: float32 [2], as ``Geometry.scaling`` gives it.
        shift: float32 [2], likewise.

    Returns:
        uint8 [height, width, channels].
    """
    (height, width, channels), (rows, columns) = pixels.shape, target
    down = _weights(height, rows, float(scale[0]), float(shift[0]))
    across = _weights(width, columns, float(scale[1]), float(shift[1]))
    fitted = down @ pixels.reshape(height, -1).astype(np.float32)
    fitted = cv2.transpose(fitted.reshape(rows, width, channels))
    fitted = across @ fitted.reshape(width, -1)
    # Rounded, halves to even, and clipped.
    fitted = cv2.convertScaleAbs(fitted)
    return cv2.transpose(fitted.reshape(columns, rows, channels)).reshape(rows, columns, channels)


@functools.lru_cache(_KEPT)
def _weights(length: int, target: int, scale: float, shift: float) -> sparse.csr_array:
    """Returns the weights of pixels along an axis: sparse float32 [target, length]."""
    # The op is asked, with pictures of one column: each pixel is 1 in a channel that it shares with
    # none near enough to come into the same sum.
    reach = 2 * int(np.ceil(max(1 / scale, 1.0))) + 2
    impulses = np.arange(length)[:, np.newaxis] % reach == np.arange(reach)
    with tf.device("CPU"):
        found = tf.raw_ops.ScaleAndTranslate(
            images=impulses.astype(np.float32)[np.newaxis, :, np.newaxis],
            size=[target, 1],
            scale=np.array([scale, 1.0], np.float32),
            translation=np.array([shift, 0.0], np.float32),
            kernel_type="triangle",
            antialias=True,
        ).numpy()[0, :, 0]
    first = np.floor((np.arange(target) + 0.5 - shift) / scale).astype(int) - reach // 2
    source = first[:, np.newaxis] + (np.arange(reach) - first[:, np.newaxis]) % reach
    row, channel = np.nonzero(found)
    places = (row, source[row, channel])
    # From the one form to the other, columns of a row come in their order.
    return sparse.csr_array((found[row, channel], places), (target, length)).sorted_indices()


def decode_mask(data: bytes, size: tuple[int, int]) -> np.ndarray | None:
    """Decodes a mask of 8 bits, gray or palette.

    Args:
        data: The encoded PNG.
        size: Its height and width in pixels.

    Returns:
        uint8 [h, w], the ids, or None if it is none of these, cannot be read or has another size.
    """
    if len(data) < _HEADER or data[24] != 8 or data[25] not in (_GRAY, _PALETTE):
        return None
    if (int.from_bytes(data[20:24]), int.from_bytes(data[16:20])) != size:
        return None
    header = bytearray(data[:_HEADER])
    if header[25] == _PALETTE:
        header[25] = _GRAY
        checksum = int.from_bytes(header[29:]) ^ int.from_bytes(PALETTE_TO_GRAY)
        header[29:] = checksum.to_bytes(4)
    # Without palette, transparency and profile, all of which libpng would complain of.
    start = _HEADER
    while start + 8 <= len(data) and data[start + 4 : start + 8] != b"IDAT":
        start += int.from_bytes(data[start : start + 4]) + 12
    try:
        return imagecodecs.png_decode(bytes(header) + data[start:])
    except imagecodecs.PngError:
        return None


def fit_mask(
    ids: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    look_up: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Fits a mask to the model's input as ``Preprocessing.fit_mask`` does.

    Args:
        ids: uint8 [h, w].
        rows: int64 [height], as ``Geometry.sources`` gives it.
        columns: int64 [width], likewise.
        look_up: From ids, uint8 [height, width], to their classes: of the few that are seen.

    Returns:
        uint8 [height, width], the classes, ``IGNORE`` where there is no picture.
    """
    fitted = look_up(ids.take(rows, 0, mode="clip").take(columns, 1, mode="clip"))
    if rows.min() < 0:
        fitted[rows < 0] = IGNORE
    if columns.min() < 0:
        fitted[:, columns < 0] = IGNORE
    return fitted
