"""Losses of boxes: smooth L1, and what IoU lacks where boxes do not meet.

All take float [n, 4], ``x_min, y_min, x_max, y_max`` in the same unit, usually fractions 0..1
of the picture, and give the loss of each box, which the reduction brings together.
"""

import math
from typing import Any

import keras

from zoo.losses.ratio import ratio

# A type checker infers `KerasTensor | None` for what these return: tensors.
ops: Any = keras.ops

# Sides whose squares would vanish in float32 tell no aspect.
_NO_SIDE = 1e-15


def overlaps(first: Any, second: Any) -> tuple[Any, Any]:
    """Compares boxes row by row (Keras' ``compute_iou`` compares each with each).

    Generalized IoU is IoU minus the share of the smallest enclosing box that neither box
    covers (Rezatofighi et al. 2019, "Generalized Intersection over Union"), so that boxes
    that do not meet still tell how far apart they are.

    Args:
        first: float [n, 4], ``x_min, y_min, x_max, y_max`` in any unit. A box whose
            maximum lies below its minimum has no area.
        second: The same for the boxes to compare with, in the same unit.

    Returns:
        IoU, float [n], 0..1, and generalized IoU, float [n], -1..1. A ratio whose
        denominator is 0, of boxes without area, counts as 0, and so does its gradient.
    """
    first_min, first_max = first[..., :2], first[..., 2:]
    second_min, second_max = second[..., :2], second[..., 2:]
    intersection = _area(ops.maximum(first_min, second_min), ops.minimum(first_max, second_max))
    union = _area(first_min, first_max) + _area(second_min, second_max) - intersection
    hull = _area(ops.minimum(first_min, second_min), ops.maximum(first_max, second_max))
    iou = ratio(intersection, union)
    return iou, iou - ratio(hull - union, hull)


def _area(minimum: Any, maximum: Any) -> Any:
    sides = ops.maximum(maximum - minimum, 0.0)
    return sides[..., 0] * sides[..., 1]


def _apart(first: Any, second: Any) -> Any:
    """Returns the squared distance of the centres by that across both boxes, float [n]."""
    first_min, first_max = first[..., :2], first[..., 2:]
    second_min, second_max = second[..., :2], second[..., 2:]
    between = (first_min + first_max - second_min - second_max) / 2
    across = ops.maximum(first_max, second_max) - ops.minimum(first_min, second_min)
    return ratio(ops.sum(between * between, axis=-1), ops.sum(across * across, axis=-1))


def _aspect(boxes: Any) -> Any:
    """Returns the angle whose tangent is width by height, float [n]; 0 of a point."""
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    some = ops.max(sides, axis=-1) > _NO_SIDE
    # The gradient at a point would be 0/0.
    width, height = ops.where(some, sides[..., 0], 0.0), ops.where(some, sides[..., 1], 1.0)
    return ops.arctan2(width, height)


@keras.saving.register_keras_serializable(package="zoo")
class SmoothL1(keras.losses.Loss):
    """The distance of each edge, squared where it is small, summed over the four edges.

    ``d^2 / (2 beta)`` where ``d < beta``, ``d - beta / 2`` elsewhere (Girshick 2015, "Fast
    R-CNN"): like L1, but with a gradient that fades as an edge comes to its place.

    Args:
        beta: At which distance, in the boxes' unit, the square ends; 0 makes it plain L1.
        reduction: As in every Keras loss, over the n boxes; ``"none"`` for none.
        name: Of the loss.
        dtype: Of the computation.

    Example:
        >>> half, whole = np.array([[0, 0, 0.5, 1]]), np.array([[0, 0, 1, 1]])
        >>> float(SmoothL1(beta=0.25)(half, whole))
        0.375
    """

    def __init__(
        self,
        beta: float = 0.1,
        reduction: str = "sum_over_batch_size",
        name: str = "smooth_l1",
        dtype: Any = None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.beta = beta

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each box, float [n]."""
        distance = ops.abs(y_pred - y_true)
        if self.beta:
            near = distance * distance / (2.0 * self.beta)
            distance = ops.where(distance < self.beta, near, distance - self.beta / 2.0)
        return ops.sum(distance, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same loss again."""
        return super().get_config() | {"beta": self.beta}


@keras.saving.register_keras_serializable(package="zoo")
class GIoU(keras.losses.Loss):
    """1 minus the generalized IoU of boxes (Rezatofighi et al. 2019): 0 best, 2 worst.

    The gradient is finite for any box, one without area included; there it may be 0, so
    give it an L1 loss for company.

    Args:
        reduction: As in every Keras loss, over the n boxes; ``"none"`` for none.
        name: Of the loss.
        dtype: Of the computation.

    Example:
        >>> half, whole = np.array([[0, 0, 0.5, 1]]), np.array([[0, 0, 1, 1]])
        >>> float(GIoU()(half, whole))
        0.5
    """

    def __init__(
        self, reduction: str = "sum_over_batch_size", name: str = "giou", dtype: Any = None
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each box, float [n]."""
        return 1.0 - overlaps(y_true, y_pred)[1]


@keras.saving.register_keras_serializable(package="zoo")
class DIoU(keras.losses.Loss):
    """Distance-IoU (Zheng et al. 2020, "Distance-IoU Loss"): 0 best, below 2 worst.

    ``1 - IoU + rho^2 / c^2``, with rho the distance of the centres and c the diagonal of the
    smallest box around both. Unlike generalized IoU it tells where in the true box a smaller
    one lies. The gradient is finite for any box.

    Args:
        reduction: As in every Keras loss, over the n boxes; ``"none"`` for none.
        name: Of the loss.
        dtype: Of the computation.

    Example:
        >>> left, whole = np.array([[0, 0, 1, 2]]), np.array([[0, 0, 2, 2]])
        >>> float(DIoU()(left, whole))  # 1 - 1/2 + 0.5^2 / (2^2 + 2^2)
        0.53125
    """

    def __init__(
        self, reduction: str = "sum_over_batch_size", name: str = "diou", dtype: Any = None
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each box, float [n]."""
        return 1.0 - overlaps(y_true, y_pred)[0] + _apart(y_true, y_pred)


@keras.saving.register_keras_serializable(package="zoo")
class CIoU(keras.losses.Loss):
    """Complete IoU (Zheng et al. 2020, "Distance-IoU Loss"): 0 best.

    ``1 - IoU + rho^2 / c^2 + alpha v``, distance-IoU and a term for the aspect ratio:
    ``v = 4 / pi^2 (atan(w / h) - atan(w' / h'))^2``, weighed by ``alpha = v / (1 - IoU + v)``,
    which the gradient takes for a constant, as the authors do. Their gradient of v also drops
    the divisor ``w^2 + h^2``; here, as in torchvision, it is the true one. It is finite for
    any box; one without width and height has no aspect, and no gradient by it.

    Args:
        reduction: As in every Keras loss, over the n boxes; ``"none"`` for none.
        name: Of the loss.
        dtype: Of the computation.

    Example:
        >>> whole = np.array([[0, 0, 2, 2]])
        >>> float(CIoU()(whole, whole))
        0.0
    """

    def __init__(
        self, reduction: str = "sum_over_batch_size", name: str = "ciou", dtype: Any = None
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each box, float [n]."""
        iou = overlaps(y_true, y_pred)[0]
        angle = _aspect(y_true) - _aspect(y_pred)
        aspect = 4.0 / math.pi**2 * angle * angle
        alpha = ops.stop_gradient(ratio(aspect, 1.0 - iou + aspect))
        return 1.0 - iou + _apart(y_true, y_pred) + alpha * aspect
