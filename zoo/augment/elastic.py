"""A smooth random displacement of each picture, and the one resampling that follows it.

The displacements of 6 by 6 points, placed over the picture and one step beyond, are blended by
cubic B-splines: the coarse grid of Ronneberger et al. 2015 ("U-Net"), with splines that never
exceed the points' own displacements. They are given where a pixel lands, so that pixels are
looked up without a search; where a point goes is found by iteration, which boxes alone need.
"""

import tensorflow as tf

_CELLS = 3
_POINTS = _CELLS + 3
# Displacements up to d, as shares of the picture, change by at most 12 d a picture's length
# in the sum of both directions: below 1, no two places go to the same one.
LIMIT = 1 / (4 * _CELLS)
NUMBERS = 2 * _POINTS**2
# Each step leaves at most 12 d of the error, and usually far less: of 12,000 drawn displacements
# none left more than 0.0002 pixels of 128 at d = 0.05, and 0.003 at 0.08.
_STEPS = 6


def control_points(uniforms: tf.Tensor, most: float) -> tf.Tensor:
    """Returns the displacements of the grid's points.

    Args:
        uniforms: float32 [n, NUMBERS] in [0, 1).
        most: The largest displacement, as a share of width and height, below ``LIMIT``.

    Returns:
        float32 [n, 6, 6, 2]: rows, columns, and the displacement along x and y.
    """
    return (2 * tf.reshape(uniforms, [-1, _POINTS, _POINTS, 2]) - 1) * most


def sources(
    control: tf.Tensor,
    backward: tf.Tensor,
    size: tf.Tensor,
    corner: tf.Tensor | None,
    shape: tf.Tensor | tuple[int, int],
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns where each pixel of the result comes from.

    Args:
        control: As ``control_points`` gives them.
        backward: float32 [n, 8], what follows the displacement, as
            ``zoo.augment.projective.backward`` gives it.
        size: float32 [2], width and height of the pictures in pixels.
        corner: float32 [n, 2], x and y in pixels: the result's first pixel in the moved picture.
        shape: Height and width of the result in pixels.

    Returns:
        float32 [n, height, width] each: x and y, counted by index.
    """
    start = tf.zeros([tf.shape(control)[0], 2]) if corner is None else corner
    axes, weights = [], []
    for axis in (0, 1):
        index = tf.range(tf.cast(shape[1 - axis], tf.float32))
        axes.append(index + tf.zeros_like(start[:, axis, tf.newaxis]))
        place = (index + start[:, axis, tf.newaxis] + 0.5) / size[axis]
        weights.append(_spline(place))
    moved = tf.einsum("nya,nabk->nybk", weights[1], control)
    moved = tf.einsum("nxb,nybk->nyxk", weights[0], moved) * size
    x = moved[..., 0] + axes[0][:, tf.newaxis]
    y = moved[..., 1] + axes[1][:, :, tf.newaxis]
    number = [value[:, tf.newaxis, tf.newaxis] for value in tf.unstack(backward, num=8, axis=1)]
    below = number[6] * x + number[7] * y + 1
    return (
        (number[0] * x + number[1] * y + number[2]) / below,
        (number[3] * x + number[4] * y + number[5]) / below,
    )


def forward(control: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
    """Returns where points go.

    Args:
        control: As ``control_points`` gives them.
        points: float32 [n, m, 2], x and y as fractions of the picture.

    Returns:
        float32 [n, m, 2], fractions of the picture.
    """
    found = points
    for _ in range(_STEPS):
        # A pixel at a place p takes what lies at p + displacement(p).
        moved = tf.einsum("nmy,nyxk->nmxk", _spline(found[:, :, 1]), control)
        found = points - tf.einsum("nmx,nmxk->nmk", _spline(found[:, :, 0]), moved)
    return found


def _spline(place: tf.Tensor) -> tf.Tensor:
    """Returns each grid point's weight, float32 [..., 6], at places in fractions [...]."""
    points = tf.range(-1.0, _POINTS - 1.0)
    far = tf.abs(tf.expand_dims(place, -1) * _CELLS - points)
    near = 2 / 3 - far**2 + far**3 / 2
    return tf.where(far < 1, near, tf.maximum(2 - far, 0) ** 3 / 6)
