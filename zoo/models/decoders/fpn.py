"""The feature pyramid network, for any encoder and size."""

from collections.abc import Sequence

import keras

from zoo.models import blocks, checks
from zoo.models.layers import FitSize
from zoo.models.strides import output_strides
from zoo.models.style import Style

_STYLE = Style()


def fpn(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    decoder_filters: int = 256,
    decoder_stride: int = 4,
    style: Style = _STYLE,
) -> keras.KerasTensor:
    """Feature pyramid: maps of one width at every scale, brought to one size and added.

    Lin et al. 2017 (arXiv:1612.03144) with the semantic branch of Kirillov et al. 2019
    (arXiv:1901.02446, figure 3). The pyramid: from the coarsest map down, a 1x1 convolution of
    each, to which the coarser sum is added at twice its size, and a 3x3 convolution behind. The
    branch: a 3x3 convolution and an interpolation to the next finer size, as often as it takes to
    reach the finest map; the sum; an interpolation to the image's size.

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input, float [n, h, w, c].
        decoder_filters: Width of the pyramid; the branch has half of it.
        decoder_stride: Maps finer than this are not used, but the coarsest two always are.
        style: See :class:`zoo.models.style.Style`.

    Returns:
        float [n, h / s, w / s, max(decoder_filters // 2, 1)], s the stride of the finest map used.

    Raises:
        UserError: For a value that no decoder can be built from.
    """
    width = checks.whole("decoder_filters", decoder_filters)
    decoder_stride = checks.whole("decoder_stride", decoder_stride)
    strides = output_strides(image, features)
    finer = sum(stride < decoder_stride for stride in strides)
    used = features[max(min(finer, len(features) - 2), 0) :]

    scales = []
    for number, x in enumerate(_pyramid(used, width), start=1):
        # The finest one has a convolution too, with no size to change.
        for size in range(max(number - 1, 1), 0, -1):
            name = f"scale{number}_{size}"
            x = blocks.convolution(x, max(width // 2, 1), 3, style=style, name=name)
            if number > 1:
                x = FitSize("bilinear", name=f"{name}_fit")([x, used[size - 1]])
        scales.append(x)
    x = keras.layers.Add(name="scales_add")(scales) if len(scales) > 1 else scales[0]
    x = blocks.disturb(x, style, name="scales")
    return x


def _pyramid(features: Sequence[keras.KerasTensor], width: int) -> list[keras.KerasTensor]:
    """A map for each of the encoder's, all equally wide and none blind to the coarser ones."""
    pyramid = []
    x = None
    for level in reversed(range(len(features))):
        name = f"pyramid{level + 1}"
        lateral = keras.layers.Conv2D(
            width, 1, kernel_initializer="he_normal", name=f"{name}_lateral"
        )(features[level])
        if x is not None:
            x = FitSize("nearest", name=f"{name}_fit")([x, lateral])
            lateral = keras.layers.Add(name=f"{name}_add")([lateral, x])
        x = lateral
        smooth = keras.layers.Conv2D(
            width, 3, padding="same", kernel_initializer="he_normal", name=f"{name}_conv"
        )
        pyramid.insert(0, smooth(x))
    return pyramid
