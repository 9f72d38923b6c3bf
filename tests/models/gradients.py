"""Gradients of a model's variables under whichever backend Keras runs on."""

import keras
import numpy as np
from backends import BACKEND, learning


def gradients(model, x, weights):
    """Returns the gradient of each trainable variable, by its path, while training.

    Args:
        model: A Keras model with dict outputs.
        x: Its input.
        weights: What each output is multiplied with before all of it is summed, by its name; a
            mere sum of softmaxes or of normalised maps would be constant.
    """
    variables = model.trainable_variables
    paths = [variable.path for variable in variables]
    assert len(set(paths)) == len(paths)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = _loss(model(x, training=True), weights)
        found = tape.gradient(loss, variables)
    elif BACKEND == "jax":
        import jax

        def loss_of(values):
            others = [variable.value for variable in model.non_trainable_variables]
            outputs, _ = model.stateless_call(values, others, x, training=True)
            return _loss(outputs, weights)

        found = jax.jit(jax.grad(loss_of))([variable.value for variable in variables])
    else:
        model.zero_grad()
        with learning():
            _loss(model(x, training=True), weights).backward()
        found = [variable.value.grad for variable in variables]
    return {
        path: None if value is None else np.asarray(keras.ops.convert_to_numpy(value))
        for path, value in zip(paths, found, strict=True)
    }


def _loss(outputs, weights):
    return sum(
        # As a tensor: torch would hand its own to NumPy's multiplication.
        keras.ops.sum(value * keras.ops.convert_to_tensor(weights[name]))
        for name, value in outputs.items()
    )
