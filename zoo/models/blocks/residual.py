"""Blocks with or without a shortcut around them."""

from collections.abc import Callable
from typing import Any

import keras

from zoo.models.blocks.convolution import (
    activate,
    bare_convolution,
    convolution,
    disturb,
    subsample,
)
from zoo.models.style import Residual, Style


def basic_block(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int = 3,
    *,
    options: Residual,
    stride: int = 1,
    dilation: int = 1,
    shortcut: str = "project",
    depth: float = 1.0,
    activated: bool = True,
    name: str,
) -> keras.KerasTensor:
    """Two convolutions, with or without a shortcut around them (He et al. 2016, figure 2).

    Args:
        x: float [n, h, w, c].
        filters: Width of both convolutions.
        kernel_size: Height and width of both kernels.
        options: Style, padding, shortcut, order, squeeze-and-excitation, stochastic depth.
        stride: Stride of the first convolution.
        dilation: Dilation of both; a first convolution with a stride is undilated.
        shortcut: What it takes where the shape changes: ``"project"``, a 1x1 convolution with
            normalization (the paper's option B), or ``"pad"``, sub-sampling and channels of
            zeros (option A, no parameters; a block that narrows projects all the same).
        depth: Where in the encoder the block stands, from 0 to 1 for the last one.
        activated: With pre-activation, whether ``x`` has been normalised and activated already.
        name: What the layers' names begin with.

    Returns:
        float [n, h', w', filters]; with pre-activation neither normalised nor activated.
    """
    start = _activated(x, options, activated, name)
    y = _convolved(
        start, filters, kernel_size, options, "1", stride=stride, dilation=dilation, name=name
    )
    y = disturb(y, options, name=name)
    y = _convolved(y, filters, kernel_size, options, "2", last=True, dilation=dilation, name=name)
    borders = ((1 if stride > 1 else dilation) * (kernel_size - 1), dilation * (kernel_size - 1))
    return _joined(
        x, start, y, options, stride, shortcut, borders=borders, depth=depth, name=name, number="2"
    )


def bottleneck_block(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int = 3,
    *,
    options: Residual,
    width: Callable[[int], int],
    groups: int = 1,
    expansion: int = 4,
    stride: int = 1,
    dilation: int = 1,
    depth: float = 1.0,
    activated: bool = True,
    name: str,
) -> keras.KerasTensor:
    """A convolution between two 1x1 ones (He et al. 2016, figure 5), in groups if asked for.

    With groups it is ResNeXt's (Xie et al. 2017, arXiv:1611.05431, figure 3c). The stride is the
    middle convolution's, as in torchvision.

    Args:
        x: float [n, h, w, c].
        filters: Width of the stage before expansion.
        kernel_size: Height and width of the middle kernel.
        options: Style, padding, shortcut, order, squeeze-and-excitation, stochastic depth.
        width: Gives the width of the middle convolution for that of the stage.
        groups: Groups of the middle convolution.
        expansion: How many times wider than ``filters`` the result is.
        stride: Stride of the middle convolution.
        dilation: Its dilation.
        depth: Where in the encoder the block stands, from 0 to 1 for the last one.
        activated: With pre-activation, whether ``x`` has been normalised and activated already.
        name: What the layers' names begin with.

    Returns:
        float [n, h', w', expansion * filters]; with pre-activation neither normalised nor
        activated.
    """
    start = _activated(x, options, activated, name)
    y = _convolved(start, width(filters), 1, options, "1", name=name)
    y = _convolved(
        y,
        width(filters),
        kernel_size,
        options,
        "2",
        stride=stride,
        dilation=dilation,
        groups=groups,
        name=name,
    )
    y = disturb(y, options, name=name)
    y = _convolved(y, expansion * filters, 1, options, "3", last=True, name=name)
    borders = (0, (1 if stride > 1 else dilation) * (kernel_size - 1))
    return _joined(
        x, start, y, options, stride, "project", borders=borders, depth=depth, name=name, number="3"
    )


