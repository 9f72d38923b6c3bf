"""What losses of integer masks have in common: the ignore label, and examples' weights."""

from typing import Any

import keras

# A type checker infers `KerasTensor | None` for what these return: tensors.
ops: Any = keras.ops


class PixelLoss(keras.losses.Loss):
    """A loss of class ids [n, ...], any number type, and of float [n, ..., k] for k classes.

    Args:
        ignore: The id of pixels without an answer; ``None`` for no such id. What is predicted
            there changes neither the loss nor its gradient, an infinity or NaN included.
        from_logits: Whether predictions are logits; otherwise probabilities.
        reduction: As in every Keras loss.
        name: Of the loss.
        dtype: Of the computation.
    """

    def __init__(
        self, ignore: int | None, from_logits: bool, reduction: str, name: str, dtype: Any
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.ignore = ignore
        self.from_logits = from_logits

    def weighted(self, y_true: Any, y_pred: Any, weight: Any) -> Any:
        """Returns the loss of a batch whose pixels count as their example's weight says.

        It is linear in the scale of the weights, and no reduction is applied: Keras' own
        divides by the number of replicas.

        Args:
            y_true: [n, ...] of class ids.
            y_pred: float [n, ..., k].
            weight: float [n], or ``None`` for 1 each.

        Returns:
            A float scalar: equal weights w give w times the loss without weights, and 0
            where no pixel is valid.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same loss again."""
        return super().get_config() | {"ignore": self.ignore, "from_logits": self.from_logits}

    def _known(self, mask: Any) -> tuple[Any, Any]:
        """Returns the ids as int32, 0 where ignored, and where they are not."""
        ids = ops.cast(mask, "int32")
        if self.ignore is None:
            return ids, ops.ones_like(ids, dtype="bool")
        valid = ops.not_equal(ids, self.ignore)
        return ops.where(valid, ids, 0), valid

    def _spread(self, weight: Any, rank: int) -> Any:
        """Returns the weights of examples in a shape that meets others of this rank."""
        return ops.reshape(ops.cast(weight, self.dtype), (-1, *[1] * (rank - 1)))
