"""Wide ResNets of Zagoruyko and Komodakis 2016 (arXiv:1605.07146): few blocks, many channels.

Pre-activation blocks of two 3x3 convolutions in three stages 16, 32 and 64 times k wide, behind a
3x3 convolution to 16 channels. A network of depth d has (d - 4) / 6 blocks a stage. With ten
classes 16-4 has 2.7, 28-10 has 36.5 million parameters (table 4; the paper drops 0.3 inside the
blocks of some: ``dropout=0.3``).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras

from zoo.models import checks
from zoo.models.about import tell
from zoo.models.blocks import basic_block, convolution
from zoo.models.stages import stages
from zoo.models.style import Residual

_OPTIONS = Residual(preactivation=True)


def _wide_resnet(
    depth: int,
    image: keras.KerasTensor,
    /,
    *,
    filters: Sequence[int] = (16, 32, 64),
    stem_stride: int = 1,
    options: Residual = _OPTIONS,
) -> list[keras.KerasTensor]:
    """Wide residual network for small pictures: three stages of few, wide blocks.

    Args:
        depth: Convolutions on the longest way.
        image: float [n, h, w, c], scaled.
        filters: Width of each stage.
        stem_stride: Stride of the stem, 1 or 2.
        options: See :class:`zoo.models.style.Residual`; by default with pre-activation.

    Returns:
        One map a stage, of strides ``stem_stride`` times 1, 2 and 4.

    Raises:
        UserError: For a value that no network can be built from.
    """
    stride = checks.one_of("stem_stride", stem_stride, (1, 2))
    x = convolution(
        image, 16, 3, style=options, stride=stride, padding=options.padding, name="stem"
    )
    return stages(
        x,
        filters=filters,
        blocks=(depth - 4) // 6,
        block=basic_block,
        options=options,
        stride=stride,
    )


def _widened(depth: int, widening: int) -> Callable[..., Any]:
    filters = (16 * widening, 32 * widening, 64 * widening)
    return tell(partial(_wide_resnet, depth, filters=filters), size=32)


wide_resnet16_4 = _widened(16, 4)
wide_resnet28_10 = _widened(28, 10)
wide_resnet40_4 = _widened(40, 4)