def squeeze_and_excite(
    x: keras.KerasTensor, reduction: int, style: Style, *, name: str
) -> keras.KerasTensor:
    """Weighs the channels of float [n, h, w, c] by what they are on average; the shape stays.

    Hu et al. 2018 (arXiv:1709.01507).

    Args:
        x: The map.
        reduction: How many times narrower the vector between the two dense layers is.
        style: Its activation is the hidden layer's.
        name: What the layers' names begin with.
    """
    channels = x.shape[-1]
    weights = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_average")(x)
    weights = keras.layers.Conv2D(
        max(channels // reduction, 1),
        1,
        activation=style.block_activation,
        kernel_initializer="he_normal",
        name=f"{name}_squeeze",
    )(weights)
    weights = keras.layers.Conv2D(channels, 1, activation="sigmoid", name=f"{name}_excite")(weights)
    return keras.layers.Multiply(name=f"{name}_scale")([x, weights])


def _activated(
    x: keras.KerasTensor, options: Residual, activated: bool, name: str
) -> keras.KerasTensor:
    if options.preactivation and not activated:
        return activate(x, options, name=name, number="1")
    return x


def _convolved(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    options: Residual,
    number: str,
    *,
    last: bool = False,
    name: str,
    **geometry: int,
) -> keras.KerasTensor:
    """A convolution of a block, with normalization and activation where the order puts them."""
    if not options.preactivation:
        return convolution(
            x,
            filters,
            kernel_size,
            style=options,
            padding=options.padding,
            activation=not last,
            name=name,
            number=number,
            **geometry,
        )
    if number != "1":
        x = activate(x, options, name=name, number=number)
    return bare_convolution(
        x,
        filters,
        kernel_size,
        padding=options.padding,
        use_bias=options.normalization is None,
        name=f"{name}_conv{number}",
        **geometry,
    )


def _joined(
    x: keras.KerasTensor,
    start: keras.KerasTensor,
    y: keras.KerasTensor,
    options: Residual,
    stride: int,
    shortcut: str,
    *,
    borders: tuple[int, int],
    depth: float,
    name: str,
    number: str,
) -> keras.KerasTensor:
    """The block's end: its branch weighed, added to its shortcut, and activated.

    ``borders`` is what padding="valid" takes, up to the stride and after it: cropping the
    shortcut likewise keeps its positions under the centres of the kernels.
    """
    if options.squeeze_excitation:
        y = squeeze_and_excite(y, options.squeeze_excitation, options, name=f"{name}_se")
    if options.residual:
        if options.stochastic_depth:
            y = keras.layers.Dropout(
                options.stochastic_depth * depth,
                noise_shape=(None, 1, 1, 1),
                name=f"{name}_stochastic_depth",
            )(y)
        same = stride == 1 and x.shape[-1] == y.shape[-1]
        x = x if same else start
        if options.padding == "valid":
            x = _crop(x, borders[0], name=f"{name}_crop1")
        if not same:
            x = _reshaped(x, y.shape[-1], stride, shortcut, options, name)
        if options.padding == "valid":
            x = _crop(x, borders[1], name=f"{name}_crop2")
        y = keras.layers.Add(name=f"{name}_add")([x, y])
    if options.preactivation:
        return y
    return keras.layers.Activation(options.block_activation, name=f"{name}_act{number}")(y)


def _crop(x: keras.KerasTensor, surplus: int, name: str) -> keras.KerasTensor:
    if surplus == 0:
        return x
    sides = (surplus // 2, surplus - surplus // 2)
    return keras.layers.Cropping2D((sides, sides), name=name)(x)


def _reshaped(
    x: keras.KerasTensor,
    filters: int,
    stride: int,
    shortcut: str,
    options: Residual,
    name: str,
) -> Any:
    if shortcut == "project" or x.shape[-1] > filters:
        if options.preactivation:
            return bare_convolution(
                x,
                filters,
                1,
                stride=stride,
                use_bias=options.normalization is None,
                name=f"{name}_shortcut_conv",
            )
        return convolution(
            x, filters, 1, style=options, stride=stride, activation=False, name=f"{name}_shortcut"
        )
    x = subsample(x, stride, name=name)
    return keras.ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, filters - x.shape[-1])))
