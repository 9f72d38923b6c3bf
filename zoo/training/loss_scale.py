"""A factor on the loss that keeps the gradients of a step in float16 from vanishing."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# As keras.optimizers.LossScaleOptimizer has them.
INITIAL = 2.0**15
GROWTH_STEPS = 2000
# A gradient of 2**-48, float16's smallest number at this scale, changes no weight. Without an end
# a loss of exactly 0 would double the scale until it is infinite.
_LARGEST = 2.0**24
# With less, what overflows is no matter of scale: 29 halvings in a row, or a loss gone wild.
_SMALLEST = 2.0**-14


class LossScale:
    """The factor, and how it follows the gradients (Micikevicius et al. 2018, arXiv:1710.03740).

    Where float16 computes, a gradient below 2**-24 is 0 and one above 65,504 infinite. A step
    whose gradients are not all finite is to make no update, and halves the factor; after
    ``GROWTH_STEPS`` finite ones in a row it doubles. Factors are powers of 2, which round nothing.
    Below 2**-14 it becomes NaN, so that no state with it is saved: the run goes back.

    ``keras.optimizers.LossScaleOptimizer`` does the same on one device. On several it takes the
    first one's answer to whether its own gradients are finite for everyone's. It also hides the
    wrapped optimizer's clipping and schedule, counts steps that only accumulate, and has no end
    below.

    Made in the scope of the strategy of the optimizer's.

    Example:
        >>> scale = LossScale()
        >>> float(scale.scaled(tf.constant(0.5)))
        16384.0
        >>> scale.follow(tf.constant(False))
        >>> float(scale.scaled(tf.constant(0.5)))
        8192.0
    """

    def __init__(self):
        settings: Any = {"trainable": False, "aggregation": "only_first_replica"}
        self._scale: Any = keras.Variable(INITIAL, dtype="float32", name="loss_scale", **settings)
        self._finite: Any = keras.Variable(0, dtype="int64", name="finite_steps", **settings)

    @property
    def variables(self) -> list[keras.Variable]:
        """The factor, and how many steps were finite since it changed; a checkpoint holds both."""
        return [self._scale, self._finite]

    @property
    def value(self) -> float:
        """The factor now."""
        return float(np.asarray(self._scale))

    def scaled(self, loss: tf.Tensor) -> tf.Tensor:
        """Returns a loss, float32, as its gradient is to be taken."""
        return loss * tf.convert_to_tensor(self._scale.value)

    def unscaled(self, gradients: Sequence[Any]) -> list[Any]:
        """Returns gradients of a scaled loss as those of the loss; ``None`` stays ``None``."""
        scale = tf.convert_to_tensor(self._scale.value)
        return [
            None if gradient is None else tf.convert_to_tensor(gradient) / scale
            for gradient in gradients
        ]

    def follow(self, finite: tf.Tensor) -> None:
        """Makes the factor that of the next step; outside ``strategy.run``.

        Args:
            finite: Whether all of this step's gradients were, on all devices; a bool scalar.
        """
        scale = tf.convert_to_tensor(self._scale.value)
        count = tf.convert_to_tensor(self._finite.value) + 1
        due = count >= GROWTH_STEPS
        larger = tf.where(due, tf.minimum(2.0 * scale, _LARGEST), scale)
        half = 0.5 * scale
        smaller = tf.where(half < _SMALLEST, float("nan"), half)
        self._scale.value.assign(tf.where(finite, larger, smaller))
        self._finite.value.assign(tf.where(tf.logical_and(finite, tf.logical_not(due)), count, 0))


def not_finite(gradients: Sequence[Any]) -> tf.Tensor:
    """Returns how many of gradients hold what is no finite number, a float32 scalar."""
    found = [
        tf.reduce_any(~tf.math.is_finite(gradient))
        for gradient in gradients
        if gradient is not None
    ]
    return tf.reduce_sum(tf.cast(tf.stack(found), tf.float32))
