"""The network as converters take it: one function, folded, its weights constants."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from zoo.errors import UserError
from zoo.export.graph.fold import fold
from zoo.export.graph.freeze import LARGEST, freeze
from zoo.inference import Predictor


class Traced(tf.Module):
    """A predictor's network from ``image``, float32 [n, H, W, c] in 0..255, to its outputs.

    Args:
        predictor: The model and everything around it.

    Attributes:
        answer: A ``tf.function``; outputs have the names that the task's targets have.
        exact: Layers whose outputs stay in float32, and all that is computed from them.

    Raises:
        UserError: If the weights are too large to be constants of a graph.
    """

    def __init__(self, predictor: Predictor):
        super().__init__(name="network")
        preprocessing = predictor.preprocessing
        height, width = preprocessing.size
        folded = fold(predictor.model)
        frozen = freeze(folded, preprocessing.size, preprocessing.channels)
        if frozen.variables:
            raise UserError(
                f"the model has more than {LARGEST / 2**30:.1f} GiB of weights, which no format "
                "but savedmodel holds; export that, or a smaller encoder"
            )
        shape = [None, height, width, preprocessing.channels]

        @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, "image")], autograph=False)
        def answer(image: tf.Tensor) -> Mapping[str, Any]:
            outputs = frozen.answer(image)
            # A name of its own for each output, which formats take over.
            return {name: tf.identity(value, name) for name, value in outputs.items()}

        self.answer = answer
        self.exact = exact_layers(folded)


def exact_layers(model: keras.Model) -> tuple[str, ...]:
    """Returns the names of the layers whose outputs a softmax over positions reads.

    They are what :mod:`zoo.export.runtimes.exact` is about.

    Args:
        model: A functional model.

    Example:
        >>> model = zoo.build("localization", encoder="plain", head="spatial", classes=2,
        ...                   input_shape=(16, 16, 3))
        >>> exact_layers(model)
        ('attention', 'edges_x', 'edges_y')
    """
    found = set()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Softmax) and isinstance(layer.axis, tuple | list):
            maps: Any = layer.input
            found.add(maps._keras_history.operation.name)
    return tuple(sorted(found))
