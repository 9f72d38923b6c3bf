"""AlexNet of Krizhevsky, Sutskever and Hinton 2012, in one tower (Krizhevsky 2014).

That of torchvision: the five convolutions of arXiv:1404.5997, without the first paper's split over
two processors and its response normalization. With ``head="flatten"``, ``hidden=(4096, 4096)``,
224 pixels and 1000 classes it has 61.1 million parameters.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras

from zoo.models import checks
from zoo.models.blocks import convolution, disturb
from zoo.models.style import Style

_STYLE = Style(normalization=None)


def alexnet(
    image: keras.KerasTensor,
    /,
    *,
    filters: Sequence[int] = (64, 192, 384, 256, 256),
    style: Style = _STYLE,
) -> list[keras.KerasTensor]:
    """Five convolutions, the first 11x11 of stride 4, with overlapping max pooling between.

    Args:
        image: float [n, h, w, c], scaled.
        filters: Width of each convolution.
        style: See :class:`zoo.models.style.Style`; by default no normalization.

    Returns:
        The maps before each pooling and behind the last one, of strides 4, 8, 16 and 32.

    Raises:
        UserError: If there are not five widths.
    """
    widths = checks.per_stage("filters", checks.wholes("filters", filters), 5)
    unit = partial(_unit, style=style)
    image = keras.layers.ZeroPadding2D(2, name="stage1_pad")(image)
    first = unit(image, widths[0], 11, stride=4, padding="valid", name="stage1_block1")
    second = unit(_pool(first, "stage2_pool"), widths[1], 5, name="stage2_block1")
    x = _pool(second, "stage3_pool")
    for number, width in enumerate(widths[2:], start=1):
        x = unit(x, width, 3, name=f"stage3_block{number}")
    return [first, second, x, _pool(x, "stage4_pool")]


def _unit(
    x: keras.KerasTensor, width: int, kernel_size: int, *, style: Style, name: str, **geometry: Any
) -> keras.KerasTensor:
    return disturb(
        convolution(x, width, kernel_size, style=style, name=name, **geometry), style, name=name
    )


def _pool(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.layers.MaxPooling2D(3, 2, name=name)(x)
