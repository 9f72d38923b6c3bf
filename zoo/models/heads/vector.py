"""From a feature map to one vector: strung out, or pooled over the positions."""

from collections.abc import Sequence

import keras

from zoo.errors import UserError
from zoo.models.style import Perceptron


def flattened(features: keras.KerasTensor, perceptron: Perceptron) -> keras.KerasTensor:
    """Strings the map float [n, h, w, c] out into [n, h * w * c], or as many as ``hidden`` says.

    Args:
        features: The map.
        perceptron: The layers behind.

    Raises:
        UserError: If height or width of the map is unknown.
    """
    if None in features.shape[1:3]:
        raise UserError(
            "head 'flatten' has a weight for every position and cannot be built for an input of "
            "unknown size; give height and width in input_shape, or use head='average'"
        )
    return dense(keras.layers.Flatten(name="flatten")(features), perceptron)


def averaged(features: keras.KerasTensor, perceptron: Perceptron) -> keras.KerasTensor:
    """Averages the map float [n, h, w, c] over its positions: [n, c], or as ``hidden`` says.

    Args:
        features: The map.
        perceptron: The layers behind.
    """
    return dense(keras.layers.GlobalAveragePooling2D(name="average")(features), perceptron)


def maximal(features: keras.KerasTensor, perceptron: Perceptron) -> keras.KerasTensor:
    """Takes the maxima of float [n, h, w, c] over its positions: [n, c], or as ``hidden`` says.

    Args:
        features: The map.
        perceptron: The layers behind.
    """
    return dense(keras.layers.GlobalMaxPooling2D(name="max")(features), perceptron)


def averaged_and_maximal(features: keras.KerasTensor, perceptron: Perceptron) -> keras.KerasTensor:
    """Joins averages and maxima of float [n, h, w, c]: [n, 2 c], or as ``hidden`` says.

    Args:
        features: The map.
        perceptron: The layers behind.
    """
    average = keras.layers.GlobalAveragePooling2D(name="average")(features)
    maximum = keras.layers.GlobalMaxPooling2D(name="max")(features)
    return dense(keras.layers.Concatenate(name="average_max")([average, maximum]), perceptron)


def dense(x: keras.KerasTensor, perceptron: Perceptron) -> keras.KerasTensor:
    """Sends a vector float [n, c] through hidden layers; keeps its type.

    Args:
        x: The vector.
        perceptron: How many layers, how wide, and what is dropped.
    """
    # A vector that was kept in float32 in a model of low precision stays so.
    dtype = "float32" if x.dtype == "float32" else None
    hidden = perceptron.hidden
    widths = list(hidden) if isinstance(hidden, Sequence) else [hidden] * (hidden > 0)
    for number, width in enumerate(widths, start=1):
        tail = "" if number == 1 else str(number)
        x = keras.layers.Dense(
            width, kernel_initializer="he_normal", dtype=dtype, name=f"hidden{tail}"
        )(x)
        x = keras.layers.Activation(
            perceptron.block_activation, dtype=dtype, name=f"hidden_act{tail}"
        )(x)
        x = _dropped(x, perceptron.dropout, dtype, tail)
    return x if widths else _dropped(x, perceptron.dropout, dtype, "")


def class_logits(x: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    """Returns float32 [n, classes] from a vector [n, c]."""
    return keras.layers.Dense(classes, dtype="float32", name="class_logits")(x)


def _dropped(
    x: keras.KerasTensor, dropout: float, dtype: str | None, tail: str
) -> keras.KerasTensor:
    if not dropout:
        return x
    return keras.layers.Dropout(dropout, dtype=dtype, name=f"dropout{tail}")(x)
