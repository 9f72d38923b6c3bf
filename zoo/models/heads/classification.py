"""Heads for one label a picture."""

from collections.abc import Sequence

import keras

from zoo.models.heads import vector


def flatten(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    classes: int,
    hidden: int = 0,
    dropout: float = 0.0,
    block_activation: str = "relu",
) -> dict[str, keras.KerasTensor]:
    """A dense layer on the coarsest map strung out: knows positions, needs a fixed size.

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input; not used.
        classes: Number of classes.
        hidden: Units of a dense layer before the last, 0 for none.
        dropout: Rate of the dropout before the last dense layer.
        block_activation: Activation of the hidden layer.

    Returns:
        ``{"class": logits float32 [n, classes]}``.

    Raises:
        UserError: If the input's height or width is unknown.
    """
    x = vector.flattened(
        features[-1], hidden=hidden, dropout=dropout, block_activation=block_activation
    )
    return {"class": vector.class_logits(x, classes)}


def average(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    classes: int,
    dropout: float = 0.0,
) -> dict[str, keras.KerasTensor]:
    """A dense layer on the coarsest map's average over positions: any size, few weights.

    Global average pooling is Lin et al.'s (2013, arXiv:1312.4400).

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input; not used.
        classes: Number of classes.
        dropout: Rate of the dropout before the dense layer.

    Returns:
        ``{"class": logits float32 [n, classes]}``.
    """
    x = vector.averaged(features[-1], dropout=dropout)
    return {"class": vector.class_logits(x, classes)}
