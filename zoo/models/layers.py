"""The one layer that Keras lacks: fitting an up-sampled map to its skip."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="zoo")
class FitSize(keras.layers.Layer):
    """Crops or zero-pads a map to the height and width of a reference, whatever they are.

    Called on ``[x, reference]``: x float [n, h, w, c], reference [n, H, W, any]; returns
    [n, H, W, c] in the dtype of x. Only the reference's shape is used.

    What is too much is cut at the bottom and the right: strides with ``padding="same"`` round
    odd sizes up, with windows that start at the top left, so that the surplus of the up-sampled
    map lies at the other end. What is missing is added on both sides, an odd row or column at
    the bottom or right: ``padding="valid"`` takes away from both borders alike.

    Example:
        >>> FitSize()([keras.ops.ones((1, 4, 4, 2)), keras.ops.ones((1, 3, 5, 7))]).shape
        (1, 3, 5, 2)
    """

    def __init__(self, **kwargs: Any):
        # Without this the reference, often the picture itself, would be cast for nothing.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)

    def call(self, inputs: list[Any]) -> Any:
        """Returns x [n, h, w, c] as [n, H, W, c]."""
        x, reference = inputs
        height, width = _size(reference)
        x = x[:, :height, :width]
        have = _size(x)
        rows, columns = _sides(height, have[0]), _sides(width, have[1])
        # In a graph with open sizes they are tensors, of which nothing can be asked yet.
        if all(isinstance(missing, int) and missing == 0 for missing in (*rows, *columns)):
            return x
        return keras.ops.pad(x, ((0, 0), rows, columns, (0, 0)))

    def compute_output_spec(self, inputs: list[Any]) -> keras.KerasTensor:
        """Returns the static shape, as far as the reference's is known."""
        x, reference = inputs
        return keras.KerasTensor((x.shape[0], *reference.shape[1:3], x.shape[3]), dtype=x.dtype)


def _size(x: Any) -> tuple[Any, Any]:
    shape: Any = keras.ops.shape(x)
    return shape[1], shape[2]


def _sides(wanted: Any, have: Any) -> tuple[Any, Any]:
    missing = wanted - have
    return missing // 2, missing - missing // 2
