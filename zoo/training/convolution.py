"""Convolutions of many channels whose kernel's gradient is a matrix product."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

# Where the product was quicker, measured in bfloat16 with AVX-512: of 512 channels
# over 4 x 4 places it took 0.4 of oneDNN's time, over 8 x 8 places 0.6; of 256 over 8 x 8 as long.
_PRECISION = "bfloat16"
_PLACES = 64
_CHANNELS = 256
# Likewise with AMX, of a transposed one: of 512 channels over 8 x 8 places 0.32 of oneDNN's time
# for both gradients, of 256 over 16 x 16 0.49, of 128 over 32 x 32 0.63, of 64 over 64 x 64 1.18.
_TRANSPOSED_CHANNELS = 128


@keras.saving.register_keras_serializable("zoo")
class ProductGradientConv2D(keras.layers.Conv2D):
    """``keras.layers.Conv2D`` that takes the gradient of a large kernel by one matrix product.

    Over few places oneDNN spends its time in laying out and adding up the kernel's gradient,
    which for 3 x 3 x 512 x 512 weights is larger than the feature maps. The product of the
    gathered neighbourhoods with the outputs' gradient writes it once. Outputs, and gradients but
    for their rounding, are Keras' own. Where it does not pay, everything is.
    """

    def convolution_op(self, inputs, kernel):
        """Returns the convolution of ``inputs`` [n, h, w, c] by ``kernel``, without bias."""
        if not self._pays(inputs):
            return super().convolution_op(inputs, kernel)
        # Cast by Keras, and no variable any more: a custom gradient refuses those.
        cast: Any = keras.ops.convert_to_tensor(kernel)
        return _convolution(inputs, tf.convert_to_tensor(cast), self.padding.upper())

    def _pays(self, inputs) -> bool:
        _, height, width, channels = inputs.shape
        plain = self.strides == self.dilation_rate == (1, 1) and self.groups == 1
        return (
            _can_pay(self)
            and plain
            and None not in (height, width)
            and height * width <= _PLACES
            and min(channels, self.filters) >= _CHANNELS
            and min(height - self.kernel_size[0], width - self.kernel_size[1]) >= 0
            and self.kernel_size != (1, 1)
        )


@keras.saving.register_keras_serializable("zoo")
class ProductGradientConv2DTranspose(keras.layers.Conv2DTranspose):
    """``keras.layers.Conv2DTranspose`` of the same kind, where what it writes does not overlap.

    With a stride of the kernel's size each place is a vector times a matrix, and so the kernel's
    gradient is one matrix product.
    """

    def call(self, inputs):
        """Returns the transposed convolution of ``inputs`` [n, h, w, c]."""
        if not self._pays(inputs):
            return super().call(inputs)
        kernel: Any = keras.ops.convert_to_tensor(self.kernel)
        outputs: Any = _transposed_convolution(inputs, tf.convert_to_tensor(kernel))
        if self.use_bias:
            outputs = keras.ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def _pays(self, inputs) -> bool:
        return (
            _can_pay(self)
            and self.strides == self.kernel_size
            and self.dilation_rate == (1, 1)
            and self.output_padding is None
            and inputs.shape[-1] >= _TRANSPOSED_CHANNELS
        )


def _can_pay(layer: Any) -> bool:
    return (
        layer.compute_dtype == _PRECISION
        and not tf.config.list_physical_devices("GPU")
        and layer.data_format == "channels_last"
    )


def _transposed_convolution(inputs: tf.Tensor, kernel: tf.Tensor) -> Any:
    # All known: they are those of a variable.
    sizes: Any = kernel.shape.as_list()
    down, across, filters, channels = sizes

    @tf.custom_gradient
    def convolve(inputs: Any, kernel: Any):
        count, height, width = tf.unstack(tf.shape(inputs)[:3])
        strides = [down, across]

        def gradient(upstream: Any):
            blocks = tf.reshape(upstream, [count, height, down, width, across * filters])
            rows = tf.reshape(tf.transpose(blocks, [0, 1, 3, 2, 4]), [-1, down * across * filters])
            product = tf.matmul(rows, tf.reshape(inputs, [-1, channels]), transpose_a=True)
            to_inputs = tf.nn.conv2d(upstream, kernel, strides, "VALID")
            return to_inputs, tf.reshape(product, kernel.shape)

        size: Any = [count, height * down, width * across, filters]
        outputs = tf.nn.conv2d_transpose(inputs, kernel, size, strides, "VALID")
        _, height_in, width_in, _ = inputs.shape
        known = [None if n is None else n * by for n, by in ((height_in, down), (width_in, across))]
        return tf.ensure_shape(outputs, [inputs.shape[0], *known, filters]), gradient

    return convolve(inputs, kernel)


def _convolution(inputs: tf.Tensor, kernel: tf.Tensor, padding: Any) -> Any:
    @tf.custom_gradient
    def convolve(inputs: Any, kernel: Any):
        def gradient(upstream: Any):
            wanted = {"strides": [1, 1, 1, 1], "padding": padding}
            to_inputs = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(inputs), filter=kernel, out_backprop=upstream, **wanted
            )
            columns = _neighbourhoods(inputs, kernel.shape[:2], upstream.shape[1:3], padding)
            rows = tf.reshape(upstream, [-1, kernel.shape[-1]])
            return to_inputs, tf.reshape(tf.matmul(columns, rows, transpose_a=True), kernel.shape)

        return tf.nn.conv2d(inputs, kernel, 1, padding), gradient

    return convolve(inputs, kernel)


def _neighbourhoods(
    inputs: Any, kernel: Sequence[int], places: Sequence[int], padding: str
) -> tf.Tensor:
    """Returns what the kernel sees at each place of each picture, one row each."""
    if padding == "SAME":
        before = [(length - 1) // 2 for length in kernel]
        sides = [(one, length - 1 - one) for one, length in zip(before, kernel, strict=True)]
        margins: Any = [(0, 0), *sides, (0, 0)]
        inputs = tf.pad(inputs, margins)
    height, width = places
    shifted = [
        inputs[:, top : top + height, left : left + width]
        for top in range(kernel[0])
        for left in range(kernel[1])
    ]
    together: Any = tf.concat(shifted, -1)
    return tf.reshape(together, [-1, len(shifted) * inputs.shape[-1]])
