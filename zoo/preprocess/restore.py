"""From a mask's probabilities at the model's input to class ids at the picture's own size."""

import tensorflow as tf

from zoo.preprocess.geometry import Geometry, ratio_of
from zoo.preprocess.masks import IGNORE

# Scaling one class takes as long as scaling four, since most of it is finding places.
_TOGETHER = 4
# So far above 0 that no weighted mean of it is 0.
_SURELY = 1e-6


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

    def picked(values):
        return tf.cast(tf.argmax(values, -1, tf.int32), tf.uint8)

    def or_ignored(ids, best):
        return tf.where(best > 0, ids, tf.constant(IGNORE, tf.uint8))

    def take(index, best, ids):
        values = resized(visible[:, :, :, index : index + _TOGETHER])
        value = tf.reduce_max(values, -1)
        likely = tf.cast(index, tf.uint8) + picked(values)
        return index + _TOGETHER, tf.maximum(value, best), tf.where(value > best, likely, ids)

    def restored():
        values = resized(visible[:, :, :, :_TOGETHER])
        ids = picked(values)
        known = probabilities.shape[-1]
        if known is not None and known <= _TOGETHER:
            # A mean of maps in which each pixel has a class above 0 has one as well; to look at
            # the maps is less than to look at the picture.
            above = enlarged & (tf.reduce_min(tf.reduce_max(visible, -1)) > _SURELY)
            return tf.cond(above, lambda: ids, lambda: or_ignored(ids, tf.reduce_max(values, -1)))
        classes = tf.shape(probabilities)[-1]
        _, best, ids = tf.while_loop(
            lambda index, *_: index < classes,
            take,
            (tf.constant(_TOGETHER), tf.reduce_max(values, -1), ids),
            shape_invariants=(tf.TensorShape([]), *[tf.TensorShape([None] * 3)] * 2),
            parallel_iterations=1,
        )
        return or_ignored(ids, best)

    def as_it_is():
        return or_ignored(picked(visible), tf.reduce_max(visible, -1))

    # Scaling by 1 would change nothing, and takes as long as any other.
    kept = tf.reduce_all((place.size == place.scaled) & (place.offset >= 0))
    return tf.ensure_shape(tf.cond(kept, as_it_is, restored), [None, None, None])
