"""From a mask's probabilities at the model's input to class ids at the picture's own size."""

import tensorflow as tf

from zoo.preprocess.geometry import Geometry, ratio_of
from zoo.preprocess.masks import IGNORE

# Scaling one class takes as long as scaling four, since most of it is finding places.
_TOGETHER = 4


def likeliest(probabilities: tf.Tensor, place: Geometry, target: tuple[int, int]) -> tf.Tensor:
    """Takes probabilities back to pictures and picks the likeliest class of each pixel.

    The padding is cut off first, so that nothing of it bleeds in; then classes are resized
    bilinearly, a few at a time, and compared with the best so far, so that large pictures need
    memory for these, not for all.

    Args:
        probabilities: float32 [n, H, W, k], for the model's input.
        place: Of each picture in it.
        target: H and W.

    Returns:
        uint8 [n, h, w], class ids (the lowest of equals); ``IGNORE`` where the pictures lay
        outside, and where no class is above 0.
    """
    probabilities = tf.cast(probabilities, tf.float32)
    first = tf.maximum(place.offset, 0)
    last = tf.minimum(place.offset + place.scaled, target)
    visible = probabilities[:, first[0] : last[0], first[1] : last[1]]
    scale = ratio_of(place.size, place.scaled)
    shift = tf.cast(first - place.offset, tf.float32) * scale
    size = tf.cast(place.size, tf.int32)
    whole = tf.concat([tf.shape(probabilities)[:1], size], 0)

    enlarged = tf.reduce_all((place.size >= place.scaled) & (place.offset >= 0))

    def resized(some):
        return tf.cond(
            enlarged,
            # The same to the rounding, in a third of the time.
            lambda: tf.raw_ops.ResizeBilinear(images=some, size=size, half_pixel_centers=True),
            lambda: tf.raw_ops.ScaleAndTranslate(
                images=some,
                size=size,
                scale=scale,
                translation=shift,
                kernel_type="triangle",
                antialias=True,
            ),
        )

    def take(index, best, ids):
        values = resized(visible[:, :, :, index : index + _TOGETHER])
        likely = tf.cast(index + tf.argmax(values, -1, tf.int32), tf.uint8)
        value = tf.reduce_max(values, -1)
        return index + _TOGETHER, tf.maximum(value, best), tf.where(value > best, likely, ids)

    def restored():
        classes = tf.shape(probabilities)[-1]
        _, _, ids = tf.while_loop(
            lambda index, *_: index < classes,
            take,
            (tf.constant(0), tf.zeros(whole), tf.fill(whole, tf.constant(IGNORE, tf.uint8))),
            shape_invariants=(tf.TensorShape([]), *[tf.TensorShape([None] * 3)] * 2),
            parallel_iterations=1,
        )
        return ids

    def as_it_is():
        ids = tf.cast(tf.argmax(visible, -1, tf.int32), tf.uint8)
        return tf.where(tf.reduce_max(visible, -1) > 0, ids, tf.constant(IGNORE, tf.uint8))

    # Scaling by 1 would change nothing, and takes as long as any other.
    kept = tf.reduce_all((place.size == place.scaled) & (place.offset >= 0))
    return tf.ensure_shape(tf.cond(kept, as_it_is, restored), [None, None, None])
