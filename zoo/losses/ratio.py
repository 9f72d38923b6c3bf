"""Division where there may be nothing to divide by."""

from typing import Any

import keras

# A type checker infers `KerasTensor | None` for what these return: tensors.
ops: Any = keras.ops


def ratio(part: Any, whole: Any) -> Any:
    """Returns part by whole; 0, with a gradient of 0, where the whole is not above 0.

    Args:
        part: float of any shape.
        whole: float of the same shape.
    """
    # Adding an epsilon instead would bias small boxes: one of 10 x 10 pixels in a megapixel
    # covers 1e-4 of it. The inner `where` keeps 0/0 out of the gradient, too.
    positive = whole > 0
    return ops.where(positive, part / ops.where(positive, whole, 1.0), 0.0)
