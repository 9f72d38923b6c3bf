"""ResNets for larger pictures, and their relatives ResNeXt and wide ResNet.

A 7x7 convolution of stride 2, a 3x3 max pooling of stride 2 and four stages, 64, 128, 256 and 512
wide: of two-convolution blocks in ResNet-18 and 34 (He et al. 2016, arXiv:1512.03385, table 1), of
bottlenecks with 32 groups in ResNeXt (Xie et al. 2017, arXiv:1611.05431), and twice as wide
inside in wide ResNet-50-2 (Zagoruyko and Komodakis 2016, arXiv:1605.07146). Shortcuts are option
B, as in torchvision: identity, and a 1x1 convolution with normalization where the shape changes.

With torchvision's weights they answer as torchvision's do for inputs of 32 k + 1 pixels. For even
sizes ``padding="same"`` pads strided windows at the bottom and right alone, torchvision on both
sides, which shifts the maps by half a position.
"""

from collections.abc import Callable, Sequence
from functools import partial

import keras

from zoo.models import checks
from zoo.models.blocks import basic_block, bottleneck_block, convolution
from zoo.models.stages import stages
from zoo.models.style import Residual

_OPTIONS = Residual()
_WIDTHS = (64, 128, 256, 512)


def _resnet(
    blocks: Sequence[int],
    image: keras.KerasTensor,
    /,
    *,
    filters: Sequence[int] = _WIDTHS,
    stem_stride: int = 2,
    options: Residual = _OPTIONS,
) -> list[keras.KerasTensor]:
    """Residual network for pictures of 64 pixels and more: a stem of stride 4 and four stages.

    Args:
        blocks: Blocks of each stage.
        image: float [n, h, w, c], scaled.
        filters: Width of each of the four stages; the stem is as wide as the first.
        stem_stride: Stride of the stem's convolution, 1 or 2; its pooling has 2 besides.
        options: See :class:`zoo.models.style.Residual`. ``residual=False`` gives the paper's
            plain network of the same depth.

    Returns:
        The map of the stem's convolution and one a stage, of strides ``stem_stride`` times
        1, 2, 4, 8 and 16.

    Raises:
        UserError: For a value that no network can be built from.
    """
    return _with_stem(blocks, basic_block, image, filters, stem_stride, options)


def _resnext(
    blocks: Sequence[int],
    group_width: int,
    image: keras.KerasTensor,
    /,
    *,
    filters: Sequence[int] = _WIDTHS,
    groups: int = 32,
    stem_stride: int = 2,
    options: Residual = _OPTIONS,
) -> list[keras.KerasTensor]:
    """ResNeXt: bottlenecks whose middle convolution is in groups; a stem and four stages.

    Args:
        blocks: Blocks of each stage.
        group_width: Channels of a group in a stage of 64, in proportion in others.
        image: float [n, h, w, c], scaled.
        filters: A quarter of the width of each of the four stages; the stem is as wide as the
            first number.
        groups: Groups of the middle convolutions.
        stem_stride: Stride of the stem's convolution, 1 or 2; its pooling has 2 besides.
        options: See :class:`zoo.models.style.Residual`.

    Returns:
        The map of the stem's convolution and one a stage, of strides ``stem_stride`` times
        1, 2, 4, 8 and 16.

    Raises:
        UserError: For a value that no network can be built from.
    """
    groups = checks.whole("groups", groups)

    def width(stage_width: int) -> int:
        return groups * max(group_width * stage_width // 64, 1)

    block = partial(bottleneck_block, width=width, groups=groups)
    return _with_stem(blocks, block, image, filters, stem_stride, options)


def _wide_bottlenecks(
    blocks: Sequence[int],
    image: keras.KerasTensor,
    /,
    *,
    filters: Sequence[int] = _WIDTHS,
    stem_stride: int = 2,
    options: Residual = _OPTIONS,
) -> list[keras.KerasTensor]:
    """Wide ResNet of bottlenecks, twice as wide inside as ResNet-50's; a stem and four stages.

    Args:
        blocks: Blocks of each stage.
        image: float [n, h, w, c], scaled.
        filters: A quarter of the width of each of the four stages; the stem is as wide as the
            first number.
        stem_stride: Stride of the stem's convolution, 1 or 2; its pooling has 2 besides.
        options: See :class:`zoo.models.style.Residual`.

    Returns:
        The map of the stem's convolution and one a stage, of strides ``stem_stride`` times
        1, 2, 4, 8 and 16.

    Raises:
        UserError: For a value that no network can be built from.
    """
    block = partial(bottleneck_block, width=lambda stage_width: 2 * stage_width)
    return _with_stem(blocks, block, image, filters, stem_stride, options)


def _with_stem(
    blocks: Sequence[int],
    block: Callable[..., keras.KerasTensor],
    image: keras.KerasTensor,
    filters: Sequence[int],
    stem_stride: int,
    options: Residual,
) -> list[keras.KerasTensor]:
    filters = checks.per_stage("filters", checks.wholes("filters", filters), len(blocks))
    stride = checks.one_of("stem_stride", stem_stride, (1, 2))
    stem = convolution(
        image,
        filters[0],
        7,
        style=options,
        stride=stride,
        padding=options.padding,
        name="stem",
    )
    pool = keras.layers.MaxPooling2D(3, 2, padding=options.padding, name="stem_pool")
    deeper = stages(
        pool(stem),
        filters=filters,
        blocks=blocks,
        block=block,
        options=options,
        stride=2 * stride,
    )
    return [stem, *deeper]


resnet18 = partial(_resnet, (2, 2, 2, 2))
resnet34 = partial(_resnet, (3, 4, 6, 3))
resnext50 = partial(_resnext, (3, 4, 6, 3), 4)
resnext101 = partial(_resnext, (3, 4, 23, 3), 8)
wide_resnet50 = partial(_wide_bottlenecks, (3, 4, 6, 3))
