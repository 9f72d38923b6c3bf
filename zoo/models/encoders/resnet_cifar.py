"""The ResNets for small pictures of He et al. 2016 (arXiv:1512.03385), section 4.2.

A 3x3 convolution and three stages of n two-convolution blocks, 16, 32 and 64 wide: with the
dense layer 6n + 2 layers with weights. Shortcuts are option A, identity with channels of zeros,
as in the paper's table 6 (0.27, 0.46, 0.66, 0.85 and 1.7 million parameters), which
begins at depth 20; ``resnet8`` has one block a stage.
"""

from collections.abc import Sequence
from functools import partial

import keras

from zoo.models import checks
from zoo.models.about import tell
from zoo.models.blocks import basic_block, convolution
from zoo.models.stages import stages
from zoo.models.style import Residual

_OPTIONS = Residual()


def _resnet_cifar(
    blocks: int,
    image: keras.KerasTensor,
    /,
    *,
    filters: Sequence[int] = (16, 32, 64),
    stem_stride: int = 1,
    options: Residual = _OPTIONS,
) -> list[keras.KerasTensor]:
    """Residual network for small pictures: three stages of narrow blocks at full size and below.

    Args:
        blocks: Blocks of each stage.
        image: float [n, h, w, c], scaled.
        filters: Width of each stage; the stem is as wide as the first.
        stem_stride: Stride of the stem, 1 or 2.
        options: See :class:`zoo.models.style.Residual`. ``residual=False`` gives the paper's
            plain network of the same depth, ``preactivation=True`` the order of He et al.'s
            second paper (arXiv:1603.05027).

    Returns:
        One map a stage, of strides ``stem_stride`` times 1, 2 and 4.

    Raises:
        UserError: For a value that no network can be built from.
    """
    filters = checks.wholes("filters", filters)
    stride = checks.one_of("stem_stride", stem_stride, (1, 2))
    x = convolution(
        image,
        filters[0],
        3,
        style=options,
        stride=stride,
        padding=options.padding,
        name="stem",
    )
    return stages(
        x,
        filters=filters,
        blocks=blocks,
        block=partial(basic_block, shortcut="pad"),
        options=options,
        stride=stride,
    )


resnet8 = tell(partial(_resnet_cifar, 1), size=32)
resnet20 = tell(partial(_resnet_cifar, 3), size=32)
resnet32 = tell(partial(_resnet_cifar, 5), size=32)
resnet44 = tell(partial(_resnet_cifar, 7), size=32)
resnet56 = tell(partial(_resnet_cifar, 9), size=32)
resnet110 = tell(partial(_resnet_cifar, 18), size=32)
