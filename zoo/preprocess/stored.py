"""From pixels as they are stored to the channels wanted, upright."""

import tensorflow as tf


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
        return tf.reverse(upright, tf.boolean_mask([0, 1], flips(orientation)))

    upright = tf.cond(orientation > 1, turned, lambda: tf.identity(image))
    return tf.ensure_shape(upright, [None, None, static[-1]])


def flips(orientation: tf.Tensor) -> tf.Tensor:
    """Returns whether rows and columns run backwards, once turned.

    Args:
        orientation: int32 scalar, 1 to 8, as EXIF defines it.

    Returns:
        bool [2].
    """
    return tf.reduce_any(orientation == [[3, 4, 7, 8], [2, 3, 6, 7]], axis=1)
