"""Cross-entropy and focal loss of integer masks or labels."""

from collections.abc import Sequence
from typing import Any

import keras

from zoo.losses.parts import batch_sums
from zoo.losses.pixels import PixelLoss
from zoo.losses.ratio import ratio

# A type checker infers `KerasTensor | None` for what these return: tensors.
ops: Any = keras.ops

_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
# A power below 1 has no finite gradient at 0.
_SURE = 1e-30


@keras.saving.register_keras_serializable(package="zoo")
class Focal(PixelLoss):
    """Focal loss of integer masks or labels (Lin et al. 2017, "Focal Loss").

    With the probability p of the true class, ``-alpha (1 - p)^gamma log p``: what is right
    already hardly counts. ``y_true`` is [n, h, w] of class ids, or [n] of labels, uint8 or
    any other number type; ``y_pred`` is float [n, h, w, k], or [n, k]. Ids must be below k or
    the ignore label; the TensorFlow backend raises on any other on a CPU and gives NaN on a
    GPU.

    The mean is over the pixels that are not ignored, and is 0 where all are. With weights w
    for the classes it is ``sum(w loss) / sum(w)`` over them, as in ``torch.nn``, w being that
    of a pixel's true class, so that it does not depend on the weights' scale.

    Args:
        gamma: >= 0; 0 is cross-entropy, 2 what the authors found best.
        alpha: Of two classes, the factor 0..1 of class 1; that of class 0 is the rest. The
            mean is not divided by it. ``None`` for no such factors.
        class_weights: k numbers >= 0, or ``None`` for 1 each.
        label_smoothing: The share s, 0 <= s < 1, of the target spread evenly over the k
            classes (Szegedy et al. 2016, "Rethinking the Inception Architecture"); each class
            then adds its share of a loss with its own p, alpha and weight.
        ignore: The id of pixels without an answer; ``None`` for no such id.
        from_logits: Whether ``y_pred`` are logits; otherwise probabilities.
        reduction: As in every Keras loss, over the pixels.
        name: Of the loss.
        dtype: Of the computation.

    Raises:
        ValueError: If the weights are not k, or alpha is given for other than two classes.

    Example:
        >>> logits = np.log([[0.75, 0.25], [0.5, 0.5]])
        >>> loss = Focal(gamma=2, reduction="none")(np.array([0, 0]), logits)
        >>> [round(float(value), 3) for value in loss]  # 0.25^2 ln(4/3), 0.5^2 ln 2
        [0.018, 0.173]
    """

    def __init__(
        self,
        gamma: float = 2.0,
        alpha: float | None = None,
        class_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        ignore: int | None = 255,
        from_logits: bool = True,
        reduction: str = "sum_over_batch_size",
        name: str = "focal",
        dtype: Any = None,
    ):
        super().__init__(ignore, from_logits, reduction, name, dtype)
        self.gamma = gamma
        self.alpha = alpha
        self.class_weights = None if class_weights is None else tuple(class_weights)
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each pixel, float [n, h, w], 0 where ignored."""
        values, counts = self._values(y_true, y_pred)
        if self.reduction in _MEANS:
            # Keras will divide by all pixels; the mean is over the valid ones, by weight.
            values = values * ratio(ops.sum(ops.ones_like(counts)), ops.sum(counts))
        return values

    def weighted(self, y_true: Any, y_pred: Any, weight: Any) -> Any:
        """Returns the mean as a float scalar; see :meth:`PixelLoss.weighted`."""
        values, counts = self._values(y_true, ops.convert_to_tensor(y_pred, dtype=self.dtype))
        if weight is not None:
            values = values * self._spread(weight, len(values.shape))
        return ratio(*batch_sums(ops.sum(values), ops.sum(counts)))

    def _values(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        """Returns loss times weight of each pixel, and its weight, both 0 where ignored."""
        ids, valid = self._known(y_true)
        # An ignored pixel may hold anything, an infinity included, which times 0 is NaN.
        y_pred = ops.where(valid[..., None], y_pred, 1.0)
        classes = y_pred.shape[-1]
        if self.class_weights is not None and len(self.class_weights) != classes:
            raise ValueError(
                f"{self.name} has {len(self.class_weights)} class_weights for {classes} classes"
            )
        if self.alpha is not None and classes != 2:
            raise ValueError(f"{self.name}'s alpha weighs one of two classes, not of {classes}")
        counts = ops.where(valid, ops.cast(self._weights(y_true, ids), y_pred.dtype), 0.0)
        entropy = ops.sparse_categorical_crossentropy(ids, y_pred, from_logits=self.from_logits)
        values = counts * self._focused(entropy)
        if self.alpha is not None:
            factors = ops.where(ops.equal(ids, 1), self.alpha, 1.0 - self.alpha)
            values = values * ops.cast(factors, values.dtype)
        if self.label_smoothing:
            spread = ops.mean(self._of_each_class(y_pred), axis=-1)
            values = (1.0 - self.label_smoothing) * values + self.label_smoothing * spread
        return ops.where(valid, values, 0.0), counts

    def _weights(self, mask: Any, ids: Any) -> Any:
        """Returns what each pixel counts, float [n, ...]; any where ignored.

        Args:
            mask: [n, ...] of class ids.
            ids: The same as int32, 0 where ignored.
        """
        if self.class_weights is None:
            return ops.ones_like(ids, dtype=self.dtype)
        return ops.take(ops.convert_to_tensor(self.class_weights, self.dtype), ids)

    def _of_each_class(self, y_pred: Any) -> Any:
        """Returns the weighted loss of each class if it were the true one, float [..., k]."""
        if self.from_logits:
            entropy = -ops.log_softmax(y_pred, axis=-1)
        else:
            entropy = -ops.log(ops.clip(y_pred, keras.config.epsilon(), 1.0))
        values = self._focused(entropy)
        if self.alpha is not None:
            values = values * ops.convert_to_tensor([1.0 - self.alpha, self.alpha], values.dtype)
        if self.class_weights is not None:
            values = values * ops.convert_to_tensor(self.class_weights, values.dtype)
        return values

    def _focused(self, entropy: Any) -> Any:
        if not self.gamma:
            return entropy
        wrong = ops.maximum(-ops.expm1(-entropy), _SURE)
        return wrong**self.gamma * entropy

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same loss again."""
        return super().get_config() | {
            "gamma": self.gamma,
            "alpha": self.alpha,
            "class_weights": self.class_weights,
            "label_smoothing": self.label_smoothing,
        }


