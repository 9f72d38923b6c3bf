"""How coarse a feature map is, whatever encoder it is from."""

import itertools
from collections.abc import Sequence

import keras

from zoo.errors import UserError
from zoo.models.graph import walk


def output_strides(image: keras.KerasTensor, features: Sequence[keras.KerasTensor]) -> list[int]:
    """Returns the stride of each map: how many input pixels lie between two of its positions.

    The graph itself is asked, at an input so large that borders taken by ``padding="valid"`` do
    not count; so no decoder needs to know which encoder it got.

    Args:
        image: The model's input, [n, h, w, c].
        features: Maps computed from it.

    Raises:
        UserError: If the strides do not grow from each map to the next.
    """
    large = 2**16
    spec = keras.KerasTensor((1, large, large, image.shape[-1]), dtype=image.dtype)
    maps = walk(keras.Function(image, list(features)), [spec])
    strides = [round(large / found.shape[1]) for found in maps]
    if any(coarse <= fine for fine, coarse in itertools.pairwise(strides)):
        raise UserError(
            f"an encoder gave feature maps of strides {strides}; give them fine to coarse, "
            "each coarser than the one before"
        )
    return strides
