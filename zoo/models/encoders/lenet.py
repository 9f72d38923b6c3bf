"""LeNet-5 of LeCun et al. 1998 ("Gradient-based learning applied to document recognition").

Three 5x5 convolutions without padding, with averages of 2x2 between and tanh throughout. The paper
has a partial table of connections in the second, trained weights in its pooling and radial basis
functions at the end, 60,000 parameters; with full connections and a dense end they are 61,706:
``head="flatten"``, ``hidden=84``, ``block_activation="tanh"``, 32x32 pixels.
"""

from collections.abc import Sequence

import keras

from zoo.models.about import tell
from zoo.models.blocks import convolution_block
from zoo.models.stages import stages
from zoo.models.style import Layout

_OPTIONS = Layout(
    kernel_size=5,
    padding="valid",
    downsample="average",
    normalization=None,
    block_activation="tanh",
)


def lenet5(
    image: keras.KerasTensor,
    /,
    *,
    filters: Sequence[int] = (6, 16, 120),
    options: Layout = _OPTIONS,
) -> list[keras.KerasTensor]:
    """Three 5x5 convolutions with average pooling between: the network that read cheques.

    Args:
        image: float [n, h, w, c], scaled.
        filters: Width of each stage.
        options: See :class:`zoo.models.style.Layout`; by default 5x5 kernels without padding,
            average pooling, tanh and no normalization.

    Returns:
        One map a stage, of strides 1, 2 and 4.

    Raises:
        UserError: For a value that no network can be built from.
    """
    return stages(image, filters=filters, blocks=1, block=convolution_block, options=options)


tell(lenet5, size=32)
