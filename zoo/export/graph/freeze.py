"""A network as one function of a graph, its weights constants in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

Outputs = Mapping[str, tf.Tensor]

LARGEST = 2**31 - 2**26
"""Bytes of weights beyond which a graph cannot hold them: protobuf ends at 2 GiB, and the rest of
the graph takes some."""


@dataclass(frozen=True)
class Network:
    """A Keras model as a graph runs it.

    Attributes:
        answer: From float32 [n, h, w, c] to the model's outputs by name.
        variables: Those that the function reads; none where the weights are constants.
    """

    answer: Callable[[tf.Tensor], Outputs]
    variables: tuple[tf.Variable, ...]


def freeze(model: keras.Model, size: tuple[int, int], channels: int) -> Network:
    """Turns a model into a function whose weights are constants, once for all who call it.

    A kernel that knows its filter to be constant brings it into its own layout once and fuses it
    with what follows; a variable is read anew at each call. Weights of more than ``LARGEST``
    bytes stay variables.

    Args:
        model: At inference it must need nothing but its weights.
        size: Height and width of its input.
        channels: Of its input.
    """
    weights = [*model.trainable_variables, *model.non_trainable_variables]
    arrays = [weight.numpy() for weight in weights]
    constant = sum(array.nbytes for array in arrays) <= LARGEST
    trainable = len(model.trainable_variables)

    @tf.function(
        input_signature=[tf.TensorSpec([None, *size, channels], tf.float32, "pixels")],
        autograph=False,
    )
    def network(pixels: tf.Tensor) -> Any:
        if not constant:
            return model(pixels, training=False)
        values = [tf.constant(array) for array in arrays]
        return model.stateless_call(values[:trainable], values[trainable:], pixels, training=False)[
            0
        ]

    return Network(network, () if constant else tuple(weight.value for weight in weights))
