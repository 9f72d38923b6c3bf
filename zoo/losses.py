"""Losses that Keras lacks: generalized IoU, and cross-entropy and Dice for integer masks.

Masks stay integers all the way: one-hot masks of k classes would take 4 k times the
memory in the data pipeline.
"""

from typing import Any

import keras

# A type checker infers `KerasTensor | None` for what these return: tensors.
ops: Any = keras.ops

_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


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
    iou = _ratio(intersection, union)
    return iou, iou - _ratio(hull - union, hull)


def _area(minimum: Any, maximum: Any) -> Any:
    sides = ops.maximum(maximum - minimum, 0.0)
    return sides[..., 0] * sides[..., 1]


def _ratio(part: Any, whole: Any) -> Any:
    # Adding an epsilon instead would bias small boxes: one of 10 x 10 pixels in a megapixel
    # covers 1e-4 of it. The inner `where` keeps 0/0 out of the gradient, too.
    positive = whole > 0
    return ops.where(positive, part / ops.where(positive, whole, 1.0), 0.0)


@keras.saving.register_keras_serializable(package="zoo")
class GIoU(keras.losses.Loss):
    """1 minus the generalized IoU of boxes (Rezatofighi et al. 2019): 0 best, 2 worst.

    ``y_true`` and ``y_pred`` are float [n, 4], ``x_min, y_min, x_max, y_max`` in the same
    unit, usually fractions 0..1 of the picture. The gradient is finite for any box, one
    without area included; there it may be 0, so give it an L1 loss for company.

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
class MaskCrossEntropy(keras.losses.Loss):
    """Cross-entropy of integer masks, with an ignore label and label smoothing.

    Keras has the ignore label (``SparseCategoricalCrossentropy(ignore_class=...)``) and
    the smoothing (``CategoricalCrossentropy``), each without the other.

    ``y_true`` is [n, h, w] of class ids, uint8 or any other number type; ``y_pred`` is
    float [n, h, w, k]. Ids must be below k or the ignore label; the TensorFlow backend
    raises on any other on a CPU and gives NaN on a GPU. The mean is over the pixels that
    are not ignored, and is 0 where all are.

    Args:
        ignore: The id of pixels without an answer; ``None`` for no such id.
        from_logits: Whether ``y_pred`` are logits; otherwise probabilities.
        label_smoothing: The share s, 0 <= s < 1, of the target spread evenly over the k
            classes (Szegedy et al. 2016, "Rethinking the Inception Architecture").
        reduction: As in every Keras loss, over the pixels.
        name: Of the loss.
        dtype: Of the computation.
    """

    def __init__(
        self,
        ignore: int | None = 255,
        from_logits: bool = True,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str = "mask_cross_entropy",
        dtype: Any = None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.ignore = ignore
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each pixel, float [n, h, w], 0 where ignored."""
        ids, valid = _known(y_true, self.ignore)
        # An ignored pixel may hold anything, an infinity included, which times 0 is NaN.
        y_pred = ops.where(valid[..., None], y_pred, 1.0)
        values = ops.sparse_categorical_crossentropy(ids, y_pred, from_logits=self.from_logits)
        if self.label_smoothing:
            if self.from_logits:
                spread = ops.logsumexp(y_pred, axis=-1) - ops.mean(y_pred, axis=-1)
            else:
                floor = keras.config.epsilon()
                spread = -ops.mean(ops.log(ops.clip(y_pred, floor, 1.0)), axis=-1)
            values = (1.0 - self.label_smoothing) * values + self.label_smoothing * spread
        values = ops.where(valid, values, 0.0)
        if self.reduction in _MEANS:
            # Keras will divide by all pixels; the mean is over the valid ones.
            valid = ops.cast(valid, values.dtype)
            pixels = ops.sum(ops.ones_like(valid))
            values = values * (pixels / ops.maximum(ops.sum(valid), 1.0))
        return values

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same loss again."""
        return super().get_config() | {
            "ignore": self.ignore,
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
        }


@keras.saving.register_keras_serializable(package="zoo")
class Dice(keras.losses.Loss):
    """1 minus the soft Dice score of integer masks, mean over the classes in the batch.

    For class c with the probabilities p and the truth g (0 or 1) of all valid pixels of
    the batch, ``dice = 2 sum(p g) / (sum(p) + sum(g))``: the score of Milletari et al.
    2016 ("V-Net") without the squares in their denominator, as in Drozdzal et al. 2016,
    so that on hard masks it is the Dice coefficient. Classes that the batch's truth lacks
    are left out, as one could only tell them to be absent, which cross-entropy does.

    ``y_true`` is [n, h, w] of class ids, ``y_pred`` float [n, h, w, k]. The loss is one
    number per batch, 0..1, whatever the reduction, and 0 where no pixel is valid.

    Args:
        ignore: The id of pixels without an answer; ``None`` for no such id.
        from_logits: Whether ``y_pred`` are logits; otherwise probabilities.
        reduction: Kept for Keras' sake.
        name: Of the loss.
        dtype: Of the computation.
    """

    def __init__(
        self,
        ignore: int | None = 255,
        from_logits: bool = True,
        reduction: str = "sum_over_batch_size",
        name: str = "dice",
        dtype: Any = None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.ignore = ignore
        self.from_logits = from_logits

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of the batch, a float scalar."""
        return self.weighted(y_true, y_pred, None)

    def weighted(self, y_true: Any, y_pred: Any, weight: Any) -> Any:
        """Returns the loss of a batch whose pixels count as their example's weight says.

        Args:
            y_true: [n, h, w] of class ids.
            y_pred: float [n, h, w, k].
            weight: float [n], or ``None`` for 1 each.

        Returns:
            The mean weight times the loss, a float scalar: equal weights w give w times the
            loss without weights.
        """
        ids, valid = _known(y_true, self.ignore)
        valid = valid[..., None]
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        if self.from_logits:
            # As above: an infinity in an ignored pixel would become NaN in the softmax.
            y_pred = ops.softmax(ops.where(valid, y_pred, 0.0))
        axes = tuple(range(len(ids.shape)))
        # Made here from the ids, the one-hot truth lives for one step only, and is 1.5
        # times as fast as gathering by id and summing by segments.
        truth = ops.where(valid, ops.one_hot(ids, y_pred.shape[-1], dtype=y_pred.dtype), 0.0)
        y_pred = counted = ops.where(valid, y_pred, 0.0)
        if weight is not None:
            each = ops.reshape(ops.cast(weight, y_pred.dtype), (-1, 1, 1, 1))
            truth, counted = truth * each, counted * each
        intersection = ops.sum(truth * y_pred, axis=axes)
        sizes = ops.sum(truth, axis=axes)
        present = sizes > 0
        total = ops.where(present, sizes + ops.sum(counted, axis=axes), 1.0)
        losses = ops.where(present, 1.0 - 2.0 * intersection / total, 0.0)
        classes = ops.sum(ops.cast(present, losses.dtype))
        loss = ops.sum(losses) / ops.maximum(classes, 1.0)
        return loss if weight is None else loss * ops.mean(weight)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same loss again."""
        return super().get_config() | {"ignore": self.ignore, "from_logits": self.from_logits}


def _known(mask: Any, ignore: int | None) -> tuple[Any, Any]:
    """Returns the ids as int32, 0 where ignored, and where they are not."""
    ids = ops.cast(mask, "int32")
    if ignore is None:
        return ids, ops.ones_like(ids, dtype="bool")
    valid = ops.not_equal(ids, ignore)
    return ops.where(valid, ids, 0), valid
