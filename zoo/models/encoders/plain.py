"""The plain encoder: stages of convolutions, with every architectural choice a switch.

``compact`` is the setting of these switches that buys most accuracy for a processor second on
pictures of 32 to 128 pixels: a stride of 2 in the very first convolution, no stem besides, max
pooling and shortcuts. ``benchmarks/encoders.py`` measured it against other blocks and layouts;
docs/encoders.md has the table.
"""

from collections.abc import Sequence
from functools import partial

import keras

from zoo.models import checks
from zoo.models.about import tell
from zoo.models.blocks import basic_block
from zoo.models.stages import stages
from zoo.models.style import Residual

_OPTIONS = Residual(downsample="max", residual=False)


def plain(
    image: keras.KerasTensor,
    /,
    *,
    filters: Sequence[int] = (16, 32, 64),
    blocks: int | Sequence[int] = 1,
    stem_stride: int = 1,
    options: Residual = _OPTIONS,
) -> list[keras.KerasTensor]:
    """Stages of two-convolution blocks; each stage but the first halves the size.

    Args:
        image: float [n, h, w, c], scaled.
        filters: Width of each stage.
        blocks: Blocks of each stage, one number for all or one a stage.
        stem_stride: Stride of the very first convolution, 1 or 2.
        options: See :class:`zoo.models.style.Residual`; by default max pooling and no shortcuts.
            A shortcut is a 1x1 convolution where the shape changes.

    Returns:
        One map a stage, of strides ``stem_stride`` times 1, 2, 4, ...

    Raises:
        UserError: For a value that no network can be built from.
    """
    return stages(
        image,
        filters=filters,
        blocks=blocks,
        block=basic_block,
        options=options,
        first_stride=checks.one_of("stem_stride", stem_stride, (1, 2)),
    )


tell(plain, size=64)
compact = tell(partial(plain, stem_stride=2, options=Residual(downsample="max")), size=64)
