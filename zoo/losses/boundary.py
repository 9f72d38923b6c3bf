"""Cross-entropy that counts more where another region is near."""

import math
from typing import Any

import keras

from zoo.losses.distances import boundary_distance, cell_distances
from zoo.losses.entropy import MaskCrossEntropy

# A type checker infers `KerasTensor | None` for what these return: tensors.
ops: Any = keras.ops

# Of sigma, how far borders are looked for: beyond, w0 is taken times less than e^-8 = 0.0003.
_REACH = 4.0


@keras.saving.register_keras_serializable(package="zoo")
class BoundaryCrossEntropy(MaskCrossEntropy):
    """Cross-entropy of integer masks that counts more along borders.

    By the weight map of Ronneberger et al. 2015 ("U-Net"), ``w = w_c + w0 exp(-(d1 + d2)^2 /
    (2 sigma^2))``, d1 and d2 being a pixel's distances to the nearest and second nearest cell.
    With a ``background`` cells are the connected regions of the other classes
    (:func:`cell_distances`): what counts more are narrow gaps between cells. Without one
    every class has regions: a pixel's own is at distance 0, hence d1 = 0, and d2 is the
    distance to the nearest pixel of another class (:func:`boundary_distance`): what counts more
    are all borders. Distances are exact up to 4 sigma; what is farther adds less than 0.0004 w0.

    ``y_true`` is [n, h, w] of class ids, ``y_pred`` float [n, h, w, k]; the mean is ``sum(w
    loss) / sum(w)`` over the valid pixels, and 0 where there are none.

    Args:
        w0: >= 0, what a pixel at a border counts more; the authors' is 10.
        sigma: > 0, in pixels, how far from a border; the authors' is 5.
        class_weights: w_c, k numbers >= 0, or ``None`` for 1 each.
        ignore: The id of pixels without an answer, which are no border; ``None`` for no
            such id.
        from_logits: Whether ``y_pred`` are logits; otherwise probabilities.
        reduction: As in every Keras loss, over the pixels.
        name: Of the loss.
        dtype: Of the computation.
        background: The id of the class between cells; ``None`` for none.

    Raises:
        ValueError: If the weights are not k.

    Example:
        >>> mask, logits = np.array([[[0, 0, 1]]]), np.log([[[[0.5, 0.5]] * 3]])
        >>> round(float(BoundaryCrossEntropy()(mask, logits)), 3)  # any weights of ln 2
        0.693
    """

    def __init__(
        self,
        w0: float = 10.0,
        sigma: float = 5.0,
        class_weights: Any = None,
        ignore: int | None = 255,
        from_logits: bool = True,
        reduction: str = "sum_over_batch_size",
        name: str = "boundary_cross_entropy",
        dtype: Any = None,
        background: int | None = None,
    ):
        super().__init__(ignore, from_logits, 0.0, class_weights, reduction, name, dtype)
        self.w0 = w0
        self.sigma = sigma
        self.background = background

    def _weights(self, mask: Any, ids: Any) -> Any:
        reach = math.ceil(_REACH * self.sigma)
        if self.background is None:
            distance = boundary_distance(mask, reach, self.ignore)
        else:
            first, second = cell_distances(mask, self.background, reach, self.ignore)
            distance = first + second
        near = ops.exp(-ops.square(ops.cast(distance, self.dtype) / self.sigma) / 2.0)
        return super()._weights(mask, ids) + self.w0 * near

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same loss again."""
        own = {"w0": self.w0, "sigma": self.sigma, "background": self.background}
        config = super().get_config() | own
        return {name: config[name] for name in config if name != "label_smoothing"}
