"""An exponential moving average of a network's weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf


class WeightAverage:
    """Keeps the average of a network's weights beside them.

    After update t, counted from 0, each average moves towards its weight by ``1 - d``, where
    ``d = min(decay, (1 + t) / (10 + t))``, as ``tf.train.ExponentialMovingAverage`` has it: the
    initial weights are soon forgotten.

    Batch normalization's moving statistics are averaged too, as EfficientNet's training does
    (Tan & Le 2019): those of the last weights would not be those of the averaged ones. Frozen
    layers have nothing to average.

    Keras' own ``use_ema`` has no such beginning, leaves the statistics out, has no way back from
    the averages to the weights, and with ``gradient_accumulation_steps`` moves with every batch
    instead of every update.

    Args:
        network: A model; made in the scope of the strategy that it was made in.
        decay: Between 0 and 1: 0.999 averages over about the last thousand updates.

    Example:
        >>> network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> average = WeightAverage(network, 0.999)
        >>> _ = network.layers[0].bias.assign([1.0])
        >>> average.update(0)
        >>> with average.swapped():
        ...     round(float(network.layers[0].bias[0]), 4)
        0.9
        >>> float(network.layers[0].bias[0])
        1.0
    """

    def __init__(self, network: keras.Model, decay: float):
        self._decay = decay
        # A step is traced outside the scope.
        self._strategy: Any = tf.distribute.get_strategy()
        self._weights: list[Any] = [
            weight
            for layer in network.layers
            if layer.trainable
            for weight in layer.weights
            if keras.backend.is_float_dtype(weight.dtype)
        ]
        self._averages: list[Any] = [
            keras.Variable(
                # As an array: of a variable Keras would take the very same one.
                weight.numpy(),
                dtype=weight.dtype,
                trainable=False,
                name="average",
            )
            for weight in self._weights
        ]

    @property
    def variables(self) -> list[keras.Variable]:
        """The averages, which a checkpoint has to hold."""
        return list(self._averages)

    def begin(self) -> None:
        """Makes each average its weight, as in the beginning."""
        for average, weight in zip(self._averages, self._weights, strict=True):
            average.assign(weight.numpy())

    def update(self, count: Any) -> None:
        """Moves the averages towards the weights; outside ``strategy.run``.

        Args:
            count: Updates before the last one, an integer or an integer scalar.
        """
        done = tf.cast(count, tf.float32)
        decay = tf.minimum(self._decay, (1.0 + done) / (10.0 + done))

        def move(average: Any, weight: Any) -> None:
            # In this form a weight that did not change leaves its average as it is, bit for bit.
            average.assign_sub((average - weight) * tf.cast(1.0 - decay, average.dtype))

        for average, weight in zip(self._averages, self._weights, strict=True):
            self._strategy.extended.update(average.value, move, args=(weight.value,), group=False)

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Puts the averages into the network, and afterwards the weights back, bit for bit."""
        weights = [weight.numpy() for weight in self._weights]
        try:
            for weight, average in zip(self._weights, self._averages, strict=True):
                weight.assign(average.numpy())
            yield
        finally:
            for weight, value in zip(self._weights, weights, strict=True):
                weight.assign(value)
