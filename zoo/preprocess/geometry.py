"""How a picture lies in the model's input: the one place where this is computed."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

FITS = ("pad", "stretch", "crop")

# From how many times what is needed on a picture is decoded at which part of its size. Its
# outermost pixels may reach beyond its edge, which must stay below half a pixel of the input.
_TIMES = np.array([2, 8, 16])
_REDUCTIONS = np.array([2, 4, 8])


class Geometry(NamedTuple):
    """Where the scaled picture lies, per axis: y first, then x.

    Attributes:
        size: int64 [..., 2], the upright picture's height and width in pixels.
        scaled: int64 [..., 2], its height and width in the model's input, in pixels.
        offset: int64 [..., 2], its top and left there; negative where it is cropped.
    """

    size: tf.Tensor
    scaled: tf.Tensor
    offset: tf.Tensor

    def to_input(self, points: tf.Tensor) -> tf.Tensor:
        """Takes points float64 [..., 2] (y, x) from pixels of the picture to the input's."""
        scale = tf.cast(self.scaled, tf.float64) / tf.cast(self.size, tf.float64)
        return points * scale + tf.cast(self.offset, tf.float64)

    def to_picture(self, points: tf.Tensor) -> tf.Tensor:
        """Takes points float64 [..., 2] (y, x) from pixels of the input to the picture's."""
        scale = tf.cast(self.size, tf.float64) / tf.cast(self.scaled, tf.float64)
        return (points - tf.cast(self.offset, tf.float64)) * scale

    def scaling(
        self, ratio: tf.Tensor | int = 1, lead: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the scale and the translation that take pixels of the picture to the input's.

        Args:
            ratio: int32 [...], the part of its size that the picture was decoded at.
            lead: int32 [..., 2], how far its first pixel reaches beyond its edge, in pixels.

        Returns:
            float32 [..., 2] each, of y and of x.
        """
        scale = ratio_of(self.scaled, self.size)
        shift = tf.cast(self.offset, tf.float32)
        if lead is not None:
            shift -= tf.cast(lead, tf.float32) * scale
        return scale * tf.cast(tf.expand_dims(ratio, -1), tf.float32), shift

    def sources(self, target: tuple[int, int]) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the pixel of the picture that the centre of each of the input's lies in.

        Args:
            target: Height and width of the model's input.

        Returns:
            int64 [..., height], the row of each row, and [..., width], the column of each column;
            -1 where there is no picture.
        """
        found = []
        for axis in (0, 1):
            size, scaled, offset = (tf.gather(one, [axis], axis=-1) for one in self)
            place = tf.range(target[axis], dtype=tf.int64) - offset
            # floor((place + 1/2) * size / scaled) in whole numbers, exact on boundaries.
            source = (2 * place + 1) * size // (2 * scaled)
            found.append(tf.where((place >= 0) & (place < scaled), source, -1))
        return found[0], found[1]

    def covers(self, target: tuple[int, int]) -> tf.Tensor:
        """Returns which pixels of the model's input hold picture: bool [..., height, width].

        Args:
            target: Height and width of the model's input.
        """
        rows, columns = self.sources(target)
        return tf.expand_dims(rows >= 0, -1) & tf.expand_dims(columns >= 0, -2)


def geometry(fit: str, target: tuple[int, int], size: tf.Tensor) -> Geometry:
    """Computes where a picture lies in the model's input.

    Whole-number arithmetic throughout, so that every caller gets the same answer: the
    scaled size is rounded (halves up) to pixels, and what is used from there on is the
    scale that results per axis, not the ideal one.

    Args:
        fit: ``"pad"``, ``"stretch"`` or ``"crop"``.
        target: Height and width of the model's input.
        size: int [..., 2], height and width of the upright pictures, at least 1.
    """
    size = tf.cast(size, tf.int64)
    goal = tf.constant(target, tf.int64)
    if fit == "stretch":
        return Geometry(size, goal + tf.zeros_like(size), tf.zeros_like(size))
    height, width = tf.unstack(size, num=2, axis=-1)
    rounded_height = tf.maximum((2 * height * goal[1] + width) // (2 * width), 1)
    rounded_width = tf.maximum((2 * width * goal[0] + height) // (2 * height), 1)
    # H/h <= W/w, multiplied out: filling the height leaves the width within the input.
    height_binds = goal[0] * width <= goal[1] * height
    fill_height = height_binds if fit == "pad" else tf.logical_not(height_binds)
    scaled = tf.where(
        tf.expand_dims(fill_height, -1),
        tf.stack([goal[0] + tf.zeros_like(height), rounded_width], -1),
        tf.stack([rounded_height, goal[1] + tf.zeros_like(width)], -1),
    )
    return Geometry(size, scaled, (goal - scaled) // 2)


@dataclass(frozen=True)
class Reduction:
    """From a picture's upright size to the part of its size that it may be decoded at.

    Attributes:
        fit: As :func:`geometry` takes it.
        size: Height and width of the model's input.
    """

    fit: str
    size: tuple[int, int]

    def __call__(self, upright: tf.Tensor) -> tf.Tensor:
        """Returns 1, 2, 4 or 8, for int64 [2], height and width."""
        scaled = geometry(self.fit, self.size, upright).scaled
        times = tf.reduce_min(upright // scaled)
        return tf.reduce_max(tf.where(times >= _TIMES, _REDUCTIONS, 1))


def ratio_of(upper: tf.Tensor, lower: tf.Tensor) -> tf.Tensor:
    """Returns one over the other as float32, which is what resizing takes."""
    return tf.cast(upper, tf.float32) / tf.cast(lower, tf.float32)
