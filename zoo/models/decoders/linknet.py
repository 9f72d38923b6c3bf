"""LinkNet's way up, for any encoder and size."""

from collections.abc import Sequence

import keras

from zoo.models import blocks, checks
from zoo.models.strides import output_strides
from zoo.models.style import Style

_STYLE = Style()


def linknet(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    decoder_filters: int = 32,
    upsample: str = "transpose",
    style: Style = _STYLE,
) -> keras.KerasTensor:
    """LinkNet's light way up: narrow blocks, to whose result each skip is added.

    Chaurasia and Culurciello 2017 (arXiv:1707.03718, figure 2): a 1x1 convolution to a quarter of
    the channels, the enlargement, a 1x1 convolution to as many channels as the skip has, and the
    sum with it. A 3x3 convolution behind the last sum leads to the full size, where the paper has
    it at half of that. Transposed convolutions have kernels of 2 instead of 3, whose windows do
    not overlap unevenly.

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input, float [n, h, w, c]; its size is the result's.
        decoder_filters: Width from the last sum on.
        upsample: ``"transpose"``, ``"nearest"`` or ``"bilinear"``; see
            :func:`zoo.models.blocks.upsample`.
        style: See :class:`zoo.models.style.Style`.

    Returns:
        float [n, h, w, decoder_filters].

    Raises:
        UserError: For a value that no decoder can be built from.
    """
    width = checks.whole("decoder_filters", decoder_filters)
    strides = output_strides(image, features)

    x = features[-1]
    for level in reversed(range(len(features) - 1)):
        name = f"link{level + 1}"
        skip = features[level]
        narrow = max(x.shape[-1] // 4, 1)
        factor = strides[level + 1] // strides[level]
        x = blocks.convolution(x, narrow, 1, style=style, name=f"{name}_reduce")
        x = blocks.upsample(x, skip, narrow, factor, upsample, style=style, name=name)
        x = blocks.convolution(x, skip.shape[-1], 1, style=style, name=f"{name}_expand")
        x = keras.layers.Add(name=f"{name}_add")([skip, x])
    x = blocks.convolution(x, width, 3, style=style, name="last")
    x = blocks.disturb(x, style, name="last")
    return blocks.upsample(x, image, width, strides[0], upsample, style=style, name="full")