@keras.saving.register_keras_serializable(package="zoo")
class MaskCrossEntropy(Focal):
    """Cross-entropy of integer masks or labels: ignore label, smoothing and class weights.

    Keras has the ignore label (``SparseCategoricalCrossentropy(ignore_class=...)``) and
    the smoothing (``CategoricalCrossentropy``), each without the other. Shapes and means are
    those of :class:`Focal`; weights together with smoothing mean what they do in
    ``torch.nn.CrossEntropyLoss``.

    Args:
        ignore: The id of pixels without an answer; ``None`` for no such id.
        from_logits: Whether ``y_pred`` are logits; otherwise probabilities.
        label_smoothing: The share s, 0 <= s < 1, of the target spread evenly over the k
            classes (Szegedy et al. 2016, "Rethinking the Inception Architecture").
        class_weights: k numbers >= 0, or ``None`` for 1 each.
        reduction: As in every Keras loss, over the pixels.
        name: Of the loss.
        dtype: Of the computation.

    Raises:
        ValueError: If the weights are not k.

    Example:
        >>> mask, logits = np.array([[[1, 0, 255]]]), np.log([[[[0.25, 0.75]] * 3]])
        >>> round(float(MaskCrossEntropy()(mask, logits)), 3)  # (ln(4/3) + ln 4) / 2
        0.837
    """

    def __init__(
        self,
        ignore: int | None = 255,
        from_logits: bool = True,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
        reduction: str = "sum_over_batch_size",
        name: str = "mask_cross_entropy",
        dtype: Any = None,
    ):
        super().__init__(
            0.0, None, class_weights, label_smoothing, ignore, from_logits, reduction, name, dtype
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same loss again."""
        config = super().get_config()
        return {name: config[name] for name in config if name not in ("gamma", "alpha")}
