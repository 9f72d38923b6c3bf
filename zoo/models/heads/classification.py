"""Heads for one label a picture."""

from collections.abc import Callable, Sequence

import keras

from zoo.models.heads import vector
from zoo.models.style import Perceptron

_PERCEPTRON = Perceptron()


def flatten(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    classes: int,
    perceptron: Perceptron = _PERCEPTRON,
) -> dict[str, keras.KerasTensor]:
    """Dense layers on the coarsest map strung out: knows positions, needs a fixed size.

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input; not used.
        classes: Number of classes.
        perceptron: See :class:`zoo.models.style.Perceptron`.

    Returns:
        ``{"class": logits float32 [n, classes]}``.

    Raises:
        UserError: If the input's height or width is unknown.
    """
    return _answer(vector.flattened, features, classes, perceptron)


def average(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    classes: int,
    perceptron: Perceptron = _PERCEPTRON,
) -> dict[str, keras.KerasTensor]:
    """Dense layers on the coarsest map's average over positions: any size, few weights.

    Global average pooling is Lin et al.'s (2013, arXiv:1312.4400).

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input; not used.
        classes: Number of classes.
        perceptron: See :class:`zoo.models.style.Perceptron`.

    Returns:
        ``{"class": logits float32 [n, classes]}``.
    """
    return _answer(vector.averaged, features, classes, perceptron)


def max(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    classes: int,
    perceptron: Perceptron = _PERCEPTRON,
) -> dict[str, keras.KerasTensor]:
    """Dense layers on the coarsest map's maxima over positions: what is there, however small.

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input; not used.
        classes: Number of classes.
        perceptron: See :class:`zoo.models.style.Perceptron`.

    Returns:
        ``{"class": logits float32 [n, classes]}``.
    """
    return _answer(vector.maximal, features, classes, perceptron)


def average_max(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    classes: int,
    perceptron: Perceptron = _PERCEPTRON,
) -> dict[str, keras.KerasTensor]:
    """Dense layers on the coarsest map's averages and maxima, side by side.

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input; not used.
        classes: Number of classes.
        perceptron: See :class:`zoo.models.style.Perceptron`.

    Returns:
        ``{"class": logits float32 [n, classes]}``.
    """
    return _answer(vector.averaged_and_maximal, features, classes, perceptron)


def _answer(
    pool: Callable[..., keras.KerasTensor],
    features: Sequence[keras.KerasTensor],
    classes: int,
    perceptron: Perceptron,
) -> dict[str, keras.KerasTensor]:
    return {"class": vector.class_logits(pool(features[-1], perceptron), classes)}
