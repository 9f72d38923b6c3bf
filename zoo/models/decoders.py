"""Decoders: functions from feature maps to one map at the size of the image.

Every public function here is one. It is called as ``decoder(features, image, *, options...)`` with
the feature maps, fine to coarse, and the model's input, and never asks which encoder they are
from.
"""

import sys
from collections.abc import Sequence

import keras

from zoo.errors import UserError
from zoo.models import blocks, checks
from zoo.models.layers import FitSize
from zoo.models.menu import public_functions
from zoo.models.strides import output_strides


def unet(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    decoder_filters: Sequence[int] | None = None,
    residual: bool = False,
    normalization: str | None = "batch",
    block_activation: str = "relu",
    dropout: float = 0.0,
    upsample: str = "transpose",
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
        normalization: ``"batch"``, ``"group"``, ``"layer"`` or ``None``.
        block_activation: Name of a Keras activation.
        dropout: Rate of the spatial dropout inside each block.
        upsample: ``"transpose"``, a transposed convolution, or ``"nearest"``.

    Returns:
        float [n, h, w, decoder_filters[0]].

    Raises:
        UserError: For a value that no decoder can be built from.
    """
    blocks.check_style(normalization, block_activation, dropout)
    checks.one_of("residual", residual, (True, False))
    checks.one_of("upsample", upsample, blocks.UPSAMPLINGS)
    widths = _widths(features, decoder_filters)
    strides = output_strides(image, features)

    x = features[-1]
    for level in reversed(range(len(features) - 1)):
        name = f"up{level + 1}"
        skip = features[level]
        x = blocks.upsample(
            x,
            widths[level],
            strides[level + 1] // strides[level],
            upsample,
            normalization=normalization,
            activation=block_activation,
            name=name,
        )
        x = FitSize(name=f"{name}_fit")([x, skip])
        x = keras.layers.Concatenate(name=f"{name}_concat")([skip, x])
        x = blocks.basic_block(
            x,
            widths[level],
            residual=residual,
            normalization=normalization,
            activation=block_activation,
            dropout=dropout,
            name=f"{name}_block",
        )
    x = blocks.upsample(
        x,
        widths[0],
        strides[0],
        upsample,
        normalization=normalization,
        activation=block_activation,
        name="full",
    )
    return FitSize(name="full_fit")([x, image])


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


# At the end, where all of them are defined.
DECODERS = public_functions(sys.modules[__name__])
