"""Laying patches around pixels of the foreground."""

import tensorflow as tf

from zoo.preprocess import IGNORE

_IDS = 256


def corners(
    corner: tf.Tensor,
    rows: tf.Tensor,
    places: tf.Tensor,
    masks: tf.Tensor,
    patch: tuple[int, int],
) -> tf.Tensor:
    """Moves the corners of those patches that shall show foreground.

    nnU-Net's rule (Isensee et al. 2021): of the classes in the picture that are not background
    one is chosen, all with equal chance, and of its pixels one; the patch is centred on that
    pixel, as far as the picture's border allows. Looked for in the moved mask, so that the patch
    shows the pixel whatever moved it. A mask without foreground keeps its corner.

    Args:
        corner: float32 [n, 2], x and y of each patch's first pixel in its moved picture.
        rows: int64 [m]: which of the n patches shall show foreground.
        places: float32 [n, 3]: the id of the background, or -1 for a patch that stays where it
            is; then the chances, in [0, 1), of the class and of the pixel.
        masks: uint8 [m, h, w], the moved masks of these rows, whole; ``IGNORE`` is no
            foreground.
        patch: Height and width of the patches.

    Returns:
        float32 [n, 2]: whole numbers.
    """

    def one(row: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        return _corner(*row, patch)

    found = tf.map_fn(
        one,
        (masks, tf.gather(places, rows), tf.gather(corner, rows)),
        fn_output_signature=tf.TensorSpec([2], tf.float32),
    )
    return tf.tensor_scatter_nd_update(corner, rows[:, tf.newaxis], found)


def _corner(
    mask: tf.Tensor, place: tf.Tensor, corner: tf.Tensor, patch: tuple[int, int]
) -> tf.Tensor:
    ids = tf.cast(mask, tf.int32)
    counts = tf.math.bincount(tf.reshape(ids, [-1]), minlength=_IDS, maxlength=_IDS)
    number = tf.range(_IDS)
    known = (number != IGNORE) & (number != tf.cast(place[0], tf.int32))
    present = tf.where(known & (counts > 0))[:, 0]

    def around() -> tf.Tensor:
        class_id = tf.cast(_chosen(present, place[1]), tf.int32)
        pixel = tf.cast(_chosen(tf.where(ids == class_id), place[2]), tf.int32)
        first = tf.clip_by_value(pixel - tf.constant(patch) // 2, 0, tf.shape(mask) - patch)
        return tf.cast(tf.reverse(first, [0]), tf.float32)

    return tf.cond(tf.size(present) > 0, around, lambda: corner)


def _chosen(values: tf.Tensor, chance: tf.Tensor) -> tf.Tensor:
    """One of some values, at least one, by a chance in [0, 1)."""
    count = tf.shape(values)[0]
    # In float64: the product of float32 may round up to the count.
    index = tf.cast(tf.cast(chance, tf.float64) * tf.cast(count, tf.float64), tf.int32)
    return values[tf.minimum(index, count - 1)]
