"""A split made of numbers, for what does not need pictures."""

import pytest
import tensorflow as tf

from zoo.data import Split

LENGTH = 23


def _examples(length=LENGTH, **changes) -> Split:
    """Pictures of one gray value each, the number of the example."""

    def read(index):
        number = tf.cast(index, tf.int32)
        example = {
            "image": tf.cast(tf.fill([4, 4, 1], number), tf.uint8),
            "class": number % 3,
            "box": tf.constant([0.25, 0.25, 0.75, 1.0]) / tf.cast(1 + number % 2, tf.float32),
            "mask": tf.cast(tf.fill([4, 4], number % 5), tf.uint8),
        }
        for key, change in changes.items():
            example[key] = change(example[key], number)
        return example

    return Split("train", length, read, lambda index: f"example {index}")


@pytest.fixture(scope="session")
def examples():
    """The function that makes a split of 23 pictures, each of one gray value: its number."""
    return _examples
