"""The way down that the zoo's own encoders share: stages of blocks, each half as large."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from zoo.errors import UserError
from zoo.models import checks
from zoo.models.blocks import activate
from zoo.models.style import Layout, Residual


def stages(
    x: keras.KerasTensor,
    *,
    filters: Sequence[int],
    blocks: int | Sequence[int],
    block: Callable[..., keras.KerasTensor],
    options: Layout,
    stride: int = 1,
    first_stride: int = 1,
) -> list[keras.KerasTensor]:
    """A stack of stages of blocks, each but the first at half the size before it.

    Args:
        x: float [n, h, w, c].
        filters: Width of each stage; their number is the number of stages.
        blocks: Blocks of each stage.
        block: One of :mod:`zoo.models.blocks`: ``block(x, filters, kernel_size, *, options,
            stride, dilation, depth, activated, name)``.
        options: The layout of the stages, and what the blocks are made of.
        stride: Stride of ``x``.
        first_stride: Stride of the very first convolution.

    Returns:
        The last map of each stride, fine to coarse; with pre-activation, normalised and
        activated.

    Raises:
        UserError: For a value that no network can be built from.
    """
    filters = checks.wholes("filters", filters)
    blocks = checks.per_stage("blocks", blocks, len(filters))
    kernel_size = checks.per_stage("kernel_size", options.kernel_size, len(filters))
    dilation = checks.per_stage("dilation", options.dilation, len(filters))
    preactivation = isinstance(options, Residual) and options.preactivation
    stride *= first_stride
    reached = [stride * 2**level for level in range(len(filters))]
    if options.output_stride not in (*reached, None):
        raise UserError(
            f"output_stride={options.output_stride!r} is none that the stages reach; "
            f"give {' or '.join(map(str, reached))}"
        )

    features: dict[int, keras.KerasTensor] = {}
    widening, done = 1, 0
    for stage, width in enumerate(filters, start=1):
        step = first_stride
        if stage > 1:
            step, widening = (2, 1) if stride != options.output_stride else (1, 2 * widening)
            stride *= step
            if step > 1 and options.downsample != "stride":
                x, step = _pooled(x, options, name=f"stage{stage}_pool"), 1
        for number in range(1, blocks[stage - 1] + 1):
            done += 1
            x = block(
                x,
                width,
                kernel_size[stage - 1],
                options=options,
                stride=step if number == 1 else 1,
                dilation=dilation[stage - 1] * widening,
                depth=done / sum(blocks),
                activated=number == 1,
                name=f"stage{stage}_block{number}",
            )
        if preactivation:
            x = activate(x, options, name=f"stage{stage}")
        features[stride] = x
    return list(features.values())


def _pooled(x: keras.KerasTensor, options: Layout, name: str) -> Any:
    pooling = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}
    return pooling[options.downsample](2, padding=options.padding, name=name)(x)
