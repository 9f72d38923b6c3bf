"""The U-Net's way up, for any encoder and size."""

from collections.abc import Sequence

import keras

from zoo.errors import UserError
from zoo.models import blocks, checks
from zoo.models.strides import output_strides
from zoo.models.style import Residual, Style

_STYLE = Style()


def unet(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    decoder_filters: Sequence[int] | None = None,
    residual: bool = False,
    upsample: str = "transpose",
    style: Style = _STYLE,
) -> keras.KerasTensor:
    """The U-Net's way up (Ronneberger et al. 2015, arXiv:1505.04597), for any encoder and size.

    From the coarsest map up, each is enlarged, fitted to the next finer one, joined with it and
    put through a two-convolution block. Where the finest map has a stride itself, the last
    enlargements to the image's size have no skip and no block behind them: at full size a block
    would cost more than all the others together.

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input, float [n, h, w, c]; its size is the result's.
        decoder_filters: Width of the block at each map but the coarsest, fine to coarse; by
            default as wide as the maps.
        residual: A shortcut around each block.
        upsample: ``"transpose"``, ``"nearest"`` or ``"bilinear"``; see
            :func:`zoo.models.blocks.upsample`.
        style: See :class:`zoo.models.style.Style`.

    Returns:
        float [n, h, w, decoder_filters[0]].

    Raises:
        UserError: For a value that no decoder can be built from.
    """
    options = Residual(residual=residual, **vars(style))
    widths = _widths(features, decoder_filters)
    strides = output_strides(image, features)

    x = features[-1]
    for level in reversed(range(len(features) - 1)):
        name = f"up{level + 1}"
        skip = features[level]
        factor = strides[level + 1] // strides[level]
        x = blocks.upsample(x, skip, widths[level], factor, upsample, style=style, name=name)
        x = keras.layers.Concatenate(name=f"{name}_concat")([skip, x])
        x = blocks.basic_block(x, widths[level], options=options, name=f"{name}_block")
    return blocks.upsample(x, image, widths[0], strides[0], upsample, style=style, name="full")


def _widths(
    features: Sequence[keras.KerasTensor], decoder_filters: Sequence[int] | None
) -> tuple[int, ...]:
    if decoder_filters is None:
        return tuple(skip.shape[-1] for skip in features)[: max(len(features) - 1, 1)]
    widths = checks.wholes("decoder_filters", decoder_filters)
    if len(widths) != max(len(features) - 1, 1):
        raise UserError(
            f"decoder_filters={decoder_filters!r} has {len(widths)} numbers and the decoder "
            f"{max(len(features) - 1, 1)} levels; give one for each, fine to coarse"
        )
    return widths
