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
        self._strategy: Any = strategy
        self.shape = (strategy.num_replicas_in_sync, *variable.shape)
        # As eager calls they would trace what sends values around each time anew.
        self._read = tf.function(self._make_read())
        self._write = tf.function(self._make_write())

    def _make_read(self):
        def on_replica() -> tf.Tensor:
            context: Any = tf.distribute.get_replica_context()
            own = tf.convert_to_tensor(self._variable.value)
            number = context.replica_id_in_sync_group
            # Everywhere else nothing is added, so that no digit is lost.
            rows = tf.scatter_nd([[number]], own[tf.newaxis], self.shape)
            return context.all_reduce(tf.distribute.ReduceOp.SUM, rows)

        def read() -> tf.Tensor:
            rows = self._strategy.run(on_replica)
            return self._strategy.experimental_local_results(rows)[0]

        return read

    def _make_write(self):
        def on_replica(values: tf.Tensor) -> None:
            context: Any = tf.distribute.get_replica_context()
            own = tf.gather(values, context.replica_id_in_sync_group)
            self._variable.value.assign(own)

        return lambda values: self._strategy.run(on_replica, args=(values,))

    @property
    def value(self) -> "EachDevice":
        """What :meth:`numpy` reads, as Keras' variables have it."""
        return self

    def numpy(self) -> np.ndarray:
        """Returns the values, [devices, ...]."""
        if self.shape[0] == 1:
            return self._variable.value.numpy()[np.newaxis]
        return self._read().numpy()

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
        if self.shape[0] == 1:
            self._variable.assign(values[0])
        else:
            self._write(tf.constant(values))
