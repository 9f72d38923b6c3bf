"""Convolution with what surrounds it: normalization, activation, dropping out."""

from typing import Any

import keras

from zoo.models.style import Layout, Style

# torchvision's: its momentum of 0.1 is 0.9 in Keras, and Keras' own 0.99 needs far more steps
# than a short training has.
MOMENTUM = 0.9
EPSILON = 1e-5


def groups_of(channels: int) -> int:
    """Returns how many groups group normalization makes of so many channels.

    The largest divisor of ``channels`` up to 32 that leaves 8 channels or more in a group (Wu and
    He 2018, arXiv:1803.08494, use 32 groups of 2 to 64 channels), else 1: a group of one channel
    would wipe out its mean, which is most of what it says.
    """
    return max((n for n in range(1, 33) if channels % n == 0 and channels // n >= 8), default=1)


def normalize(x: keras.KerasTensor, normalization: str | None, *, name: str) -> keras.KerasTensor:
    """Normalises float [n, h, w, c] and keeps its shape.

    Args:
        x: The map.
        normalization: ``"batch"`` (Ioffe and Szegedy 2015), ``"group"`` (see :func:`groups_of`),
            ``"layer"`` (over the channels of each position, as ConvNeXt does), or ``None``.
        name: The layer's name.
    """
    if normalization == "batch":
        return keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=name)(x)
    if normalization == "group":
        groups = groups_of(x.shape[-1])
        return keras.layers.GroupNormalization(groups, epsilon=EPSILON, name=name)(x)
    if normalization == "layer":
        return keras.layers.LayerNormalization(epsilon=EPSILON, name=name)(x)
    return x


def activate(
    x: keras.KerasTensor, style: Style, *, name: str, number: str = ""
) -> keras.KerasTensor:
    """Normalization and activation of float [n, h, w, c]; the shape stays.

    Args:
        x: The map.
        style: Says which.
        name: What the layers' names begin with.
        number: What they end with.
    """
    x = normalize(x, style.normalization, name=f"{name}_norm{number}")
    return keras.layers.Activation(style.block_activation, name=f"{name}_act{number}")(x)


def convolution(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    *,
    style: Style,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    padding: str = "same",
    activation: bool = True,
    name: str,
    number: str = "",
) -> keras.KerasTensor:
    """Convolution, normalization, activation: float [n, h, w, c] -> [n, h', w', filters].

    Args:
        x: The map.
        filters: Width of the result.
        kernel_size: Height and width of the kernel.
        style: Normalization and activation.
        stride: Step between two positions of the kernel.
        dilation: Step between two taps of the kernel; not used with a stride above 1, which
            Keras refuses to combine.
        groups: Groups of channels that are convolved apart from each other.
        padding: ``"same"`` or ``"valid"``.
        activation: Whether the activation follows.
        name: What the layers' names begin with.
        number: What they end with.
    """
    x = bare_convolution(
        x,
        filters,
        kernel_size,
        stride=stride,
        dilation=dilation,
        groups=groups,
        padding=padding,
        use_bias=style.normalization is None,
        name=f"{name}_conv{number}",
    )
    if activation:
        return activate(x, style, name=name, number=number)
    return normalize(x, style.normalization, name=f"{name}_norm{number}")


def bare_convolution(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    padding: str = "same",
    use_bias: bool,
    name: str,
) -> keras.KerasTensor:
    """A convolution with nothing behind it; see :func:`convolution`."""
    if kernel_size == 1:
        # The same positions: the gradient of a 1x1 convolution with a stride ends in a
        # segmentation fault in TensorFlow 2.21 on processors with AVX-512.
        x, stride = subsample(x, stride, name=name), 1
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        strides=stride,
        dilation_rate=1 if stride > 1 else dilation,
        groups=groups,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def subsample(x: keras.KerasTensor, stride: int, *, name: str) -> Any:
    """Takes one position of every s: float [n, h, w, c] -> [n, ceil(h / s), ceil(w / s), c].

    Args:
        x: The map.
        stride: s; with 1 the map stays as it is.
        name: What the layer's name begins with.
    """
    if stride == 1:
        return x
    return keras.layers.MaxPooling2D(1, stride, padding="same", name=f"{name}_subsample")(x)


def convolution_block(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    *,
    options: Layout,
    stride: int = 1,
    dilation: int = 1,
    name: str,
    **_: Any,
) -> keras.KerasTensor:
    """A block of one convolution: float [n, h, w, c] -> [n, h', w', filters].

    Args:
        x: The map.
        filters: Width of the result.
        kernel_size: Height and width of the kernel.
        options: Padding and style.
        stride: Step between two positions of the kernel.
        dilation: Step between two taps of the kernel.
        name: What the layers' names begin with.
        **_: What concerns blocks with shortcuts alone.
    """
    x = convolution(
        x,
        filters,
        kernel_size,
        style=options,
        stride=stride,
        dilation=dilation,
        padding=options.padding,
        name=name,
    )
    return disturb(x, options, name=name)


def disturb(x: keras.KerasTensor, style: Style, *, name: str) -> keras.KerasTensor:
    """Adds noise to float [n, h, w, c] and drops a share of it, both while training alone.

    Args:
        x: The map.
        style: How much of each.
        name: What the layers' names begin with.
    """
    if style.noise:
        x = keras.layers.GaussianNoise(style.noise, name=f"{name}_noise")(x)
    return drop(x, style, name=name)


def drop(x: keras.KerasTensor, style: Style, *, name: str) -> keras.KerasTensor:
    """Sets a share of float [n, h, w, c] to zero while training, and scales up the rest.

    Whole channels (Tompson et al. 2015, arXiv:1411.4280), or squares in each channel (DropBlock,
    Ghiasi et al. 2018, arXiv:1810.12890). A square is dropped around each seed, and seeds are so
    rare that the share of what is dropped is the rate: none of the n x n seeds around a position
    must fall, 1 - rate = (1 - seed) ** (n * n).

    Args:
        x: The map.
        style: Rate and size.
        name: What the layers' names begin with.
    """
    if not style.dropout:
        return x
    size = style.drop_block
    if not size:
        return keras.layers.SpatialDropout2D(style.dropout, name=f"{name}_dropout")(x)
    seed_rate = 1 - (1 - style.dropout) ** (1 / size**2)
    # Dropout leaves 0 at the seeds and more than 1 elsewhere; and 1 everywhere when not training,
    # where all of this is the identity.
    spared = keras.layers.Dropout(seed_rate, name=f"{name}_dropout")(keras.ops.ones_like(x))
    seeds: Any = keras.ops.relu(1.0 - spared)
    squares: Any = keras.layers.MaxPooling2D(size, 1, padding="same", name=f"{name}_drop_block")(
        seeds
    )
    kept: Any = 1.0 - squares
    share: Any = keras.ops.mean(kept, axis=(1, 2, 3), keepdims=True)
    # Where everything is dropped there is nothing to scale up.
    return x * kept / keras.ops.maximum(share, 1e-3)
