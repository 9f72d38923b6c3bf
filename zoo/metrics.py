"""Metrics that Keras lacks: IoU of boxes row by row, and of integer masks with an ignore label.

Classification needs nothing of the kind: Keras' ``SparseCategoricalAccuracy`` and
``SparseTopKCategoricalAccuracy`` do.
"""

from collections.abc import Sequence
from typing import Any

import keras

from zoo.losses import overlaps

# A type checker infers `KerasTensor | None` for what these return: tensors.
ops: Any = keras.ops


@keras.saving.register_keras_serializable(package="zoo")
class BoxMeanIoU(keras.metrics.Mean):
    """Mean IoU of boxes, row by row: ``y_true`` and ``y_pred`` float [n, 4], same unit.

    Corners are ``x_min, y_min, x_max, y_max``. Two boxes without area have IoU 0.

    Example:
        >>> metric = BoxMeanIoU()
        >>> metric.update_state(np.array([[0, 0, 0.5, 1]]), np.array([[0, 0, 1, 1]]))
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name: str = "mean_iou", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds n boxes, each with its weight where ``sample_weight`` [n] is given."""
        super().update_state(_iou(y_true, y_pred, self.dtype), sample_weight)


@keras.saving.register_keras_serializable(package="zoo")
class BoxIoUAccuracy(keras.metrics.Mean):
    """Share of boxes whose IoU with the truth is at least ``threshold``.

    ``y_true`` and ``y_pred`` are float [n, 4], ``x_min, y_min, x_max, y_max``, same unit.
    At 0.5 it is the localization criterion of PASCAL VOC and ImageNet.

    Args:
        threshold: 0 < threshold <= 1.
        name: Of the metric.
        dtype: Of the computation.
    """

    def __init__(self, threshold: float = 0.5, name: str = "iou_accuracy", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds n boxes, each with its weight where ``sample_weight`` [n] is given."""
        hits = ops.cast(_iou(y_true, y_pred, self.dtype) >= self.threshold, self.dtype)
        super().update_state(hits, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again."""
        return super().get_config() | {"threshold": self.threshold}


@keras.saving.register_keras_serializable(package="zoo")
class MaskMeanIoU(keras.metrics.Metric):
    """Mean IoU of integer masks over the classes that occur, from one confusion matrix.

    ``y_true`` is [n, h, w] of class ids; ``y_pred`` is [n, h, w, k] of logits or
    probabilities, or [n, h, w] of ids. Pixels are counted as integers, so the sum over
    any number of batches is exact. Ids that are neither below ``classes`` nor, in the
    truth, the ignore label raise under the TensorFlow backend on a CPU.

    Args:
        classes: k, how many there are.
        ignore: The id of pixels of the truth without an answer; ``None`` for no such id.
        class_names: Names of the k classes, for whoever reads :meth:`per_class`.
        name: Of the metric.
        dtype: Of the result.
    """

    def __init__(
        self,
        classes: int,
        ignore: int | None = 255,
        class_names: Sequence[str] | None = None,
        name: str = "mean_iou",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.classes = classes
        self.ignore = ignore
        self.class_names = None if class_names is None else tuple(class_names)
        self.confusion = self.add_variable(
            (classes, classes), "zeros", dtype=_count_dtype(), name="confusion"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds n masks.

        Args:
            y_true: [n, h, w] of class ids.
            y_pred: float [n, h, w, k], or [n, h, w] of class ids.
            sample_weight: [n] or [n, h, w]; what has weight 0 is left out, everything
                else counts once.
        """
        truth, answer, valid = _masks(y_true, y_pred, self.ignore, sample_weight)
        # Ignored pixels go to a cell of their own, the first; a wrong id goes beyond the last
        # one, where it is refused instead of being counted for another class.
        beyond = self.classes * self.classes + 1
        wrong = ops.logical_or(truth >= self.classes, answer >= self.classes)
        cells = ops.where(wrong, beyond, truth * self.classes + answer + 1)
        cells = ops.reshape(ops.where(valid, cells, 0), (-1,))
        counts = ops.segment_sum(ops.ones_like(cells), cells, num_segments=beyond)
        counts = ops.reshape(counts[1:], (self.classes, self.classes))
        self.confusion.assign_add(ops.cast(counts, self.confusion.dtype))

    def result(self) -> Any:
        """Returns the mean over the classes that occur in truth or answer; 0 if none does."""
        iou, occurs = self._iou()
        occurring = ops.sum(ops.cast(occurs, self.dtype))
        return ops.sum(iou) / ops.maximum(occurring, 1.0)

    def per_class(self) -> Any:
        """Returns each class' IoU, a NumPy float [k], NaN where neither side has the class."""
        iou, occurs = self._iou()
        return ops.convert_to_numpy(ops.where(occurs, iou, float("nan")))

    def _iou(self) -> tuple[Any, Any]:
        confusion = ops.convert_to_tensor(self.confusion)
        hits = ops.diagonal(confusion)
        union = ops.sum(confusion, axis=0) + ops.sum(confusion, axis=1) - hits
        occurs = union > 0
        return ops.cast(hits, self.dtype) / ops.cast(ops.maximum(union, 1), self.dtype), occurs

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again."""
        return super().get_config() | {
            "classes": self.classes,
            "ignore": self.ignore,
            "class_names": self.class_names,
        }


@keras.saving.register_keras_serializable(package="zoo")
class MaskAccuracy(keras.metrics.Metric):
    """Share of the valid pixels whose class is right; 0 before any is seen.

    ``y_true`` is [n, h, w] of class ids; ``y_pred`` is [n, h, w, k] of logits or
    probabilities, or [n, h, w] of ids. Pixels are counted as integers.

    Args:
        ignore: The id of pixels of the truth without an answer; ``None`` for no such id.
        name: Of the metric.
        dtype: Of the result.
    """

    def __init__(self, ignore: int | None = 255, name: str = "pixel_accuracy", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.ignore = ignore
        self.right = self.add_variable((), "zeros", dtype=_count_dtype(), name="right")
        self.seen = self.add_variable((), "zeros", dtype=_count_dtype(), name="seen")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds n masks; arguments as in :meth:`MaskMeanIoU.update_state`."""
        truth, answer, valid = _masks(y_true, y_pred, self.ignore, sample_weight)
        right = ops.logical_and(valid, ops.equal(truth, answer))
        self.right.assign_add(ops.sum(ops.cast(right, self.right.dtype)))
        self.seen.assign_add(ops.sum(ops.cast(valid, self.seen.dtype)))

    def result(self) -> Any:
        """Returns the share, 0..1."""
        right = ops.cast(ops.convert_to_tensor(self.right), self.dtype)
        seen = ops.cast(ops.convert_to_tensor(self.seen), self.dtype)
        return right / ops.maximum(seen, 1.0)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again."""
        return super().get_config() | {"ignore": self.ignore}


def _iou(first: Any, second: Any, dtype: str) -> Any:
    return overlaps(
        ops.convert_to_tensor(first, dtype=dtype), ops.convert_to_tensor(second, dtype=dtype)
    )[0]


def _count_dtype() -> str:
    # float32 stops counting at 2**24, a thousand pictures of 128 x 128. JAX has no int64
    # unless it is asked for, and int32 lasts for 131,000 such pictures.
    return "int32" if keras.config.backend() == "jax" else "int64"


def _masks(y_true: Any, y_pred: Any, ignore: int | None, sample_weight: Any) -> tuple:
    """Returns true ids, answered ids (int32 both) and which pixels count, all [n, h, w]."""
    truth = ops.cast(y_true, "int32")
    y_pred = ops.convert_to_tensor(y_pred)
    if len(y_pred.shape) > len(truth.shape):
        y_pred = ops.argmax(y_pred, axis=-1)
    valid = ops.ones_like(truth, dtype="bool") if ignore is None else ops.not_equal(truth, ignore)
    if sample_weight is not None:
        weight = ops.convert_to_tensor(sample_weight)
        while len(weight.shape) < len(truth.shape):
            weight = weight[..., None]
        valid = ops.logical_and(valid, ops.not_equal(weight, 0))
    return truth, ops.cast(y_pred, "int32"), valid
