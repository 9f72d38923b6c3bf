"""The network as converters take it: one function, folded, its weights constants."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from zoo.errors import UserError
from zoo.export.graph.fold import fold
from zoo.export.graph.freeze import LARGEST, freeze
from zoo.export.runtimes.exact import exact_layers
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

        @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, "image")])
        def answer(image: tf.Tensor) -> Mapping[str, Any]:
            outputs = frozen.answer(image)
            # A name of its own for each output, which formats take over.
            return {name: tf.identity(value, name) for name, value in outputs.items()}

        self.answer = answer
        self.exact = exact_layers(folded)
