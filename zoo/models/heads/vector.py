"""From a feature map to one vector: flatten, or average over the positions."""

import keras

from zoo.errors import UserError
from zoo.models import checks


def flattened(
    features: keras.KerasTensor,
    *,
    hidden: int,
    dropout: float,
    block_activation: str,
) -> keras.KerasTensor:
    """Strings the map float [n, h, w, c] out into [n, h * w * c], or [n, hidden].

    Args:
        features: The map.
        hidden: Units of a dense layer behind it, 0 for none.
        dropout: Rate of the dropout at the end.
        block_activation: Activation of the hidden layer.

    Raises:
        UserError: If height or width of the map is unknown, or an option's value is.
    """
    checks.whole("hidden", hidden, minimum=0)
    checks.rate("dropout", dropout)
    checks.activation_name("block_activation", block_activation)
    if None in features.shape[1:3]:
        raise UserError(
            "head 'flatten' has a weight for every position and cannot be built for an input of "
            "unknown size; give height and width in input_shape, or use head='average'"
        )
    x = keras.layers.Flatten(name="flatten")(features)
    if hidden:
        x = keras.layers.Dense(hidden, kernel_initializer="he_normal", name="hidden")(x)
        x = keras.layers.Activation(block_activation, name="hidden_act")(x)
    return _dropped(x, dropout)


def averaged(features: keras.KerasTensor, *, dropout: float) -> keras.KerasTensor:
    """Averages the map float [n, h, w, c] over its positions: [n, c].

    Args:
        features: The map.
        dropout: Rate of the dropout at the end.

    Raises:
        UserError: If ``dropout`` is no rate.
    """
    checks.rate("dropout", dropout)
    x = keras.layers.GlobalAveragePooling2D(name="average")(features)
    return _dropped(x, dropout)


def class_logits(x: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    """Returns float32 [n, classes] from a vector [n, c]."""
    return keras.layers.Dense(classes, dtype="float32", name="class_logits")(x)


def _dropped(x: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    return keras.layers.Dropout(dropout, name="dropout")(x) if dropout else x
