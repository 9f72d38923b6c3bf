"""What depends on the backend that Keras runs on, which `.ci/backends` changes."""

import contextlib

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
