"""Boxes of moved objects.

A box tells where an object ends, not its shape, of which the box of a turned object depends.
Kalra et al. 2021 ("Towards Rotation Invariance in Object Detection") show that an ellipse within
the box is the best guess; the rectangle around the moved corners is the largest box there can be,
too large for nearly every object.
"""

import math
from typing import NamedTuple

import tensorflow as tf

SHAPES = ("ellipse", "rectangle")

# An ellipse of radius r reaches at most 1 - cos(pi / 96) = 0.0005 r beyond the straight lines
# between so many of its points; unturned, whose ends are among them, not at all.
_POINTS = 96


class View(NamedTuple):
    """What is in view of an object.

    Attributes:
        box: float32 [n, 4]: x_min, y_min, x_max, y_max around it, fractions of the picture.
        share: float32 [n], of the object's area; 0 for an object without area.
    """

    box: tf.Tensor
    share: tf.Tensor


def outline(box: tf.Tensor, shape: str) -> tf.Tensor:
    """Returns points around the objects.

    Args:
        box: float32 [n, 4]: x_min, y_min, x_max, y_max.
        shape: ``"ellipse"``, the largest in each box, or ``"rectangle"``, the box itself.

    Returns:
        float32 [n, 96, 2], x and y in the unit of the boxes, in their order around the object.
    """
    if shape == "ellipse":
        angle = tf.range(_POINTS, dtype=tf.float32) * (2 * math.pi / _POINTS)
        unit = tf.stack([tf.cos(angle), tf.sin(angle)], -1)
    else:
        along = tf.range(-1.0, 1.0, 8 / _POINTS)
        edge = tf.ones_like(along)
        unit = tf.concat(
            [
                tf.stack([along, -edge], -1),
                tf.stack([edge, along], -1),
                tf.stack([-along, edge], -1),
                tf.stack([-edge, -along], -1),
            ],
            0,
        )
    low, high = box[:, tf.newaxis, :2], box[:, tf.newaxis, 2:]
    # Not centre + half * unit, which misses an edge of the box by a rounding error.
    return low * ((1 - unit) / 2) + high * ((1 + unit) / 2)


def in_view(points: tf.Tensor) -> View:
    """Returns what is in view of objects with straight lines between the points around them.

    Args:
        points: float32 [n, m, 2], x and y as fractions of the picture, of which 0 to 1 is in
            view, in their order around each object.
    """
    following = tf.roll(points, -1, axis=1)
    ends = []
    for axis in (0, 1):
        # What is in view between the other axis' limits reaches as far along this one as its
        # outline there does.
        start, stop, crosses = _cut(points, following, 1 - axis)
        here, there = start[:, :, axis], stop[:, :, axis]
        low = tf.where(crosses, tf.minimum(here, there), math.inf)
        high = tf.where(crosses, tf.maximum(here, there), -math.inf)
        ends.append((tf.reduce_min(low, 1), tf.reduce_max(high, 1)))
    (x_min, x_max), (y_min, y_max) = ends
    box = tf.clip_by_value(tf.stack([x_min, y_min, x_max, y_max], -1), 0.0, 1.0)
    # Green's theorem: the area left of each line and in view, by Simpson's rule.
    start, stop, crosses = _cut(points, following, 1)
    x = [tf.clip_by_value(place[:, :, 0], 0.0, 1.0) for place in (start, (start + stop) / 2, stop)]
    below = (x[0] + 4 * x[1] + x[2]) / 6 * (stop - start)[:, :, 1]
    seen = tf.abs(tf.reduce_sum(tf.where(crosses, below, 0.0), 1))
    turned = points[:, :, 0] * following[:, :, 1] - following[:, :, 0] * points[:, :, 1]
    share = tf.math.divide_no_nan(seen, tf.abs(tf.reduce_sum(turned, 1)) / 2)
    # Of an object just outside, rounding leaves an area that is not there.
    return View(box, tf.where(tf.reduce_all(box[:, 2:] > box[:, :2], -1), share, 0.0))


def _cut(start: tf.Tensor, stop: tf.Tensor, axis: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Cuts lines to 0..1 of an axis; returns both their ends, and whether anything is left."""
    first, last = start[:, :, axis], stop[:, :, axis]

    def at(place):
        share = tf.math.divide_no_nan(tf.clip_by_value(place, 0.0, 1.0) - first, last - first)
        return start + tf.expand_dims(share, -1) * (stop - start)

    # A line along the limit is cut nowhere, and has two ends all the same.
    end = tf.where(tf.expand_dims(first == last, -1), stop, at(last))
    crosses = (tf.minimum(first, last) <= 1) & (tf.maximum(first, last) >= 0)
    return at(first), end, crosses
