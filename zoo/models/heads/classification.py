"""Heads for one label a picture."""

from collections.abc import Callable, Sequence
from functools import partial

import keras

from zoo.models.heads import vector
from zoo.models.style import Perceptron

_PERCEPTRON = Perceptron()


def _pooled(
    pool: Callable[..., keras.KerasTensor],
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    classes: int,
    perceptron: Perceptron = _PERCEPTRON,
) -> dict[str, keras.KerasTensor]:
    """Dense layers on one vector of the coarsest map.

    Strung out it knows positions and needs a fixed size. Its average over positions (Lin et al.
    2013, arXiv:1312.4400) takes any size and few weights, its maxima see what is there however
    small it is, and both may stand side by side.

    Args:
        pool: From the map to the vector; see :mod:`zoo.models.heads.vector`.
        features: Feature maps, fine to coarse.
        image: The model's input; not used.
        classes: Number of classes.
        perceptron: See :class:`zoo.models.style.Perceptron`.

    Returns:
        ``{"class": logits float32 [n, classes]}``.

    Raises:
        UserError: If the map is strung out and the input's height or width is unknown.
    """
    return {"class": vector.class_logits(pool(features[-1], perceptron), classes)}


flatten = partial(_pooled, vector.flattened)
average = partial(_pooled, vector.averaged)
max = partial(_pooled, vector.maximal)
average_max = partial(_pooled, vector.averaged_and_maximal)
