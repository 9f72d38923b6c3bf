"""The plain encoder: stages of convolutions, with every architectural choice a switch."""

from collections.abc import Sequence

import keras

from zoo.models import checks
from zoo.models.stages import stages


def plain(
    image: keras.KerasTensor,
    /,
    *,
    filters: Sequence[int] = (16, 32, 64),
    blocks: int | Sequence[int] = 1,
    kernel_size: int | Sequence[int] = 3,
    dilation: int | Sequence[int] = 1,
    padding: str = "same",
    downsample: str = "max",
    residual: bool = False,
    normalization: str | None = "batch",
    block_activation: str = "relu",
    dropout: float = 0.0,
    stem_stride: int = 1,
) -> list[keras.KerasTensor]:
    """Stages of two-convolution blocks; each stage but the first halves the size.

    Options for stages take one number for all, or one a stage.

    Args:
        image: float [n, h, w, c], scaled.
        filters: Width of each stage.
        blocks: Blocks of each stage; a block is two convolutions.
        kernel_size: Height and width of the kernels.
        dilation: Step between a kernel's taps: a wider field of view at the same cost.
        padding: ``"same"`` keeps the size; ``"valid"`` takes a border at every convolution.
        downsample: ``"max"`` or ``"average"`` pooling, or ``"stride"``, a strided convolution.
        residual: A shortcut around each block; a 1x1 convolution where its shape changes.
        normalization: ``"batch"``, ``"group"``, ``"layer"`` or ``None``.
        block_activation: Name of a Keras activation.
        dropout: Rate of the spatial dropout inside each block.
        stem_stride: Stride of the very first convolution, 1 or 2.

    Returns:
        One map a stage, of strides ``stem_stride`` times 1, 2, 4, ...

    Raises:
        UserError: For a value that no network can be built from.
    """
    return stages(
        image,
        filters=filters,
        blocks=blocks,
        kernel_size=kernel_size,
        dilation=dilation,
        padding=padding,
        downsample=downsample,
        residual=residual,
        shortcut="project",
        normalization=normalization,
        block_activation=block_activation,
        dropout=dropout,
        first_stride=checks.one_of("stem_stride", stem_stride, (1, 2)),
    )
