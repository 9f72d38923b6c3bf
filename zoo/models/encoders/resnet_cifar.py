"""The ResNets for small pictures of He et al. 2016 (arXiv:1512.03385), section 4.2.

A 3x3 convolution and three stages of n two-convolution blocks, 16, 32 and 64 wide: with the
dense layer 6n + 2 layers with weights. Shortcuts are option A, identity with channels of zeros,
as in the paper's table 6 (0.27, 0.46, 0.66, 0.85 and 1.7 million parameters).
"""

from collections.abc import Sequence
from functools import partial

import keras

from zoo.models import checks
from zoo.models.blocks import check_style, convolution
from zoo.models.stages import stages


def _resnet_cifar(
    blocks: int,
    image: keras.KerasTensor,
    /,
    *,
    filters: Sequence[int] = (16, 32, 64),
    kernel_size: int | Sequence[int] = 3,
    dilation: int | Sequence[int] = 1,
    padding: str = "same",
    downsample: str = "stride",
    residual: bool = True,
    normalization: str | None = "batch",
    block_activation: str = "relu",
    dropout: float = 0.0,
    stem_stride: int = 1,
) -> list[keras.KerasTensor]:
    """Residual network for small pictures: three stages of narrow blocks at full size and below.

    Returns one map a stage; options as for :func:`zoo.models.encoders.plain.plain`.
    ``residual=False`` gives the paper's plain network of the same depth.
    """
    filters = checks.wholes("filters", filters)
    checks.one_of("padding", padding, ("same", "valid"))
    check_style(normalization, block_activation, dropout)
    x = convolution(
        image,
        filters[0],
        3,
        stride=checks.one_of("stem_stride", stem_stride, (1, 2)),
        padding=padding,
        normalization=normalization,
        activation=block_activation,
        name="stem",
    )
    return stages(
        x,
        filters=filters,
        blocks=blocks,
        kernel_size=kernel_size,
        dilation=dilation,
        padding=padding,
        downsample=downsample,
        residual=residual,
        shortcut="pad",
        normalization=normalization,
        block_activation=block_activation,
        dropout=dropout,
    )


resnet20 = partial(_resnet_cifar, 3)
resnet32 = partial(_resnet_cifar, 5)
resnet44 = partial(_resnet_cifar, 7)
resnet56 = partial(_resnet_cifar, 9)
resnet110 = partial(_resnet_cifar, 18)
