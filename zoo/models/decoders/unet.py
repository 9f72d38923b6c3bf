"""The U-Net's way up and its nested relative, for any encoder and size."""

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
    attention: bool = False,
    style: Style = _STYLE,
) -> keras.KerasTensor:
    """The U-Net's way up, from the coarsest map to the finest with a skip from each.

    Ronneberger et al. 2015 (arXiv:1505.04597), made to fit any size. From the coarsest map up,
    each is enlarged, fitted to the next finer one, joined with it and put through a
    two-convolution block. Where the finest map has a stride itself, the last enlargements to the
    image's size have no skip and no block behind them: at full size a block would cost more than
    all the others together.

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input, float [n, h, w, c]; its size is the result's.
        decoder_filters: Width of the block at each map but the coarsest, fine to coarse; by
            default as wide as the maps.
        residual: A shortcut around each block.
        upsample: ``"transpose"``, ``"nearest"`` or ``"bilinear"``; see
            :func:`zoo.models.blocks.upsample`.
        attention: Whether each skip is weighed, position by position, by what the coarser map
            says of it (Oktay et al. 2018, arXiv:1804.03999); see
            :func:`zoo.models.blocks.attention_gate`.
        style: See :class:`zoo.models.style.Style`.

    Returns:
        float [n, h, w, decoder_filters[0]].

    Raises:
        UserError: For a value that no decoder can be built from.
    """
    checks.one_of("attention", attention, (True, False))
    options = Residual(residual=residual, **vars(style))
    widths = _widths(features, decoder_filters)
    strides = output_strides(image, features)

    x = features[-1]
    for level in reversed(range(len(features) - 1)):
        name = f"up{level + 1}"
        skip = features[level]
        if attention:
            skip = blocks.attention_gate(skip, x, style=style, name=f"{name}_gate")
        factor = strides[level + 1] // strides[level]
        x = blocks.upsample(x, skip, widths[level], factor, upsample, style=style, name=name)
        x = keras.layers.Concatenate(name=f"{name}_concat")([skip, x])
        x = blocks.basic_block(x, widths[level], options=options, name=f"{name}_block")
    return blocks.upsample(x, image, widths[0], strides[0], upsample, style=style, name="full")


def unetplusplus(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    decoder_filters: Sequence[int] | None = None,
    residual: bool = False,
    upsample: str = "transpose",
    style: Style = _STYLE,
) -> keras.KerasTensor:
    """U-Net++: a U-Net on every depth of the encoder, each joined with all the shallower ones.

    Zhou et al. 2018 (arXiv:1807.10165, figure 1a), without deep supervision. Node (level, step)
    joins all the nodes before it on its level with the enlarged node (level + 1, step - 1), and
    is a two-convolution block; step 0 are the encoder's maps. The result is the finest level's
    last node, brought to the image's size as the U-Net's is.

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input, float [n, h, w, c]; its size is the result's.
        decoder_filters: Width of the nodes at each map but the coarsest, fine to coarse; by
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

    rows = [[feature] for feature in features]
    for step in range(1, len(features)):
        for level in range(len(features) - step):
            name = f"node{level + 1}_{step}"
            row, width = rows[level], widths[level]
            factor = strides[level + 1] // strides[level]
            x = blocks.upsample(
                rows[level + 1][step - 1], row[0], width, factor, upsample, style=style, name=name
            )
            x = keras.layers.Concatenate(name=f"{name}_concat")([*row, x])
            row.append(blocks.basic_block(x, width, options=options, name=f"{name}_block"))
    return blocks.upsample(
        rows[0][-1], image, widths[0], strides[0], upsample, style=style, name="full"
    )


def _widths(
    features: Sequence[keras.KerasTensor], decoder_filters: Sequence[int] | None
) -> tuple[int, ...]:
    levels = max(len(features) - 1, 1)
    if decoder_filters is None:
        return tuple(skip.shape[-1] for skip in features[:levels])
    widths = checks.wholes("decoder_filters", decoder_filters)
    if len(widths) != levels:
        raise UserError(
            f"decoder_filters={decoder_filters!r} has {len(widths)} numbers and the decoder "
            f"{levels} levels; give one for each, fine to coarse"
        )
    return widths
