"""One affine map per example, for its picture, its mask and its box."""

from typing import NamedTuple

import tensorflow as tf


class Affine(NamedTuple):
    """Where each picture goes: out = matrix (in - centre) + centre + shift, as x and y."""

    matrix: tf.Tensor
    shift: tf.Tensor


def unless_lost(
    affine: Affine, box: tf.Tensor, size: tf.Tensor, keep: float
) -> tuple[Affine, tf.Tensor]:
    """Moves boxes, and leaves examples alone whose box would leave the view.

    Args:
        affine: Where the pictures shall go.
        box: float32 [n, 4]: x_min, y_min, x_max, y_max as fractions of the picture.
        size: float32 [2], width and height in pixels.
        keep: The least share of a moved box's area that must stay in view.

    Returns:
        Where the pictures go, and the moved boxes, clipped to the picture.
    """
    moved = _bounds(affine, box, size)
    visible = tf.clip_by_value(moved, 0.0, 1.0)
    stays = tf.math.divide_no_nan(_area(visible), _area(moved)) >= keep
    unmoved = tf.eye(2, batch_shape=tf.shape(stays))
    return (
        Affine(
            tf.where(stays[:, tf.newaxis, tf.newaxis], affine.matrix, unmoved),
            tf.where(stays[:, tf.newaxis], affine.shift, 0.0),
        ),
        tf.where(stays[:, tf.newaxis], visible, box),
    )


def _area(box: tf.Tensor) -> tf.Tensor:
    return (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])


def _bounds(affine: Affine, box: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns the rectangles around the moved corners, fractions [n, 4], not clipped."""
    corners = tf.reshape(tf.gather(box, [0, 1, 2, 1, 2, 3, 0, 3], axis=1), [-1, 4, 2])
    moved = tf.einsum("nij,ncj->nci", affine.matrix, (corners - 0.5) * size)
    moved = (moved + affine.shift[:, tf.newaxis]) / size + 0.5
    return tf.concat([tf.reduce_min(moved, 1), tf.reduce_max(moved, 1)], -1)


def enlarge(affine: Affine, share: tf.Tensor, place: tf.Tensor, size: tf.Tensor) -> Affine:
    """Lets a window of each moved picture fill the whole picture.

    Args:
        affine: Where the pictures go.
        share: float32 [n, 2] above 0: the window's width and height as shares of the picture's.
        place: float32 [n, 2]: where the window lies, from 0, at the left and the top, to 1, at
            the right and the bottom.
        size: float32 [2], width and height in pixels.

    Returns:
        Where the pictures go, and are enlarged.
    """
    from_centre = (1 - share) * (place - 0.5) * size
    return Affine(affine.matrix / share[:, :, tf.newaxis], (affine.shift - from_centre) / share)


def backward(affine: Affine, size: tf.Tensor, corner: tf.Tensor | None = None) -> tf.Tensor:
    """Returns what ``warp`` takes: from each pixel to the place that it comes from.

    Args:
        affine: Where the pictures go.
        size: float32 [2], width and height in pixels.
        corner: float32 [n, 2], x and y in pixels: which place of each moved picture is the
            first pixel of the result; without it the picture's own first.

    Returns:
        float32 [n, 8], the numbers of ``ImageProjectiveTransformV3``.
    """
    inverse = tf.linalg.inv(affine.matrix)
    # The op counts pixels by their index: the centre of the first is 0, not 1/2.
    centre = (size - 1) / 2
    origin = centre - tf.linalg.matvec(inverse, centre + affine.shift)
    if corner is not None:
        origin += tf.linalg.matvec(inverse, corner)
    rows = tf.concat([inverse, tf.expand_dims(origin, -1)], -1)
    return tf.concat([tf.reshape(rows, [-1, 6]), tf.zeros([tf.shape(rows)[0], 2])], 1)


def warp(
    images: tf.Tensor,
    backward: tf.Tensor,
    interpolation: str,
    fill_mode: str,
    fill: float,
    patch: tuple[int, int] | None = None,
) -> tf.Tensor:
    """Moves pictures.

    Args:
        images: [n, h, w, c], float32 or uint8.
        backward: float32 [n, 8], as ``backward`` gives it.
        interpolation: ``"BILINEAR"`` or ``"NEAREST"``.
        fill_mode: What comes into view: ``"NEAREST"`` repeats the edge, ``"CONSTANT"``
            is ``fill``.
        fill: That value.
        patch: Height and width of the result in pixels; without it those of ``images``.

    Returns:
        [n, height, width, c], of the dtype of ``images``.
    """
    warped = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=backward,
        output_shape=patch or tf.shape(images)[1:3],
        fill_value=fill,
        interpolation=interpolation,
        fill_mode=fill_mode,
    )
    height, width = patch or images.shape[1:3]
    return tf.ensure_shape(warped, [images.shape[0], height, width, images.shape[3]])
