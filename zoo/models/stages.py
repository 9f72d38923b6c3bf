"""The way down that the zoo's own encoders share: stages of blocks, each half as large."""

from collections.abc import Sequence

import keras

from zoo.models import checks
from zoo.models.blocks import basic_block, check_style


def stages(
    x: keras.KerasTensor,
    *,
    filters: Sequence[int],
    blocks: int | Sequence[int],
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int],
    padding: str,
    downsample: str,
    residual: bool,
    shortcut: str,
    normalization: str | None,
    block_activation: str,
    dropout: float,
    first_stride: int = 1,
) -> list[keras.KerasTensor]:
    """A stack of stages of basic blocks, each but the first at half the size before it.

    Args:
        x: float [n, h, w, c].
        filters: Width of each stage; their number is the number of stages.
        blocks: Basic blocks of each stage.
        kernel_size: Height and width of each stage's kernels.
        dilation: Dilation of each stage; a convolution with a stride is undilated.
        padding: ``"same"`` or ``"valid"``, for convolutions and pooling.
        downsample: ``"max"`` or ``"average"`` (2x2 pooling before a stage), or ``"stride"`` (its
            first convolution has stride 2).
        residual: Whether the blocks have shortcuts.
        shortcut: See :func:`basic_block`.
        normalization: See :func:`normalize`.
        block_activation: Name of a Keras activation.
        dropout: Rate of the spatial dropout inside each block.
        first_stride: Stride of the very first convolution.

    Returns:
        The last map of each stage, fine to coarse.

    Raises:
        UserError: For a value that no network can be built from.
    """
    filters = checks.wholes("filters", filters)
    blocks = checks.per_stage("blocks", blocks, len(filters))
    kernel_size = checks.per_stage("kernel_size", kernel_size, len(filters))
    dilation = checks.per_stage("dilation", dilation, len(filters))
    checks.one_of("padding", padding, ("same", "valid"))
    checks.one_of("downsample", downsample, ("max", "average", "stride"))
    checks.one_of("residual", residual, (True, False))
    check_style(normalization, block_activation, dropout)

    features = []
    for stage, width in enumerate(filters, start=1):
        stride = first_stride
        if stage > 1:
            stride = 2 if downsample == "stride" else 1
            x = _pool(x, downsample, padding, name=f"stage{stage}_pool")
        for block in range(1, blocks[stage - 1] + 1):
            x = basic_block(
                x,
                width,
                kernel_size[stage - 1],
                stride=stride if block == 1 else 1,
                dilation=dilation[stage - 1],
                padding=padding,
                residual=residual,
                shortcut=shortcut,
                normalization=normalization,
                activation=block_activation,
                dropout=dropout,
                name=f"stage{stage}_block{block}",
            )
        features.append(x)
    return features


def _pool(x: keras.KerasTensor, downsample: str, padding: str, name: str) -> keras.KerasTensor:
    if downsample == "max":
        return keras.layers.MaxPooling2D(2, padding=padding, name=name)(x)
    if downsample == "average":
        return keras.layers.AveragePooling2D(2, padding=padding, name=name)(x)
    return x
