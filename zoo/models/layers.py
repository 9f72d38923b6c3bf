"""The one layer that Keras lacks: bringing a map to the size of another, whatever it is."""

from collections.abc import Sequence
from typing import Any

import keras

from zoo.models import checks

METHODS = ("crop", "center_crop", "extend", "nearest", "bilinear", "average")


@keras.saving.register_keras_serializable(package="zoo")
class FitSize(keras.layers.Layer):
    """Brings a map to the height and width of a reference, or to given ones.

    Called on ``[x, reference]``: x float [n, h, w, c], reference [n, H, W, any]; returns
    [n, H, W, c] in the dtype of x. Only the reference's shape is used. With ``size`` it is
    called on x alone.

    Everything but cutting and adding zeros is a product with matrices that are computed from the
    sizes, which every format that models are exported to can express when sizes are not known in
    advance, and whose gradient is a product again.

    Args:
        method: ``"crop"``: what is too much is cut at the bottom and the right: strides with
            ``padding="same"`` round odd sizes up, with windows that start at the top left, so
            that the surplus of an up-sampled map lies at the other end. What is missing is added
            as zeros on both sides, an odd row or column at the bottom or right:
            ``padding="valid"`` takes away from both borders alike.
            ``"center_crop"``: the same, but cut on both sides as well.
            ``"extend"``: the same as ``"crop"``, but what is missing repeats the outermost rows
            and columns.
            ``"nearest"``: each position takes the value of the one that its centre lies in.
            ``"bilinear"``: interpolated linearly between the centres of the positions, and
            constant beyond the outermost.
            ``"average"``: each position is the mean of the rows and columns that its share of
            the map touches, as in adaptive average pooling.
        size: Height and width, for a map without a reference.
        **kwargs: Of ``keras.layers.Layer``.

    Raises:
        UserError: If the method is unknown, or a size is not positive.

    Example:
        >>> FitSize()([keras.ops.ones((1, 4, 4, 2)), keras.ops.ones((1, 3, 5, 7))]).shape
        (1, 3, 5, 2)
        >>> FitSize("average", size=(2, 2))(keras.ops.ones((1, 5, 9, 2))).shape
        (1, 2, 2, 2)
    """

    def __init__(self, method: str = "crop", size: Sequence[int] | None = None, **kwargs: Any):
        # Without this the reference, often the picture itself, would be cast for nothing.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        self.method = checks.one_of("method", method, METHODS)
        self.size = None if size is None else checks.per_stage("size", size, 2)

    def get_config(self) -> dict[str, Any]:
        """Returns what rebuilds the layer."""
        return {**super().get_config(), "method": self.method, "size": self.size}

    def call(self, inputs: Any) -> Any:
        """Returns x [n, h, w, c] as [n, H, W, c]."""
        x, height, width = (inputs, *self.size) if self.size else (inputs[0], *_size_of(inputs[1]))
        if self.method == "crop":
            return _padded(x[:, :height, :width], height, width)
        if self.method == "center_crop":
            return _padded(_center(x, height, width), height, width)
        count, rows, columns, channels = _shape_of(x)
        if _same(height, rows) and _same(width, columns):
            return x
        weights = _WEIGHTS[self.method]
        vertical = keras.ops.cast(weights(height, rows), x.dtype)
        horizontal = keras.ops.cast(weights(width, columns), x.dtype)
        x = keras.ops.matmul(vertical, keras.ops.reshape(x, (count, rows, columns * channels)))
        x = keras.ops.reshape(x, (count, height, columns, channels))
        return keras.ops.matmul(horizontal, x)

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        """Returns the static shape, as far as the reference's is known."""
        x = inputs if self.size else inputs[0]
        size = self.size or inputs[1].shape[1:3]
        return keras.KerasTensor((x.shape[0], *size, x.shape[3]), dtype=x.dtype)


def _shape_of(x: Any) -> Any:
    """Numbers as far as they are known, else tensors."""
    return keras.ops.shape(x)


def _size_of(x: Any) -> tuple[Any, Any]:
    return _shape_of(x)[1:3]


def _center(x: Any, height: Any, width: Any) -> Any:
    have = _size_of(x)
    top, left = (_half(have[0], height), _half(have[1], width))
    return x[:, top : top + height, left : left + width]


def _half(have: Any, wanted: Any) -> Any:
    surplus = (have - wanted) // 2
    return max(surplus, 0) if isinstance(surplus, int) else keras.ops.maximum(surplus, 0)


def _same(wanted: Any, have: Any) -> bool:
    # In a graph with open sizes they are tensors, of which nothing can be asked yet.
    return isinstance(wanted, int) and isinstance(have, int) and wanted == have


def _padded(x: Any, height: Any, width: Any) -> Any:
    have = _size_of(x)
    if _same(height, have[0]) and _same(width, have[1]):
        return x
    rows, columns = _sides(height, have[0]), _sides(width, have[1])
    count, _, _, channels = _shape_of(x)
    # Padding by sizes that are not known makes TensorFlow forget the channels as well, without
    # which LiteRT can express no convolution behind it.
    x = keras.ops.pad(x, ((0, 0), rows, columns, (0, 0)))
    return keras.ops.reshape(x, (count, height, width, channels))


def _sides(wanted: Any, have: Any) -> tuple[Any, Any]:
    missing = wanted - have
    return missing // 2, missing - missing // 2


# Weights [wanted, have] of the old positions, as float32: half precision would misplace those of
# large maps.


def _interpolation(wanted: Any, have: Any) -> Any:
    """Of the two positions that each new one lies between."""
    length: Any = keras.ops.cast(have, "float32")
    scale = length / keras.ops.cast(wanted, "float32")
    places: Any = (_ramp(wanted) + 0.5) * scale - 0.5
    places = keras.ops.clip(places, 0.0, keras.ops.cast(have - 1, "float32"))
    distance: Any = keras.ops.abs(places[:, None] - _ramp(have)[None])
    return keras.ops.relu(1.0 - distance)


def _averages(wanted: Any, have: Any) -> Any:
    """Of the positions that each new one's share touches."""
    # In whole numbers, because a share that ends between two positions touches no third one.
    new, old = _numbers(wanted), _numbers(have)
    first = (new * have) // wanted
    # Rounded up without a negative number, which some formats divide towards zero.
    after = ((new + 1) * have + wanted - 1) // wanted
    touched = keras.ops.cast(
        keras.ops.logical_and(old[None] >= first[:, None], old[None] < after[:, None]), "float32"
    )
    return touched / keras.ops.sum(touched, axis=1, keepdims=True)


def _extension(wanted: Any, have: Any) -> Any:
    """Of the position that lies at the same place, or of the outermost beyond it."""
    return _chosen(keras.ops.clip(_numbers(wanted) - _half(wanted, have), 0, have - 1), have)


def _nearest(wanted: Any, have: Any) -> Any:
    """Of the position that the centre of each new one lies in."""
    return _chosen(((2 * _numbers(wanted) + 1) * have) // (2 * wanted), have)


def _chosen(places: Any, have: Any) -> Any:
    return keras.ops.cast(keras.ops.equal(places[:, None], _numbers(have)[None]), "float32")


def _numbers(length: Any) -> Any:
    return keras.ops.arange(length, dtype="int32")


def _ramp(length: Any) -> Any:
    return keras.ops.arange(length, dtype="float32")


_WEIGHTS = {
    "extend": _extension,
    "nearest": _nearest,
    "bilinear": _interpolation,
    "average": _averages,
}
