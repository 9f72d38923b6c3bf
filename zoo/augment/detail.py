"""Changes of detail: pictures float32 [n, h, w, c], 0 to 255, of any number of channels."""

import math

import tensorflow as tf

from zoo.errors import UserError

_CODED = (1, 3)


def blur(images: tf.Tensor, sigma: tf.Tensor, most: float) -> tf.Tensor:
    """Blurs with a Gaussian; at the border, over the pixels that there are.

    Args:
        images: float32 [n, h, w, c].
        sigma: float32 [n], each one's standard deviation in pixels.
        most: The largest there can be: the filter reaches three times as far.

    Returns:
        float32 [n, h, w, c].
    """
    # Not Keras' layer, which blurs the whole batch alike.
    given, static = tf.shape(images)[0], images.shape
    images, sigma = _at_least_one(images, sigma)
    count, height, width, channels = tf.unstack(tf.shape(images))
    reach = math.ceil(3 * most)
    offset = tf.range(-reach, reach + 1)
    far = tf.cast(offset, tf.float32) / tf.maximum(sigma, 1e-3)[:, tf.newaxis]
    weights = tf.exp(-(far**2) / 2)
    # One convolution for filters of their own: pictures become channels of one picture.
    filters = tf.transpose(tf.repeat(weights, channels, axis=0))
    whole = tf.reshape(tf.transpose(images, [1, 2, 0, 3]), [1, height, width, count * channels])
    for shape in ([-1, 1], [1, -1]):
        kernel = tf.reshape(filters, [*shape, count * channels, 1])
        whole = tf.nn.depthwise_conv2d(whole, kernel, [1, 1, 1, 1], "SAME")
    blurred = tf.transpose(tf.reshape(whole, [height, width, count, channels]), [2, 0, 1, 3])

    def total(length):
        """The weights of the pixels that there are: [n, length]."""
        place = tf.range(length)[:, tf.newaxis] + offset
        there = tf.cast((place >= 0) & (place < length), tf.float32)
        return tf.linalg.matmul(weights, there, transpose_b=True)

    totals = total(height)[:, :, tf.newaxis] * total(width)[:, tf.newaxis]
    return tf.ensure_shape((blurred / tf.expand_dims(totals, -1))[:given], static)


def sharpen(images: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Adds ``amount``, float32 [n], times the distance to the 3 x 3 mean, and clips."""
    # Not Keras' layer, which takes what lies beyond the border for black.
    mean = tf.nn.avg_pool2d(images, 3, 1, "SAME")
    factor = amount[:, tf.newaxis, tf.newaxis, tf.newaxis]
    return tf.clip_by_value(images + factor * (images - mean), 0.0, 255.0)


def recode(images: tf.Tensor, quality: tf.Tensor) -> tf.Tensor:
    """Codes and decodes each picture as a JPEG: the one change done picture by picture.

    Args:
        images: float32 [n, h, w, c], c 1 or 3.
        quality: int32 [n], 1 to 100.

    Returns:
        float32 [n, h, w, c], whole values.

    Raises:
        UserError: When a JPEG has no such number of channels.
    """
    channels = images.shape[-1]
    if channels not in _CODED:
        raise UserError(
            f"augmentation: jpeg needs pictures of 1 or 3 channels, not {channels}; set jpeg=0"
        )

    def one(row):
        coded = tf.raw_ops.EncodeJpegVariableQuality(images=row[0], quality=row[1])
        return tf.io.decode_jpeg(coded, channels)

    whole, quality = _at_least_one(tf.cast(tf.round(images), tf.uint8), quality)
    signature = tf.TensorSpec([None, None, channels], tf.uint8)
    decoded = tf.map_fn(one, (whole, quality), fn_output_signature=signature)
    decoded = tf.cast(decoded[: tf.shape(images)[0]], tf.float32)
    return tf.ensure_shape(decoded, images.shape)


def _at_least_one(images: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Puts a blank picture into an empty batch, of which some ops can make nothing."""
    missing = tf.cast(tf.shape(images)[0] == 0, tf.int32)
    rows = [[0, missing]]
    return tf.pad(images, [*rows, [0, 0], [0, 0], [0, 0]]), tf.pad(values, rows)
