"""Batches cut into parts, one for each of the devices that share them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf


class Cut(NamedTuple):
    """A device's part of one batch.

    Attributes:
        step: Which batch.
        first: Where in the batch it begins.
        begin: Where in the order it begins.
        end: Where in the order it ends.
    """

    step: int
    first: int
    begin: int
    end: int


@dataclass(frozen=True)
class Part:
    """Which of the devices that share each batch are this process's.

    Attributes:
        first: The first of them.
        devices: How many they are.
        of: How many share a batch, in all processes.
    """

    first: int = 0
    devices: int = 1
    of: int = 1

    @classmethod
    def of_context(cls, context: tf.distribute.InputContext) -> "Part":
        """Returns the part of a process that a `tf.distribute` strategy asks for data."""
        devices = context.num_replicas_in_sync // context.num_input_pipelines
        first = context.input_pipeline_id * devices
        return cls(first, devices, context.num_replicas_in_sync)

    def cut(self, length: int, batch_size: int, drop_remainder: bool) -> list[Cut]:
        """Cuts an order into batches, and each of them into contiguous parts.

        The parts of a batch differ by one example at most. What is left at the end and too
        little for all devices belongs to the batch before it: none is ever without an example
        unless there are fewer than devices.

        Args:
            length: Of the order.
            batch_size: Examples in a batch.
            drop_remainder: Whether to leave out the last batch if it is not full.

        Returns:
            The parts of these devices, batch by batch.

        Example:
            >>> [at[2:] for at in Part(1, 1, 2).cut(11, 4, False)]
            [(2, 4), (6, 8), (9, 11)]
        """
        edges = [*range(0, length, batch_size), length]
        left = length % batch_size
        if left and drop_remainder:
            del edges[-1]
        elif 0 < left < self.of and left < length:
            del edges[-2]
        return [
            Cut(
                step,
                (end - begin) * device // self.of,
                begin + (end - begin) * device // self.of,
                begin + (end - begin) * (device + 1) // self.of,
            )
            for step, (begin, end) in enumerate(itertools.pairwise(edges))
            for device in range(self.first, self.first + self.devices)
        ]


WHOLE = Part()
"""All of every batch."""


def grouped(data: tf.data.Dataset, sizes: Sequence[int], alike: bool) -> tf.data.Dataset:
    """Groups consecutive elements.

    Args:
        data: As many elements as the sizes add up to.
        sizes: Of the groups.
        alike: Whether all groups of all devices are of one size, which then is a static one.
    """
    size = max(sizes, default=1)
    if all(other == size for other in sizes[:-1]):
        return data.batch(size, drop_remainder=alike)
    return regrouped(data.batch(size), sizes, alike)


def regrouped(data: tf.data.Dataset, sizes: Sequence[int], alike: bool) -> tf.data.Dataset:
    """Does what `grouped` does to elements that come in groups of other sizes."""
    size = max(sizes, default=1)
    if all(other == size for other in sizes[:-1]):
        data = data.rebatch(size, drop_remainder=alike)
    else:
        data = data.rebatch(tf.constant(sizes, tf.int64))
    return data.apply(tf.data.experimental.assert_cardinality(len(sizes)))
