"""The U-Net as it was published, with the borders that its convolutions take."""

import bisect
import itertools
from collections.abc import Sequence

import keras

from zoo.errors import UserError
from zoo.models import blocks, checks
from zoo.models.graph import VanishedError, walk
from zoo.models.layers import FitSize
from zoo.models.strides import output_strides
from zoo.models.style import Residual, Style

_STYLE = Style()
# Two 3x3 convolutions take away two positions each.
_BORDERS = 4
_LARGEST = 2**14


def unet2015(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    padding: str = "same",
    style: Style = _STYLE,
) -> keras.KerasTensor:
    """The original U-Net's way up, with centre-cropped skips; padding="valid" as published.

    Ronneberger et al. 2015 (arXiv:1505.04597, figure 1): 2x2 up-convolutions as wide as the skip,
    the skip cropped to the enlarged map, two 3x3 convolutions. With ``encoder="plain"``,
    ``filters=(64, 128, 256, 512, 1024)``, ``padding="valid"`` (the encoder's as well) and
    ``normalization=None`` it is the paper's network: 388x388 of 572x572 pixels, 92 from each
    border, get an answer of their own. Those outside repeat the nearest one that has, so that the
    mask is as large as the picture; for true answers there, do as the paper does and mirror the
    picture at its borders before it goes in.

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input, float [n, h, w, c]; its size is the result's.
        padding: ``"valid"`` as in the paper, for maps large enough, or ``"same"``, for any.
        style: See :class:`zoo.models.style.Style`.

    Returns:
        float [n, h, w, channels of the finest map].

    Raises:
        UserError: If the map would vanish, or for a value that no decoder can be built from.
    """
    checks.one_of("padding", padding, ("same", "valid"))
    options = Residual(residual=False, padding=padding, **vars(style))
    strides = output_strides(image, features)
    factors = [coarse // fine for fine, coarse in itertools.pairwise(strides)]
    if padding == "valid":
        _refuse_vanishing(image, features[-1], factors)

    x = features[-1]
    for level in reversed(range(len(factors))):
        name = f"up{level + 1}"
        width = features[level].shape[-1]
        x = blocks.enlarge(x, width, factors[level], style=style, name=name)
        skip = FitSize("center_crop", name=f"{name}_crop")([features[level], x])
        x = keras.layers.Concatenate(name=f"{name}_concat")([skip, x])
        x = blocks.basic_block(x, width, options=options, name=f"{name}_block")
    x = blocks.enlarge(x, x.shape[-1], strides[0], style=style, name="full")
    method = "extend" if padding == "valid" else "crop"
    return FitSize(method, name="full_fit")([x, image])


def _refuse_vanishing(
    image: keras.KerasTensor, coarsest: keras.KerasTensor, factors: Sequence[int]
) -> None:
    vanished = [
        size for size in coarsest.shape[1:3] if size is not None and not _is_left(size, factors)
    ]
    if not vanished:
        return
    graph = keras.Function(image, coarsest)

    def works(side: int) -> bool:
        spec = keras.KerasTensor((1, side, side, image.shape[-1]), dtype=image.dtype)
        try:
            return _is_left(walk(graph, [spec])[0].shape[1], factors)
        except VanishedError:
            return False

    sides = range(1, _LARGEST)
    smallest = sides[bisect.bisect_left(sides, True, key=works)]
    raise UserError(
        f"decoder 'unet2015' with padding='valid' takes {_BORDERS} positions from every map, and "
        f"the encoder's coarsest map has {min(vanished)}, of which nothing is left; the smallest "
        f"input that works is {smallest}x{smallest}, and padding='same' takes any"
    )


def _is_left(size: int, factors: Sequence[int]) -> bool:
    """Whether anything is left of a coarsest map of this height or width."""
    for factor in reversed(factors):
        size = factor * size - _BORDERS
        if size < 1:
            return False
    return True
