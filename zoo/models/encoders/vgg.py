"""VGG-11 and VGG-13 of Simonyan and Zisserman 2015 (arXiv:1409.1556), tables 1 and 2.

Five stages of 3x3 convolutions with max pooling behind each. With ``head="flatten"``,
``hidden=(4096, 4096)``, 224 pixels and 1000 classes they have the paper's 133 million parameters.
VGG-16 and VGG-19 are those of ``keras.applications``.
"""

from collections.abc import Sequence
from functools import partial

import keras

from zoo.models import checks
from zoo.models.blocks import convolution_block
from zoo.models.stages import stages
from zoo.models.style import Layout

_OPTIONS = Layout(downsample="max", normalization=None)


def _vgg(
    blocks: Sequence[int],
    image: keras.KerasTensor,
    /,
    *,
    filters: Sequence[int] = (64, 128, 256, 512, 512),
    options: Layout = _OPTIONS,
) -> list[keras.KerasTensor]:
    """Five stages of 3x3 convolutions with max pooling between, no shortcuts.

    Args:
        blocks: Convolutions of each stage.
        image: float [n, h, w, c], scaled.
        filters: Width of each of the five stages.
        options: See :class:`zoo.models.style.Layout`; by default max pooling and no
            normalization.

    Returns:
        One map a stage and the last one pooled, of strides 1, 2, 4, 8, 16 and 32; with
        ``output_stride`` the last one is not pooled.

    Raises:
        UserError: For a value that no network can be built from.
    """
    filters = checks.per_stage("filters", checks.wholes("filters", filters), len(blocks))
    features = stages(
        image, filters=filters, blocks=blocks, block=convolution_block, options=options
    )
    if options.output_stride is not None:
        return features
    pool = keras.layers.MaxPooling2D(
        2, padding=options.padding, name=f"stage{len(blocks) + 1}_pool"
    )
    return [*features, pool(features[-1])]


vgg11 = partial(_vgg, (1, 1, 2, 2, 2))
vgg13 = partial(_vgg, (2, 2, 2, 2, 2))
