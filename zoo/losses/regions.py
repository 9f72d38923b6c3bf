"""Losses of how whole regions overlap: Dice, Tversky and Lovasz-softmax.

Classes that a batch's truth lacks are left out, as one could only tell them to be absent,
which cross-entropy does.
"""

from typing import Any

import keras

from zoo.losses.parts import batch_sums
from zoo.losses.pixels import PixelLoss
from zoo.losses.ratio import ratio

# A type checker infers `KerasTensor | None` for what these return: tensors.
ops: Any = keras.ops


class _RegionLoss(PixelLoss):
    """One number a batch, whatever the reduction: the mean over the classes in its truth."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of the batch, a float scalar."""
        return self.weighted(y_true, y_pred, None)

    def weighted(self, y_true: Any, y_pred: Any, weight: Any) -> Any:
        """Returns the loss as a float scalar; see :meth:`PixelLoss.weighted`."""
        ids, valid = self._known(y_true)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        if self.from_logits:
            # An infinity in an ignored pixel would become NaN in the softmax.
            y_pred = ops.softmax(ops.where(valid[..., None], y_pred, 0.0))
        y_pred = ops.where(valid[..., None], y_pred, 0.0)
        each = ops.cast(valid, y_pred.dtype)
        if weight is not None:
            each = each * self._spread(weight, len(each.shape))
        # Made here from the ids, the one-hot truth lives for one step only, and is 1.5
        # times as fast as gathering by id and summing by segments.
        truth = ops.one_hot(ids, y_pred.shape[-1], dtype=y_pred.dtype)
        losses, sizes = self._of_classes(truth, y_pred, each)
        present = sizes > 0
        losses = ops.where(present, losses, 0.0)
        loss = ratio(ops.sum(losses), ops.sum(ops.cast(present, losses.dtype)))
        return loss if weight is None else loss * ops.mean(ops.cast(weight, loss.dtype))

    def _of_classes(self, truth: Any, y_pred: Any, each: Any) -> tuple[Any, Any]:
        """Returns the loss and the size of each class, both float [k].

        Args:
            truth: float [n, ..., k], 1 for the true class; any where ignored.
            y_pred: float [n, ..., k], probabilities; 0 where ignored.
            each: float [n, ...], what each pixel counts; 0 where ignored.
        """
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="zoo")
class Tversky(_RegionLoss):
    """1 minus the Tversky index of integer masks, mean over the classes in the batch.

    For class c with the probabilities p and the truth g (0 or 1) of all valid pixels of the
    batch, ``sum(p g) / (sum(p g) + alpha sum(p (1 - g)) + beta sum((1 - p) g))`` (Salehi et
    al. 2017, "Tversky loss function for image segmentation"): alpha is what a false positive
    costs, beta a false negative. With both 1/2 it is :class:`Dice`, with both 1 the Jaccard
    index.

    ``y_true`` is [n, h, w] of class ids, ``y_pred`` float [n, h, w, k]. The loss is one
    number per batch, 0..1, whatever the reduction, and 0 where no pixel is valid.

    Args:
        alpha: >= 0, of false positives.
        beta: >= 0, of false negatives; the authors' best pair is 0.3 and 0.7.
        ignore: The id of pixels without an answer; ``None`` for no such id.
        from_logits: Whether ``y_pred`` are logits; otherwise probabilities.
        reduction: Kept for Keras' sake.
        name: Of the loss.
        dtype: Of the computation.

    Example:
        >>> probabilities = np.array([[[[0.75, 0.25], [0.5, 0.5]]]])
        >>> loss = Tversky(alpha=0.0, beta=1.0, from_logits=False)  # of the recalls
        >>> float(loss(np.array([[[0, 1]]]), probabilities))  # 1 - (0.75 + 0.5) / 2
        0.375
    """

    def __init__(
        self,
        alpha: float = 0.3,
        beta: float = 0.7,
        ignore: int | None = 255,
        from_logits: bool = True,
        reduction: str = "sum_over_batch_size",
        name: str = "tversky",
        dtype: Any = None,
    ):
        super().__init__(ignore, from_logits, reduction, name, dtype)
        self.alpha = alpha
        self.beta = beta

    def _of_classes(self, truth: Any, y_pred: Any, each: Any) -> tuple[Any, Any]:
        axes = tuple(range(len(each.shape)))
        truth = truth * each[..., None]
        found, sizes, answered = batch_sums(
            ops.sum(truth * y_pred, axis=axes),
            ops.sum(truth, axis=axes),
            ops.sum(y_pred * each[..., None], axis=axes),
        )
        wrong = self.alpha * (answered - found) + self.beta * (sizes - found)
        return 1.0 - ratio(found, found + wrong), sizes

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same loss again."""
        return super().get_config() | {"alpha": self.alpha, "beta": self.beta}


@keras.saving.register_keras_serializable(package="zoo")
class Dice(Tversky):
    """1 minus the soft Dice score of integer masks, mean over the classes in the batch.

    For class c with the probabilities p and the truth g (0 or 1) of all valid pixels of
    the batch, ``dice = 2 sum(p g) / (sum(p) + sum(g))``: the score of Milletari et al.
    2016 ("V-Net") without the squares in their denominator, as in Drozdzal et al. 2016,
    so that on hard masks it is the Dice coefficient.

    ``y_true`` is [n, h, w] of class ids, ``y_pred`` float [n, h, w, k]. The loss is one
    number per batch, 0..1, whatever the reduction, and 0 where no pixel is valid.

    Args:
        ignore: The id of pixels without an answer; ``None`` for no such id.
        from_logits: Whether ``y_pred`` are logits; otherwise probabilities.
        reduction: Kept for Keras' sake.
        name: Of the loss.
        dtype: Of the computation.

    Example:
        >>> probabilities = np.array([[[[1.0, 0.0], [0.5, 0.5]]]])
        >>> loss = Dice(from_logits=False)(np.array([[[0, 1]]]), probabilities)
        >>> round(float(loss), 3)  # 1 - (2 / 2.5 + 1 / 1.5) / 2
        0.267
    """

    def __init__(
        self,
        ignore: int | None = 255,
        from_logits: bool = True,
        reduction: str = "sum_over_batch_size",
        name: str = "dice",
        dtype: Any = None,
    ):
        super().__init__(0.5, 0.5, ignore, from_logits, reduction, name, dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same loss again."""
        config = super().get_config()
        return {name: config[name] for name in config if name not in ("alpha", "beta")}


