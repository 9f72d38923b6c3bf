"""Cross-entropy that counts more where a region of another class is near."""

import math
from typing import Any

import keras

from zoo.losses.entropy import MaskCrossEntropy

# A type checker infers `KerasTensor | None` for what these return: tensors.
ops: Any = keras.ops

# Of sigma, how far borders are looked for: beyond, w0 is taken times less than e^-8 = 0.0003.
_REACH = 4.0
_FAR = 1e12


def boundary_distance(mask: Any, reach: int, ignore: int | None = 255) -> Any:
    """Measures how far each pixel is from the nearest one of another class.

    The Euclidean distance between the pixels' centres, exact up to ``reach``, by a min-plus
    convolution with a parabola along rows and then along columns (Felzenszwalb & Huttenlocher
    2012, "Distance Transforms of Sampled Functions"). What is carried along is the nearest
    pixel and the nearest of any other class than that, so that the cost is the same for any
    number of classes: some 14 operations on the whole mask for each pixel of ``reach``, in
    each direction.

    Args:
        mask: [n, h, w] of class ids, any number type.
        reach: In pixels, >= 1.
        ignore: The id of pixels that are of no class and from which nothing is measured;
            ``None`` for no such id.

    Returns:
        float32 [n, h, w], pixels, >= 1. What is farther than ``reach`` may come out farther
        than it is, never within ``reach``. Ignored pixels have the distance to the second
        nearest class, as if they were of the nearest.

    Example:
        >>> distance = boundary_distance(np.array([[[0, 0, 1, 255]]]), reach=3)
        >>> [float(value) for value in distance[0, 0]]
        [2.0, 1.0, 1.0, 2.0]
    """
    ids = ops.cast(mask, "int32")
    first = ops.zeros_like(ids, dtype="float32")
    if ignore is not None:
        first = ops.where(ops.equal(ids, ignore), _FAR, first)
    state = (first, ids, ops.full_like(first, _FAR))
    for axis in (2, 1):
        state = _nearest(state, axis, reach)
    return ops.sqrt(state[2])


def _nearest(state: tuple[Any, Any, Any], axis: int, reach: int) -> tuple[Any, Any, Any]:
    """Lets each pixel know what those up to ``reach`` away along an axis know.

    The state is the squared distance to the nearest pixel, its id, and the squared distance to
    the nearest of another id.
    """
    length = state[0].shape[axis]
    reach = reach if length is None else min(reach, length - 1)
    shape = ops.shape(state[0])
    # Not ops.pad: mapped over examples, as attacks ask for it, TensorFlow 2.21 pads with 0.
    margin = [reach if at == axis else size for at, size in enumerate(shape)]
    padded = []
    for side, blank in zip(state, (_FAR, -1, _FAR), strict=True):
        outside = ops.full(margin, blank, dtype=side.dtype)
        padded.append(ops.concatenate([outside, side, outside], axis=axis))

    def step(away: Any, state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        cost = ops.cast(away * away, "float32")
        for start in (reach - away, reach + away):
            corner = [start if at == axis else 0 for at in range(3)]
            other = [ops.slice(side, corner, shape) for side in padded]
            state = _merged(state, other, cost)
        return state

    # In the graph, because written out the steps would take longer to trace than to do.
    return ops.fori_loop(1, reach + 1, step, state)


def _merged(state: tuple[Any, Any, Any], other: list[Any], cost: Any) -> tuple[Any, Any, Any]:
    first, id_, second = state
    other_first, other_id, other_second = other[0] + cost, other[1], other[2] + cost
    # The farther one of two nearest pixels is the nearest of another id, if theirs differ.
    farther = ops.where(ops.equal(id_, other_id), _FAR, ops.maximum(first, other_first))
    return (
        ops.minimum(first, other_first),
        ops.where(other_first < first, other_id, id_),
        ops.minimum(ops.minimum(second, other_second), farther),
    )


@keras.saving.register_keras_serializable(package="zoo")
class BoundaryCrossEntropy(MaskCrossEntropy):
    """Cross-entropy of integer masks that counts more along borders.

    After the weight map of Ronneberger et al. 2015 ("U-Net"), ``w = w_c + w0 exp(-(d1 +
    d2)^2 / (2 sigma^2))``, d1 and d2 being a pixel's distances to the nearest and second
    nearest cell. A mask of class ids knows no cells but regions of one class: a pixel's own is
    at distance 0, hence d1 = 0, and d2 is the distance to the nearest pixel of another class
    (:func:`boundary_distance`, exact up to 4 sigma; what is farther adds less than 0.0004 w0).
    Cells of one class that touch, which the authors' map pushes apart, are one region here:
    give the gap between them a class.

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
    ):
        super().__init__(ignore, from_logits, 0.0, class_weights, reduction, name, dtype)
        self.w0 = w0
        self.sigma = sigma

    def _weights(self, mask: Any, ids: Any) -> Any:
        distance = boundary_distance(mask, math.ceil(_REACH * self.sigma), self.ignore)
        near = ops.exp(-ops.square(ops.cast(distance, self.dtype) / self.sigma) / 2.0)
        return super()._weights(mask, ids) + self.w0 * near

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same loss again."""
        config = super().get_config() | {"w0": self.w0, "sigma": self.sigma}
        return {name: config[name] for name in config if name != "label_smoothing"}
