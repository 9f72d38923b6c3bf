"""What each device has of its own: values of variables, and parts of batches."""

import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.training.cluster import Group

Batches = tf.data.Dataset | Callable[[tf.distribute.InputContext], tf.data.Dataset]
"""Whole batches; or what a process is to read of them, as much as each of the others."""


class EachDevice:
    """A variable that devices add to by themselves, as one array with a row for each.

    What is read of such a variable is the sum; to go on bit for bit takes the parts.

    Args:
        variable: Of aggregation ``"sum"``, read as the sum over the devices.
        group: In the scope of whose strategy it was made. All workers are to read it, and wait.
    """

    def __init__(self, variable: keras.Variable, group: Group):
        variables: Any = variable.value
        self._here: Any = group.strategy.experimental_local_results(variables)
        self._first = group.worker * len(self._here)
        self._group = group
        self.shape = (group.devices, *variable.shape)

    @property
    def value(self) -> "EachDevice":
        """What :meth:`numpy` reads, as Keras' variables have it."""
        return self

    def numpy(self) -> np.ndarray:
        """Returns the values, [devices, ...]."""
        own = np.stack([variable.numpy() for variable in self._here])
        if self._group.workers == 1:
            return own
        # Where others have theirs nothing is added, so that no digit is lost.
        rows = np.zeros(self.shape, own.dtype)
        rows[self._first : self._first + len(own)] = own
        return self._group.strategy.reduce("SUM", tf.constant(rows), axis=None).numpy()

    def fits(self, shape: tuple[int, ...] | None) -> bool:
        """Says whether an array could be assigned: one with a row for each of any devices."""
        return shape is not None and len(shape) > 0 and shape[1:] == self.shape[1:]

    def assign(self, values: np.ndarray) -> None:
        """Gives each device its value; to other devices than they are of, all to the first.

        Args:
            values: [devices, ...].
        """
        if len(values) != self.shape[0]:
            rows = np.zeros(self.shape, values.dtype)
            rows[0] = values.sum(0)
            values = rows
        for variable, value in zip(self._here, values[self._first :], strict=False):
            variable.assign(value)


def distributed(batches: Batches, strategy: tf.distribute.Strategy) -> tuple[Any, int | None]:
    """Returns what gives each device its part of each batch, and how many batches there are.

    How many is ``None`` where that will be known at the end only.

    Args:
        batches: As :meth:`zoo.training.loop.Loop.train` takes them.
        strategy: Whose devices they are for.
    """
    if isinstance(batches, tf.data.Dataset):
        known = int(batches.cardinality())
        steps_of = {tf.data.INFINITE_CARDINALITY: sys.maxsize, tf.data.UNKNOWN_CARDINALITY: None}
        return strategy.experimental_distribute_dataset(batches), steps_of.get(known, known)
    steps: list[int] = []

    def of_process(context: tf.distribute.InputContext) -> tf.data.Dataset:
        data = batches(context)
        local = context.num_replicas_in_sync // context.num_input_pipelines
        steps.append(int(data.cardinality()) // local)
        # All have equally many. Unless told that there is no end, TensorFlow has the workers ask
        # each other before each step whether one has come to it.
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return data.apply(endless)

    return strategy.distribute_datasets_from_function(of_process), steps[0]
