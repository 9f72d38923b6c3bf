"""DeepLab's way up, for any encoder and size."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras

from zoo.models import blocks, checks
from zoo.models.layers import FitSize
from zoo.models.strides import output_strides
from zoo.models.style import Style

_STYLE = Style()


def deeplabv3plus(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    decoder_filters: int = 256,
    decoder_stride: int = 4,
    rates: Sequence[int] | None = None,
    separable: bool = True,
    style: Style = _STYLE,
) -> keras.KerasTensor:
    """DeepLabV3+: dilated convolutions side by side on the coarsest map, then one finer skip.

    Chen et al. 2018 (arXiv:1802.02611, figure 2). Atrous spatial pyramid pooling: a 1x1
    convolution, 3x3 ones of several dilations and the average over the picture are joined by a
    1x1 convolution. The result is interpolated to a finer map, joined with 3/16 as many channels
    of that (48 beside 256), refined by two 3x3 convolutions and interpolated to the image's size.
    An encoder with ``output_stride=16`` or ``8`` gives the paper's coarsest map.

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input, float [n, h, w, c].
        decoder_filters: Width of all convolutions but the skip's.
        decoder_stride: The skip is the coarsest map of at most this stride, or else the finest;
            a single map has none.
        rates: Dilations; by default 6, 12 and 18 positions of stride 16, which are twice as many
            of stride 8 and half as many of stride 32.
        separable: Whether the 3x3 convolutions are depthwise and pointwise ones, as in the paper.
        style: See :class:`zoo.models.style.Style`.

    Returns:
        float [n, h / s, w / s, decoder_filters], s the stride of the finest map used.

    Raises:
        UserError: For a value that no decoder can be built from.
    """
    width = checks.whole("decoder_filters", decoder_filters)
    decoder_stride = checks.whole("decoder_stride", decoder_stride)
    checks.one_of("separable", separable, (True, False))
    strides = output_strides(image, features)
    if rates is None:
        rates = [max(16 * rate // strides[-1], 1) for rate in (6, 12, 18)]
    rates = checks.wholes("rates", rates)
    convolution = _separable if separable else blocks.convolution

    coarsest = features[-1]
    branches = [blocks.convolution(coarsest, width, 1, style=style, name="aspp1")]
    for number, rate in enumerate(rates, start=2):
        name = f"aspp{number}"
        branches.append(convolution(coarsest, width, 3, dilation=rate, style=style, name=name))
    x = FitSize("average", size=(1, 1), name="aspp_pool_average")(coarsest)
    # One position a picture has no variance to normalise by when there is one picture.
    alone = replace(style, normalization=None)
    x = blocks.convolution(x, width, 1, style=alone, name="aspp_pool")
    branches.append(FitSize("bilinear", name="aspp_pool_fit")([x, coarsest]))
    x = keras.layers.Concatenate(name="aspp_concat")(branches)
    x = blocks.convolution(x, width, 1, style=style, name="aspp")
    x = blocks.disturb(x, style, name="aspp")

    if len(features) > 1:
        fine = sum(stride <= decoder_stride for stride in strides[:-1])
        skip = features[max(fine - 1, 0)]
        x = FitSize("bilinear", name="refine_fit")([x, skip])
        skip = blocks.convolution(skip, max(3 * width // 16, 1), 1, style=style, name="refine_skip")
        x = keras.layers.Concatenate(name="refine_concat")([skip, x])
    for number in (1, 2):
        x = convolution(x, width, 3, style=style, name=f"refine{number}")
    x = blocks.disturb(x, style, name="refine")
    return x


def _separable(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    *,
    style: Style,
    dilation: int = 1,
    name: str,
) -> keras.KerasTensor:
    # Keras counts all channels as a position's inputs, where each has only its own.
    initializer: Any = keras.initializers.VarianceScaling(2.0 * x.shape[-1])
    x = keras.layers.DepthwiseConv2D(
        kernel_size,
        padding="same",
        dilation_rate=dilation,
        use_bias=style.normalization is None,
        depthwise_initializer=initializer,
        name=f"{name}_depthwise",
    )(x)
    x = blocks.activate(x, style, name=f"{name}_depthwise")
    return blocks.convolution(x, filters, 1, style=style, name=name)
