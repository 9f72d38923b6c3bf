"""What depends on the backend that Keras runs on, which `.ci/backends` changes."""

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import pytest

try:
    import tensorflow as tf
except ModuleNotFoundError:
    tf = None

BACKEND = keras.backend.backend()
needs_tensorflow = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="asks TensorFlow's own graphs, kernels or exports"
)


def compiled(model: Any) -> Callable[[Any], Any]:
    """Returns a function that gives a model's outputs; under jax compiled whole.

    Called as it is, jax compiles each operation for itself: for a network of hundreds of layers
    that takes minutes.
    """
    if BACKEND != "jax":
        return model
    import jax

    @jax.jit
    def call(values, x):
        return model.stateless_call(*values, x, training=False)[0]

    kinds = (model.trainable_variables, model.non_trainable_variables)
    return lambda x: call([[variable.value for variable in kind] for kind in kinds], x)


def learning():
    """A context in which models can be trained; elsewhere torch shall not follow gradients."""
    if BACKEND != "torch":
        return contextlib.nullcontext()
    import torch

    return torch.enable_grad()


def in_float64():
    """A context in which float64 is computed; elsewhere jax makes float32 of it."""
    if BACKEND != "jax":
        return contextlib.nullcontext()
    import jax

    return jax.enable_x64(True)
