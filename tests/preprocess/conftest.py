"""Encoding pictures with Pillow, and running what is tested in both of its worlds."""

import io

import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture(scope="session")
def encode():
    """Encodes a Pillow picture: encode(picture, "JPEG", quality=90) -> bytes."""

    def encoded(picture, kind, **options):
        file = io.BytesIO()
        picture.save(file, kind, **options)
        return file.getvalue()

    return encoded


@pytest.fixture(scope="session")
def everywhere():
    """Runs a function on each value eagerly and in one tf.data pipeline.

    Asserts that both agree and returns NumPy. All values go through one pipeline, as
    tracing it costs a second.
    """

    def run(function, values):
        eager = [function(tf.constant(value)) for value in values]
        first = tf.constant(values[0])
        spec = tf.TensorSpec([None] * first.shape.rank, first.dtype)
        pipeline = tf.data.Dataset.from_generator(lambda: values, output_signature=spec)
        mapped = list(pipeline.map(function))
        tf.nest.map_structure(np.testing.assert_array_equal, eager, mapped)
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), eager)

    return run
