"""Weighing the positions of a map by what another map says of them."""

from typing import Any

import keras

from zoo.models.layers import FitSize
from zoo.models.style import Style


def attention_gate(
    x: keras.KerasTensor, signal: keras.KerasTensor, *, style: Style, name: str
) -> keras.KerasTensor:
    """Weighs each position of float [n, H, W, c] with a number from 0 to 1; the shape stays.

    The additive gate of Oktay et al. 2018 (arXiv:1804.03999, figure 2): the map is brought down
    to the coarser signal, both are projected and added, and each position's weight comes from
    their sum and is brought up again.

    Args:
        x: The map.
        signal: What says where to look, float [n, h, w, any].
        style: Its activation is the one behind the sum.
        name: What the layers' names begin with.
    """
    width = max(x.shape[-1] // 2, 1)
    # The projection comes behind the average, where it costs least: their order does not matter.
    seen = FitSize("average", name=f"{name}_average")([x, signal])
    seen = keras.layers.Conv2D(
        width, 1, use_bias=False, kernel_initializer="he_normal", name=f"{name}_map"
    )(seen)
    asked = keras.layers.Conv2D(width, 1, kernel_initializer="he_normal", name=f"{name}_signal")(
        signal
    )
    both = keras.layers.Add(name=f"{name}_add")([seen, asked])
    both = keras.layers.Activation(style.block_activation, name=f"{name}_act")(both)
    # Open at first, as in the paper, but not so far that the sigmoid has no slope left.
    open_at_first: Any = keras.initializers.Constant(2.0)
    weights = keras.layers.Conv2D(
        1,
        1,
        activation="sigmoid",
        bias_initializer=open_at_first,
        name=f"{name}_weights",
    )(both)
    weights = FitSize("bilinear", name=f"{name}_fit")([weights, x])
    return keras.layers.Multiply(name=f"{name}_scale")([x, weights])
