"""Convolutions of many channels over few places, whose kernel's gradient is a matrix product."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

# Where the product was quicker, measured in bfloat16 with AVX-512: of 512 channels
# over 4 x 4 places it took 0.4 of oneDNN's time, over 8 x 8 places 0.6; of 256 over 8 x 8 as long.
_PRECISION = "bfloat16"
_PLACES = 64
_CHANNELS = 256


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
            self.compute_dtype == _PRECISION
            and not tf.config.list_physical_devices("GPU")
            and plain
            and self.data_format == "channels_last"
            and None not in (height, width)
            and height * width <= _PLACES
            and min(channels, self.filters) >= _CHANNELS
            and min(height - self.kernel_size[0], width - self.kernel_size[1]) >= 0
            and self.kernel_size != (1, 1)
        )


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
