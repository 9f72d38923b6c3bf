"""The kernel's gradient as a matrix product: Keras' own, and only where it pays."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.training import convolution
from zoo.training.convolution import ProductGradientConv2D, ProductGradientConv2DTranspose


@pytest.fixture
def everywhere(monkeypatch):
    """Lets the product be taken for small layers in float32 too."""
    monkeypatch.setattr(convolution, "_PRECISION", "float32")
    monkeypatch.setattr(convolution, "_CHANNELS", 1)
    monkeypatch.setattr(convolution, "_TRANSPOSED_CHANNELS", 1)


def results(layer, shape, compiled):
    """Returns outputs and gradients as arrays."""
    layer.build((None, *shape))
    random = np.random.default_rng(0)
    weights = [random.normal(size=weight.shape) for weight in layer.weights]
    layer.set_weights(weights)
    x = tf.constant(random.normal(size=(2, *shape)), tf.float32)

    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x)
            loss = tf.reduce_sum(tf.sin(outputs))
        return outputs, *tape.gradient(loss, [x, *[weight.value for weight in layer.weights]])

    return [value.numpy() for value in (tf.function(step) if compiled else step)(x)]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4), (5, 1), (4, 2)])
def test_outputs_and_gradients_are_those_of_keras(everywhere, kernel, padding, compiled):
    options = {"filters": 3, "kernel_size": kernel, "padding": padding, "activation": "relu"}
    layer = ProductGradientConv2D(**options)
    shape = (6, 5, 2)
    assert layer._pays(tf.zeros((1, *shape)))
    ours = results(layer, shape, compiled)
    theirs = results(keras.layers.Conv2D(**options), shape, compiled)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel", [(2, 2), (3, 2), (1, 4)])
def test_transposed_ones_are_those_of_keras(everywhere, kernel, padding, compiled):
    options = {"filters": 3, "kernel_size": kernel, "strides": kernel, "padding": padding}
    options |= {"activation": "relu", "use_bias": compiled}
    layer = ProductGradientConv2DTranspose(**options)
    shape = (6, 5, 2)
    assert layer._pays(tf.zeros((1, *shape)))
    ours = results(layer, shape, compiled)
    theirs = results(keras.layers.Conv2DTranspose(**options), shape, compiled)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "options", "pays"),
    [
        (128, {}, True),
        (127, {}, False),
        (128, {"kernel_size": 3}, False),
        (128, {"output_padding": 1}, False),
        (128, {"strides": 1, "kernel_size": 1, "dilation_rate": 2}, False),
        (128, {"dtype": "float32"}, False),
    ],
)
def test_a_transposed_one_is_taken_where_it_pays(channels, options, pays):
    given = {"filters": 8, "kernel_size": 2, "strides": 2, "dtype": "mixed_bfloat16"} | options
    layer = ProductGradientConv2DTranspose(**given)
    assert layer._pays(keras.KerasTensor((None, None, 4, channels))) is pays


def test_a_transposed_one_takes_any_size():
    layer = ProductGradientConv2DTranspose(8, 2, 2, dtype="mixed_bfloat16")
    inputs = keras.Input((None, None, 128))
    network = keras.Model(inputs, layer(inputs))
    assert network.output_shape == (None, None, None, 8)
    assert network(tf.zeros([1, 3, 5, 128])).shape == (1, 6, 10, 8)


@pytest.mark.parametrize(
    ("places", "channels", "options", "pays"),
    [
        ((4, 4), 256, {}, True),
        ((8, 8), 512, {}, True),
        ((8, 9), 256, {}, False),
        ((4, 4), 255, {}, False),
        ((4, 4), 256, {"filters": 128}, False),
        ((4, 4), 256, {"strides": 2}, False),
        ((8, 8), 256, {"dilation_rate": 2}, False),
        ((4, 4), 256, {"groups": 2}, False),
        ((4, 4), 256, {"kernel_size": 1}, False),
        ((2, 4), 256, {}, False),
        ((None, 4), 256, {}, False),
        ((4, 4), 256, {"dtype": "float32"}, False),
    ],
)
def test_it_is_taken_where_it_pays(places, channels, options, pays):
    given = {"filters": 256, "kernel_size": 3, "dtype": "mixed_bfloat16"} | options
    layer = ProductGradientConv2D(**given)
    assert layer._pays(keras.KerasTensor((None, *places, channels))) is pays


def test_in_bfloat16_the_gradient_is_as_near_the_true_one():
    shape, options = (4, 4, 256), {"filters": 256, "kernel_size": 3, "padding": "same"}
    true = results(keras.layers.Conv2D(**options), shape, compiled=True)[2]
    kinds = (ProductGradientConv2D, keras.layers.Conv2D)
    errors = []
    for kind in kinds:
        gradient = results(kind(dtype="mixed_bfloat16", **options), shape, compiled=True)[2]
        assert gradient.dtype == np.float32
        errors.append(float(np.abs(gradient - true).mean() / np.abs(true).mean()))
    assert errors[0] < 1.05 * errors[1]
