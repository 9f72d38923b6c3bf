"""BMP pictures, decoded in TensorFlow ops.

TensorFlow's own decoder ignores palettes and compression (an 8-bit picture comes out
as its palette indices) and refuses 1 and 4 bits, so the few lines it takes stand here.
"""

import tensorflow as tf

from zoo.preprocess.raw_bytes import little_endian, peek, signed

_STANDARD_MASKS = [0x00FF0000, 0x0000FF00, 0x000000FF]


def _layout(data: tf.Tensor) -> dict[str, tf.Tensor]:
    head = peek(data, 0, 66)
    width, height = (signed(little_endian(head[at : at + 4])) for at in (18, 22))
    bits = little_endian(head[28:30])
    return {
        "pixels": little_endian(head[10:14]),
        "header": little_endian(head[14:18]),
        "width": width,
        "height": height,
        "bits": bits,
        "compression": little_endian(head[30:34]),
        "masks": tf.stack([little_endian(head[at : at + 4]) for at in (54, 58, 62)]),
        "row": (width * bits + 31) // 32 * 4,
    }


def readable_bmp(data: tf.Tensor) -> tf.Tensor:
    """Tells whether ``decode_bmp`` knows this kind of BMP.

    Args:
        data: string scalar that begins as a BMP does.

    Returns:
        bool scalar: True for uncompressed 1, 4, 8, 24 and 32 bits a pixel.
    """
    layout = _layout(data)
    bits, compression = layout["bits"], layout["compression"]
    plain = tf.reduce_any(bits == [1, 4, 8, 24, 32]) & (compression == 0)
    masked = (bits == 32) & (compression == 3) & tf.reduce_all(layout["masks"] == _STANDARD_MASKS)
    return (plain | masked) & (layout["header"] >= 40)


def decode_bmp(data: tf.Tensor) -> tf.Tensor:
    """Decodes a BMP to RGB; a fourth byte, which few writers fill, is dropped.

    Args:
        data: string scalar for which ``readable_bmp`` holds.

    Returns:
        uint8 [h, w, 3].

    Raises:
        tf.errors.InvalidArgumentError: When the bytes end before the pixels do.
    """
    layout = _layout(data)
    width, rows, bits = layout["width"], tf.abs(layout["height"]), layout["bits"]
    size = layout["row"] * rows
    end = tf.cast(tf.strings.length(data), tf.int64)
    whole = tf.debugging.Assert(
        (width > 0) & (rows > 0) & (layout["pixels"] + size <= end), ["is damaged or cut short"]
    )
    with tf.control_dependencies([whole]):
        data = tf.identity(data)
    stored = tf.io.decode_raw(tf.strings.substr(data, layout["pixels"], size), tf.uint8)
    stored = tf.reshape(stored, [rows, layout["row"]])

    def by_palette():
        depth = tf.cast(bits, tf.uint8)
        # Several pixels share a byte, the leftmost in its highest bits.
        shifts = tf.range(8 - bits, -1, -bits)
        indices = tf.bitwise.right_shift(tf.expand_dims(stored, -1), tf.cast(shifts, tf.uint8))
        lowest = tf.bitwise.left_shift(tf.constant(1, tf.uint8), tf.minimum(depth, 7)) - 1
        indices = tf.where(depth < 8, tf.bitwise.bitwise_and(indices, lowest), indices)
        indices = tf.reshape(indices, [rows, -1])[:, :width]
        palette = tf.reshape(peek(data, 14 + layout["header"], 4 * 256), [256, 4])
        return tf.gather(tf.cast(palette[:, 2::-1], tf.uint8), tf.cast(indices, tf.int32))

    def by_colour():
        pixels = tf.reshape(stored[:, : width * (bits // 8)], [rows, width, bits // 8])
        return tf.gather(pixels, [2, 1, 0], axis=-1)

    image = tf.cond(bits <= 8, by_palette, by_colour)
    # Rows run from the bottom up unless the height is negative.
    return tf.cond(layout["height"] > 0, lambda: tf.reverse(image, [0]), lambda: image)