@keras.saving.register_keras_serializable(package="zoo")
class LovaszSoftmax(_RegionLoss):
    """Lovasz-softmax of integer masks, mean over the classes in the batch.

    The Jaccard loss 1 - IoU of a class is a function of the set of its wrong pixels; its
    Lovasz extension takes how wrong each pixel is, ``m = 1 - p`` in the class and ``m = p``
    outside: with the errors sorted to fall, ``sum over i of m_i (J_i - J_{i-1})``, where
    ``J_i`` is 1 - IoU were the first i pixels wrong and no other (Berman et al. 2018, "The
    Lovasz-Softmax loss"). It is 1 - IoU on hard masks, and convex in m.

    ``y_true`` is [n, h, w] of class ids, ``y_pred`` float [n, h, w, k]. The loss is one
    number per batch, 0..1, whatever the reduction, and 0 where no pixel is valid. It sorts
    the pixels of the batch once for each class.

    Args:
        ignore: The id of pixels without an answer; ``None`` for no such id.
        from_logits: Whether ``y_pred`` are logits; otherwise probabilities.
        reduction: Kept for Keras' sake.
        name: Of the loss.
        dtype: Of the computation.

    Example:
        >>> probabilities = np.array([[[[0.75, 0.25], [0.5, 0.5]]]])
        >>> loss = LovaszSoftmax(from_logits=False)(np.array([[[0, 1]]]), probabilities)
        >>> float(loss)  # ((0.5 * 1/2 + 0.25 * 1/2) + (0.5 * 1 + 0.25 * 0)) / 2
        0.4375
    """

    def __init__(
        self,
        ignore: int | None = 255,
        from_logits: bool = True,
        reduction: str = "sum_over_batch_size",
        name: str = "lovasz_softmax",
        dtype: Any = None,
    ):
        super().__init__(ignore, from_logits, reduction, name, dtype)

    def _of_classes(self, truth: Any, y_pred: Any, each: Any) -> tuple[Any, Any]:
        classes = y_pred.shape[-1]
        truth, y_pred = (
            ops.transpose(ops.reshape(side, (-1, classes))) for side in (truth, y_pred)
        )
        each = ops.broadcast_to(ops.reshape(each, (1, -1)), ops.shape(truth))
        errors = ops.abs(truth - y_pred)
        order = ops.argsort(-errors, axis=-1)
        errors, truth, each = (
            ops.take_along_axis(side, order, axis=-1) for side in (errors, truth, each)
        )
        sizes = ops.sum(truth * each, axis=-1, keepdims=True)
        missed = ops.cumsum(truth * each, axis=-1)
        union = sizes + ops.cumsum((1.0 - truth) * each, axis=-1)
        # J_i - J_{i-1} as what pixel i adds: the difference itself would lose float32's digits.
        # A pixel of the class is missed, another joins the union; one that counts 0 is neither.
        before = union - (1.0 - truth) * each
        added = each * ratio(truth * before + (1.0 - truth) * (sizes - missed), union * before)
        losses = ops.sum(errors * added, axis=-1)
        return losses, sizes[:, 0]
