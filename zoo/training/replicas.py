"""Variables of which each device has a value of its own."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf


class EachDevice:
    """A variable that devices add to by themselves, as one array with a row for each.

    What is read of such a variable is the sum; to go on bit for bit takes the parts.

    Args:
        variable: Of aggregation ``"sum"``, read as the sum over the devices.
        strategy: In whose scope it was made. All workers are to read it, and wait.
    """

    def __init__(self, variable: keras.Variable, strategy: tf.distribute.Strategy):
        self._variable: Any = variable
        self._strategy = strategy
        self.shape = (strategy.num_replicas_in_sync, *variable.shape)

    @property
    def value(self) -> "EachDevice":
        """What :meth:`numpy` reads, as Keras' variables have it."""
        return self

    def numpy(self) -> np.ndarray:
        """Returns the values, [devices, ...]."""
        if self.shape[0] == 1:
            return self._variable.value.numpy()[np.newaxis]
        each = self._strategy.run(lambda: tf.convert_to_tensor(self._variable.value)[tf.newaxis])
        return self._strategy.gather(each, axis=0).numpy()

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Says whether an array could be assigned: one with a row for each of any devices."""
        return len(shape) > 0 and shape[1:] == self.shape[1:]

    def assign(self, values: np.ndarray) -> None:
        """Gives each device its value; to other devices than they are of, all to the first.

        Args:
            values: [devices, ...].
        """
        if len(values) != self.shape[0]:
            rows = np.zeros(self.shape, values.dtype)
            rows[0] = values.sum(0)
            values = rows

        def on_replica() -> None:
            context: Any = tf.distribute.get_replica_context()
            number = context.replica_id_in_sync_group
            self._variable.value.assign(tf.gather(tf.constant(values), number))

        self._strategy.run(on_replica)
