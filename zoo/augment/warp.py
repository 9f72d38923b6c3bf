"""Resampling whole batches, each picture at places of its own, with OpenCV.

TensorFlow's own op for this, ``ImageProjectiveTransformV3``, computes the place of every channel
of every pixel anew, and takes 6 times as long.
"""

from collections.abc import Callable

import cv2
import numpy as np
import tensorflow as tf

Places = tf.Tensor | tuple[tf.Tensor, tf.Tensor]
"""Where pixels come from, as places between pixels that are counted from 0.

float32 [n, 8], a projective map of each picture, as ``zoo.augment.projective.backward`` gives it;
or x and y, float32 [n, height, width] each, as ``zoo.augment.elastic.sources`` gives them.
"""

# Batches are prepared side by side: threads within one would only wait for each other.
cv2.setNumThreads(1)


def bilinear(images: tf.Tensor, places: Places, patch: tuple[int, int] | None = None) -> tf.Tensor:
    """Moves pictures; what comes into view repeats the edge.

    Args:
        images: uint8 or float32 [n, h, w, c].
        places: Where each pixel comes from.
        patch: Height and width of the result in pixels; without it those of ``images``.

    Returns:
        float32 [n, height, width, c].
    """
    # Of bytes OpenCV would make bytes again, rounded, and take longer. Each picture becomes float32
    # just before it is read: a whole batch of them would have left the cache by then.
    return _resampled(images, tf.float32, places, patch, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE, 0)


def nearest(
    masks: tf.Tensor, places: Places, fill: int, patch: tuple[int, int] | None = None
) -> tf.Tensor:
    """Moves masks: each pixel takes the id nearest to where it comes from.

    Args:
        masks: uint8 [n, h, w, 1].
        places: Where each pixel comes from.
        fill: The id of what comes into view.
        patch: As of ``bilinear``.

    Returns:
        uint8 [n, height, width, 1].
    """
    return _resampled(
        masks, masks.dtype, places, patch, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT, fill
    )


def _resampled(
    images: tf.Tensor,
    dtype: tf.DType,
    places: Places,
    patch: tuple[int, int] | None,
    interpolation: int,
    border: int,
    fill: int,
) -> tf.Tensor:
    def by_map(image: np.ndarray, result: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        matrix = np.append(numbers.astype(np.float64), 1.0).reshape(3, 3)
        size, flags = result.shape[1::-1], interpolation | cv2.WARP_INVERSE_MAP
        return cv2.warpPerspective(image, matrix, size, result, flags, border, [fill] * 4)

    def by_places(
        image: np.ndarray, result: np.ndarray, x: np.ndarray, y: np.ndarray
    ) -> np.ndarray:
        return cv2.remap(image, x, y, interpolation, result, border, [fill] * 4)

    given = places if isinstance(places, tuple) else (places,)
    one: Callable[..., np.ndarray] = by_map if len(given) == 1 else by_places

    def resample(images: np.ndarray, *given: np.ndarray) -> np.ndarray:
        height, width = patch or images.shape[1:3]
        count, channels = len(images), images.shape[3]
        results = np.empty([count, height, width, channels], dtype.as_numpy_dtype)
        step = _channels_at_once(channels)
        for source, result, *where in zip(images, results, *given, strict=True):
            image = source.astype(results.dtype, copy=False)
            if step >= channels:
                one(image, result, *where)
                continue
            for first in range(0, channels, step):
                some = np.ascontiguousarray(image[:, :, first : first + step])
                moved = one(some, np.empty_like(result[:, :, : some.shape[2]]), *where)
                result[:, :, first : first + step] = moved.reshape(height, width, -1)
        return results

    # Stateless, so that tf.data runs it side by side and still in order.
    result = tf.numpy_function(resample, [images, *given], dtype, stateful=False)
    height, width = patch or images.shape[1:3]
    return tf.ensure_shape(result, [images.shape[0], height, width, images.shape[3]])


def _channels_at_once(channels: int) -> int:
    """OpenCV takes up to four channels, and of two it rounds places to 1/32 of a pixel."""
    return next(step for step in (4, 3, 1) if channels % step != 2)
