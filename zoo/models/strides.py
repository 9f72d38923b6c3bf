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
    height, width = (large_like(size) for size in image.shape[1:3])
    spec = keras.KerasTensor((1, height, width, image.shape[-1]), dtype=image.dtype)
    maps = walk(keras.Function(image, list(features)), [spec])
    strides = [round(height / found.shape[1]) for found in maps]
    if any(coarse <= fine for fine, coarse in itertools.pairwise(strides)):
        raise UserError(
            f"an encoder gave feature maps of strides {strides}; give them fine to coarse, "
            "each coarser than the one before"
        )
    return strides


def large_like(size: int | None) -> int:
    """Returns a size so large that the borders taken by ``padding="valid"`` hardly count.

    Args:
        size: Height or width that a network was built for, ``None`` if it is open. Some pad by
            whether a map's size is odd; the large one is odd and even at the same strides.
    """
    return 2**16 if size is None else 2**16 + size % 64
