"""The pyramid scene parsing network, for any encoder and size."""

from collections.abc import Sequence
from dataclasses import replace

import keras

from zoo.models import blocks, checks
from zoo.models.layers import FitSize
from zoo.models.style import Style

_STYLE = Style()


def pspnet(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    decoder_filters: int = 512,
    bins: Sequence[int] = (1, 2, 3, 6),
    style: Style = _STYLE,
) -> keras.KerasTensor:
    """Pyramid pooling: the coarsest map beside its averages over coarse grids.

    Zhao et al. 2017 (arXiv:1612.01105, figure 3). Each grid is averaged, put through a 1x1
    convolution and interpolated back; a 3x3 convolution joins them all, and is interpolated to
    the image's size. Only the coarsest map is used: an encoder with ``output_stride=8`` gives it
    at the paper's size.

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input, float [n, h, w, c].
        decoder_filters: Width of the last convolution.
        bins: Height and width of each grid. Together they are as wide as the map.
        style: See :class:`zoo.models.style.Style`.

    Returns:
        float [n, h / s, w / s, decoder_filters], s the stride of the coarsest map.

    Raises:
        UserError: For a value that no decoder can be built from.
    """
    width = checks.whole("decoder_filters", decoder_filters)
    bins = checks.wholes("bins", bins)
    coarsest = features[-1]
    share = max(coarsest.shape[-1] // len(bins), 1)

    pooled = []
    for number, side in enumerate(bins, start=1):
        name = f"pool{number}"
        x = FitSize("average", size=(side, side), name=f"{name}_average")(coarsest)
        # One position a picture has no variance to normalise by when there is one picture.
        own = replace(style, normalization=None) if side == 1 else style
        x = blocks.convolution(x, share, 1, style=own, name=name)
        pooled.append(FitSize("bilinear", name=f"{name}_fit")([x, coarsest]))
    x = keras.layers.Concatenate(name="pool_concat")([coarsest, *pooled])
    x = blocks.convolution(x, width, 3, style=style, name="last")
    x = blocks.disturb(x, style, name="last")
    return x
