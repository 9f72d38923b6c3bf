"""The blocks that encoders, decoders and heads are made of: functions, tensor -> tensor.

Every convolution starts from He et al.'s normal initialisation (2015, arXiv:1502.01852) and has
no bias where a normalization follows, which would subtract it again. Layer names are fixed, so
that weights can be matched by name.
"""

from typing import Any

import keras

from zoo.models import checks

# torchvision's: its momentum of 0.1 is 0.9 in Keras, and Keras' own 0.99 needs far more steps
# than a short training has.
MOMENTUM = 0.9
EPSILON = 1e-5

NORMALIZATIONS = ("batch", "group", "layer", None)
UPSAMPLINGS = ("transpose", "nearest")


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


def convolution(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: str = "same",
    normalization: str | None = "batch",
    activation: str | None = "relu",
    name: str,
    number: str = "",
) -> keras.KerasTensor:
    """Convolution, normalization, activation: float [n, h, w, c] -> [n, h', w', filters].

    Args:
        x: The map.
        filters: Width of the result.
        kernel_size: Height and width of the kernel.
        stride: Step between two positions of the kernel.
        dilation: Step between two taps of the kernel; not used with a stride above 1, which
            Keras refuses to combine.
        padding: ``"same"`` or ``"valid"``.
        normalization: See :func:`normalize`.
        activation: Name of a Keras activation, or ``None`` for none.
        name: What the layers' names begin with.
        number: What they end with.
    """
    x = keras.layers.Conv2D(
        filters,
        kernel_size,
        strides=stride,
        dilation_rate=1 if stride > 1 else dilation,
        padding=padding,
        use_bias=normalization is None,
        kernel_initializer="he_normal",
        name=f"{name}_conv{number}",
    )(x)
    x = normalize(x, normalization, name=f"{name}_norm{number}")
    if activation is None:
        return x
    return keras.layers.Activation(activation, name=f"{name}_act{number}")(x)


def basic_block(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int = 3,
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: str = "same",
    residual: bool = False,
    shortcut: str = "project",
    normalization: str | None = "batch",
    activation: str = "relu",
    dropout: float = 0.0,
    name: str,
) -> keras.KerasTensor:
    """Two convolutions, with or without a shortcut around them (He et al. 2016, figure 2).

    Args:
        x: float [n, h, w, c].
        filters: Width of both convolutions.
        kernel_size: Height and width of both kernels.
        stride: Stride of the first convolution.
        dilation: Dilation of both; a first convolution with a stride is undilated.
        padding: ``"same"``, or ``"valid"``, where the shortcut is cropped to what is left.
        residual: Adds the input to the output before the last activation.
        shortcut: What it takes where the shape changes: ``"project"``, a 1x1 convolution with
            normalization (the paper's option B), or ``"pad"``, sub-sampling and channels of
            zeros (option A, no parameters; a block that narrows projects all the same).
        normalization: See :func:`normalize`.
        activation: Name of a Keras activation.
        dropout: Rate of the spatial dropout between the convolutions.
        name: What the layers' names begin with.

    Returns:
        float [n, h', w', filters].
    """
    y = convolution(
        x,
        filters,
        kernel_size,
        stride=stride,
        dilation=dilation,
        padding=padding,
        normalization=normalization,
        activation=activation,
        name=name,
        number="1",
    )
    if dropout:
        y = keras.layers.SpatialDropout2D(dropout, name=f"{name}_dropout")(y)
    y = convolution(
        y,
        filters,
        kernel_size,
        dilation=dilation,
        padding=padding,
        normalization=normalization,
        activation=None,
        name=name,
        number="2",
    )
    if residual:
        # Cropping before the stride and after it, as the convolutions do, keeps the shortcut's
        # positions under the centres of their kernels.
        first_dilation = 1 if stride > 1 else dilation
        if padding == "valid":
            x = _crop(x, first_dilation * (kernel_size - 1), name=f"{name}_crop1")
        x = _reshaped(x, filters, stride, shortcut, normalization, name)
        if padding == "valid":
            x = _crop(x, dilation * (kernel_size - 1), name=f"{name}_crop2")
        y = keras.layers.Add(name=f"{name}_add")([x, y])
    return keras.layers.Activation(activation, name=f"{name}_act2")(y)


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
    normalization: str | None,
    name: str,
) -> Any:
    if stride == 1 and x.shape[-1] == filters:
        return x
    if shortcut == "project" or x.shape[-1] > filters:
        return convolution(
            x,
            filters,
            1,
            stride=stride,
            normalization=normalization,
            activation=None,
            name=f"{name}_shortcut",
        )
    if stride > 1:
        x = keras.layers.MaxPooling2D(1, stride, padding="same", name=f"{name}_subsample")(x)
    return keras.ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, filters - x.shape[-1])))


def check_style(normalization: str | None, block_activation: str, dropout: float) -> None:
    """Refuses unknown values of the options that encoders, decoders and heads share.

    Raises:
        UserError: For the first one that is unknown.
    """
    checks.one_of("normalization", normalization, NORMALIZATIONS)
    checks.activation_name("block_activation", block_activation)
    checks.rate("dropout", dropout)


def upsample(
    x: keras.KerasTensor,
    filters: int,
    factor: int,
    how: str = "transpose",
    *,
    normalization: str | None = "batch",
    activation: str = "relu",
    name: str,
) -> keras.KerasTensor:
    """Enlarges float [n, h, w, c] to [n, factor h, factor w, filters], two at a time.

    Args:
        x: The map.
        filters: Width of the result.
        factor: A whole number; odd factors above 1 are done in one step.
        how: ``"transpose"``, a transposed convolution whose kernel is as large as its stride, so
            that no two windows overlap (and which every export format can express at any size),
            or ``"nearest"``, repetition and a 1x1 convolution.
        normalization: See :func:`normalize`.
        activation: Name of a Keras activation.
        name: What the layers' names begin with.

    Raises:
        UserError: If ``how`` is unknown.
    """
    checks.one_of("upsample", how, UPSAMPLINGS)
    step = 0
    while factor > 1:
        scale = 2 if factor % 2 == 0 else factor
        factor //= scale
        step += 1
        tail = "" if step == 1 else str(step)
        if how == "transpose":
            x = keras.layers.Conv2DTranspose(
                filters,
                scale,
                strides=scale,
                use_bias=normalization is None,
                kernel_initializer="he_normal",
                name=f"{name}_up{tail}",
            )(x)
            x = normalize(x, normalization, name=f"{name}_up_norm{tail}")
            x = keras.layers.Activation(activation, name=f"{name}_up_act{tail}")(x)
        else:
            x = keras.layers.UpSampling2D(scale, name=f"{name}_up{tail}")(x)
            x = convolution(
                x,
                filters,
                1,
                normalization=normalization,
                activation=activation,
                name=f"{name}_up{tail}",
            )
    return x
