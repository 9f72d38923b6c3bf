"""From a mask's probabilities at the model's input to class ids at the picture's own size."""

import tensorflow as tf

from zoo.preprocess.geometry import Geometry, ratio_of
from zoo.preprocess.masks import IGNORE


def likeliest(probabilities: tf.Tensor, place: Geometry, target: tuple[int, int]) -> tf.Tensor:
    """Takes probabilities back to the picture and picks the likeliest class of each pixel.

    The padding is cut off first, so that nothing of it bleeds in; then each class is resized
    bilinearly and compared with the best so far, so that a large picture needs memory for two
    classes, not for all.

    Args:
        probabilities: float32 [H, W, k], for the model's input.
        place: Of one picture in it.
        target: H and W.

    Returns:
        uint8 [h, w], class ids (the lowest of equals); ``IGNORE`` where the picture lay outside.
    """
    first = tf.maximum(place.offset, 0)
    last = tf.minimum(place.offset + place.scaled, target)
    visible = probabilities[first[0] : last[0], first[1] : last[1]]
    scale = ratio_of(place.size, place.scaled)
    shift = tf.cast(first - place.offset, tf.float32) * scale
    size = tf.cast(place.size, tf.int32)

    def resized(index):
        return tf.raw_ops.ScaleAndTranslate(
            images=tf.cast(visible[tf.newaxis, :, :, index : index + 1], tf.float32),
            size=size,
            scale=scale,
            translation=shift,
            kernel_type="triangle",
            antialias=True,
        )[0, :, :, 0]

    def take(index, best, ids):
        value = resized(index)
        ids = tf.where(value > best, tf.cast(index, tf.uint8), ids)
        return index + 1, tf.maximum(value, best), ids

    classes = tf.shape(probabilities)[-1]
    _, _, ids = tf.while_loop(
        lambda index, *_: index < classes,
        take,
        (tf.constant(0), tf.zeros(size), tf.fill(size, tf.constant(IGNORE, tf.uint8))),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([None, None]),
            tf.TensorShape([None, None]),
        ),
        parallel_iterations=1,
    )
    return ids
