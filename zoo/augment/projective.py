"""One projective map per example, for its picture, its mask and its box.

Places are in pixels from the picture's centre, x to the right and y down, so that a map of
centre to centre has no shift. A map is float32 [n, 3, 3] and takes (x, y, 1) to a multiple of
the place it moves to.
"""

import tensorflow as tf


def perspective(tilt: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns the maps of a camera that looks from aside.

    Args:
        tilt: float32 [n, 2], along x and along y, above -1 and below 1: scales run from
            1 / (1 - tilt / 2) at the left or the top edge to 1 / (1 + tilt / 2) at the other.
        size: float32 [2], width and height in pixels.

    Returns:
        float32 [n, 3, 3]. Whatever lies in the picture stays in front of the camera.
    """
    last = tf.concat([tilt / size, tf.ones_like(tilt[:, :1])], -1)[:, tf.newaxis]
    return tf.concat([tf.eye(2, 3, batch_shape=tf.shape(tilt)[:1]), last], 1)


def affine(
    flip: tf.Tensor, shear: tf.Tensor, angle: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor
) -> tf.Tensor:
    """Returns the maps that flip, shear, turn, scale and move, in this order.

    Args:
        flip: float32 [n, 2], -1 where mirrored along x or along y, else 1.
        shear: float32 [n, 2]: by how much of y the places move along x, and then by how much
            of x along y.
        angle: float32 [n], radians, clockwise as one looks at the picture.
        scale: float32 [n].
        shift: float32 [n, 2], pixels.

    Returns:
        float32 [n, 3, 3].
    """
    cosine, sine = scale * tf.cos(angle), scale * tf.sin(angle)
    turned = _rows([cosine, -sine], [sine, cosine])
    along_x, along_y = tf.unstack(shear, axis=-1)
    one = tf.ones_like(along_x)
    sheared = _rows([one, along_x], [along_y, 1 + along_x * along_y])
    matrix = turned @ sheared * flip[:, tf.newaxis]
    last = tf.eye(1, 3, batch_shape=tf.shape(angle))[:, :, ::-1]
    return tf.concat([tf.concat([matrix, shift[:, :, tf.newaxis]], -1), last], 1)


def _rows(*rows: list[tf.Tensor]) -> tf.Tensor:
    return tf.stack([tf.stack(row, -1) for row in rows], -2)


def enlarge(share: tf.Tensor, place: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns the maps that let a window of each picture fill the whole picture.

    Args:
        share: float32 [n, 2] above 0: the window's width and height as shares of the picture's.
        place: float32 [n, 2]: where the window lies, from 0, at the left and the top, to 1, at
            the right and the bottom.
        size: float32 [2], width and height in pixels.

    Returns:
        float32 [n, 3, 3].
    """
    from_centre = (1 - share) * (place - 0.5) * size
    diagonal = tf.linalg.diag(tf.concat([1 / share, tf.ones_like(share[:, :1])], -1))
    shift = tf.pad(-from_centre / share, [[0, 0], [0, 1]])
    return diagonal + tf.pad(shift[:, :, tf.newaxis], [[0, 0], [0, 0], [2, 0]])


def move(maps: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
    """Moves points, float32 [n, m, 2] from the picture's centre, all in front of the camera."""
    ones = tf.ones_like(points[:, :, :1])
    moved = tf.linalg.matmul(tf.concat([points, ones], -1), maps, transpose_b=True)
    return moved[:, :, :2] / moved[:, :, 2:]


def backward(maps: tf.Tensor, size: tf.Tensor, corner: tf.Tensor | None = None) -> tf.Tensor:
    """Returns what ``zoo.augment.warp`` takes: from each pixel to the place that it comes from.

    Args:
        maps: float32 [n, 3, 3], where the pictures go.
        size: float32 [2], width and height in pixels.
        corner: float32 [n, 2], x and y in pixels: which place of each moved picture is the
            first pixel of the result; without it the picture's own first.

    Returns:
        float32 [n, 8], the numbers of ``ImageProjectiveTransformV3``.
    """
    first, second, third = tf.unstack(maps, num=3, axis=2)
    # The adjugate: a map is no other one for being scaled, and exact where this is exact.
    inverse = tf.stack(
        [
            tf.linalg.cross(second, third),
            tf.linalg.cross(third, first),
            tf.linalg.cross(first, second),
        ],
        1,
    )
    # The op counts pixels by their index: the centre of the first is 0, not 1/2.
    centre = (size - 1) / 2
    start = -centre if corner is None else corner - centre
    start = tf.broadcast_to(start, [tf.shape(maps)[0], 2])
    origin = tf.linalg.matvec(inverse[:, :, :2], start) + inverse[:, :, 2]
    inverse = tf.concat([inverse[:, :, :2], origin[:, :, tf.newaxis]], 2)
    places = inverse[:, :2] + centre[:, tf.newaxis] * inverse[:, 2:]
    numbers = tf.reshape(tf.concat([places, inverse[:, 2:]], 1), [-1, 9])
    # It is 0 where the first pixel looks along the horizon: far outside either way.
    last = numbers[:, 8:]
    return numbers[:, :8] / tf.where(last == 0, 1e-9, last)
