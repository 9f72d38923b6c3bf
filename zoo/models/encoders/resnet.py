"""ResNet-18 and ResNet-34 of He et al. 2016 (arXiv:1512.03385), table 1.

A 7x7 convolution of stride 2, a 3x3 max pooling of stride 2 and four stages of two-convolution
blocks, 64, 128, 256 and 512 wide. Shortcuts are option B, as in torchvision: identity, and a
1x1 convolution with normalization where the shape changes.
"""

from collections.abc import Sequence
from functools import partial

import keras

from zoo.models import checks
from zoo.models.blocks import check_style, convolution
from zoo.models.stages import stages


def _resnet(
    blocks: Sequence[int],
    image: keras.KerasTensor,
    /,
    *,
    filters: Sequence[int] = (64, 128, 256, 512),
    kernel_size: int | Sequence[int] = 3,
    dilation: int | Sequence[int] = 1,
    padding: str = "same",
    downsample: str = "stride",
    residual: bool = True,
    normalization: str | None = "batch",
    block_activation: str = "relu",
    dropout: float = 0.0,
    stem_stride: int = 2,
) -> list[keras.KerasTensor]:
    """Residual network for pictures of 64 pixels and more: a stem of stride 4 and four stages.

    Returns the stem's map and one a stage; options as for the plain encoder.
    ``filters`` has one number for each of the four stages. ``residual=False`` gives the paper's
    plain network of the same depth.
    """
    filters = checks.per_stage("filters", checks.wholes("filters", filters), len(blocks))
    checks.one_of("padding", padding, ("same", "valid"))
    check_style(normalization, block_activation, dropout)
    stem = convolution(
        image,
        filters[0],
        7,
        stride=checks.one_of("stem_stride", stem_stride, (1, 2)),
        padding=padding,
        normalization=normalization,
        activation=block_activation,
        name="stem",
    )
    pooled = keras.layers.MaxPooling2D(3, 2, padding=padding, name="stem_pool")(stem)
    return [
        stem,
        *stages(
            pooled,
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
        ),
    ]


resnet18 = partial(_resnet, (2, 2, 2, 2))
resnet34 = partial(_resnet, (3, 4, 6, 3))
