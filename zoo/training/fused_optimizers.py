"""Keras' Adam, AdamW and SGD with each variable's update in one kernel.

Keras writes an update as some fifteen operations a variable, each of which goes through all of the
variable's memory, and computes the schedule anew for each. TensorFlow has kernels that go through
it once.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


class _Fused:
    """What the three have in common: weight decay and the rate, once for all variables.

    Decay comes with the update of its variable rather than before all updates, which changes
    nothing: no update reads another's variable.
    """

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        """Leaves it to :meth:`update_step`."""

    def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: Any):
        base: Any = super()
        base._backend_update_step(grads, trainable_variables, self._scalars(learning_rate))

    def _scalars(self, learning_rate: Any) -> tuple[tf.Tensor, ...]:
        """Returns what :meth:`update_step` wants to know, float32 scalars, the rate first."""
        optimizer: Any = self
        rate = tf.cast(learning_rate, tf.float32)
        return rate, rate * (optimizer.weight_decay or 0.0)

    def _decay(self, variable: Any, amount: tf.Tensor) -> None:
        optimizer: Any = self
        if optimizer.weight_decay and optimizer._use_weight_decay(variable):
            variable.assign_sub(variable * amount)


class _FusedAdam(_Fused):
    def _scalars(self, learning_rate: Any) -> tuple[tf.Tensor, ...]:
        optimizer: Any = self
        step = tf.cast(optimizer.iterations.value + 1, tf.float32)
        betas = [tf.constant(beta, tf.float32) for beta in (optimizer.beta_1, optimizer.beta_2)]
        return *super()._scalars(learning_rate), *[tf.pow(beta, step) for beta in betas]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates a variable; ``learning_rate`` is what :meth:`_scalars` returned."""
        optimizer: Any = self
        rate, decay, beta_1_power, beta_2_power = learning_rate
        self._decay(variable, decay)
        if optimizer.amsgrad:
            base: Any = super()
            base.update_step(gradient, variable, rate)
            return
        index = optimizer._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=optimizer._momentums[index].value.handle,
            v=optimizer._velocities[index].value.handle,
            beta1_power=beta_1_power,
            beta2_power=beta_2_power,
            lr=rate,
            beta1=optimizer.beta_1,
            beta2=optimizer.beta_2,
            epsilon=optimizer.epsilon,
            grad=tf.cast(gradient, tf.float32),
        )


class Adam(_FusedAdam, keras.optimizers.Adam):
    """``keras.optimizers.Adam`` in one kernel a variable; Kingma & Ba 2015, arXiv:1412.6980."""


class AdamW(_FusedAdam, keras.optimizers.AdamW):
    """``keras.optimizers.AdamW`` in one kernel a variable, arXiv:1711.05101."""


class SGD(_Fused, keras.optimizers.SGD):
    """``keras.optimizers.SGD`` in one kernel a variable."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates a variable; ``learning_rate`` is what :meth:`_scalars` returned."""
        optimizer: Any = self
        rate, decay = learning_rate
        self._decay(variable, decay)
        gradient = tf.cast(gradient, tf.float32)
        if optimizer.momentum == 0:
            tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=rate, delta=gradient)
            return
        index = optimizer._get_variable_index(variable)
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=optimizer.momentums[index].value.handle,
            lr=rate,
            grad=gradient,
            momentum=optimizer.momentum,
            use_nesterov=optimizer.nesterov,
        )
