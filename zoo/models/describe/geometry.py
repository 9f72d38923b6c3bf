"""What each layer, and each Keras operation, makes of the fields of its inputs.

Statistics that a normalization layer takes over positions are not counted as seeing.
"""

from fractions import Fraction
from typing import Any

import keras

from zoo.models.describe import fields
from zoo.models.describe.fields import EVERYTHING, NOWHERE, Axis, Reach, View
from zoo.models.graph import Call
from zoo.models.layers import FitSize

Pair = tuple[int, int]

_POOLING = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)
# Keras exports no classes for its operations.
_POOLING_OPERATIONS = ("MaxPool", "AveragePool")
_PRODUCTS = ("Matmul", "Dot", "Tensordot", "Einsum", "EinsumDense")

_MIXING = ("Softmax", "LogSoftmax", "Cumsum", "Flip", "Roll")


def kernel_of(operation: Any) -> Pair | None:
    """Returns height and width of a layer's window, or ``None`` if it has none."""
    if isinstance(operation, _POOLING) or type(operation).__name__ in _POOLING_OPERATIONS:
        return _pair(operation.pool_size)
    if not isinstance(operation, keras.layers.Layer):
        return None
    size = getattr(operation, "kernel_size", None)
    if not isinstance(size, tuple | list) or len(size) != 2:
        return None
    return size[0], size[1]


def stride_of(operation: Any) -> Pair | None:
    """Returns the steps of a layer's window down and across, or ``None`` if it has none.

    Those of a transposed convolution are how many times it enlarges.
    """
    kernel = kernel_of(operation)
    if kernel is None:
        return None
    return kernel if operation.strides is None else _pair(operation.strides)


def mixes_positions(operation: Any) -> bool:
    """Whether an operation is a softmax over all positions, as attention takes it."""
    return type(operation).__name__ == "Softmax" and any(
        axis in (1, 2) for axis in _axes(operation.axis, 4)
    )


def view_through(call: Call, views: list[View], returned: Any) -> View:
    """Returns what a layer's output sees.

    A map is any tensor [n, h, w, ...]; what has lost its positions sees everything.

    Args:
        call: The layer or Keras operation, and what it is called with.
        views: What each of its inputs sees.
        returned: The spec of its output.
    """
    if type(call.operation).__name__ in ("Transpose", "Permute"):
        return _transposed(call.operation, views[0])
    if not _keeps_axes(call, returned):
        return EVERYTHING
    sides = []
    for side in (0, 1):
        axes = [
            _brought(axis, spec, returned, side)
            for axis, spec in zip(
                [view.down if side == 0 else view.across for view in views],
                call.given,
                strict=True,
            )
        ]
        if isinstance(call.operation, FitSize):
            sides.append(_fitted(call, axes, returned, side))
        else:
            sides.append(_along(call, fields.joined(axes), returned, side))
    return View(*sides)


def _keeps_axes(call: Call, returned: Any) -> bool:
    """Whether the output's axes 1 and 2 are the input's, be they longer or shorter."""
    operation, given = call.operation, call.given
    kind = type(operation).__name__
    if len(returned.shape) < 3 or not any(len(spec.shape) > 2 for spec in given):
        return False
    if kind in _PRODUCTS:
        return len(given) == 1 and _local(operation, given[0])
    if kind in ("Reshape", "Squeeze", "ExpandDims") or kind.startswith("Global"):
        return tuple(returned.shape[1:3]) == tuple(given[0].shape[1:3])
    if len(returned.shape) < len(given[0].shape) and hasattr(operation, "axis"):
        # A sum without keepdims: the axes before the channels must be left.
        rank = len(given[0].shape)
        return all(axis is not None and axis % rank > 2 for axis in _axes(operation.axis))
    return True


def _local(operation: Any, given: Any) -> bool:
    """Whether a product with a constant leaves positions apart."""
    equation = getattr(operation, "equation", getattr(operation, "subscripts", None))
    if equation is None:
        return len(given.shape) > 3
    left, _, result = equation.replace("...", "").partition("->")
    first, _, second = left.partition(",")
    return first[:3] == result[:3] and not set(first[1:3]) & set(second)


def _brought(axis: Axis, spec: Any, returned: Any, side: int) -> Axis:
    """What a map brings to one that it is joined with: a single position is spread over all."""
    if len(spec.shape) < 3 or (spec.shape[1 + side] == 1 != returned.shape[1 + side]):
        return NOWHERE
    return axis


def _fitted(call: Call, axes: list[Axis], returned: Any, side: int) -> Axis:
    """What a map sees that was brought to another's size, of which only the size is taken."""
    axis, operation = axes[0], call.operation
    given, wanted = call.given[0].shape[1 + side], returned.shape[1 + side]
    stride = axes[1].stride if len(axes) > 1 else None
    if axis.spans is None or axis.stride is None:
        return Axis(None, stride or axis.stride)
    cropped = operation.method in ("crop", "center_crop", "extend")
    if given is None or wanted is None:
        if cropped:
            return axis
        if stride is None or operation.method == "average":
            return Axis(None, stride)
        return axis.through(fields.resampled(stride / axis.stride, operation.method))
    if cropped:
        missing, surplus = max(wanted - given, 0), max(given - wanted, 0)
        centred = operation.method == "center_crop"
        return axis.through(_shift((surplus if centred else 0) // 2 - missing // 2))
    if operation.method == "average":
        return axis.through(fields.shares(given, wanted))
    reach = fields.resampled(Fraction(given, wanted), operation.method)
    if stride is None or stride * wanted == axis.stride * given:
        return axis.through(reach)
    return fields.listed(axis, reach, given, wanted, stride)


def _along(call: Call, axis: Axis, returned: Any, side: int) -> Axis:
    """What the output sees along one axis: 0 is down, 1 is across."""
    operation = call.operation
    given, wanted = call.given[0].shape[1 + side], returned.shape[1 + side]
    if type(operation).__name__ in _MIXING:
        axes = range(4) if operation.axis is None else _axes(operation.axis, 4)
        return Axis(None, axis.stride) if side + 1 in axes else axis
    if getattr(operation, "keepdims", False):
        # A mean, a maximum, a global pooling; without an axis over all there are.
        axes = getattr(operation, "axis", None)
        reduced = type(operation).__name__.startswith("Global") or axes is None
        rank = len(call.given[0].shape)
        return NOWHERE if reduced or side + 1 in _axes(axes, rank) else axis
    reach = _reach(call, given, wanted, side)
    if reach is not None:
        return axis.through(reach)
    if given != wanted and not any(spec.shape[1 + side] == wanted for spec in call.given):
        return NOWHERE
    return axis


def _reach(call: Call, given: int | None, wanted: int | None, side: int) -> Reach | None:
    """How positions of the output reach those of the input; ``None``: each to its own."""
    operation, layers = call.operation, keras.layers
    kind = type(operation).__name__
    kernel, stride = kernel_of(operation), stride_of(operation)
    if kernel is not None and stride is not None:
        dilation = _pair(getattr(operation, "dilation_rate", 1))[side]
        taps, step = kernel[side], stride[side]
        if isinstance(operation, layers.Conv2DTranspose):
            more = operation.output_padding
            more = more if more is None else _pair(more)[side]
            wide = (taps - 1) * dilation + 1
            return fields.transposed(wide, step, operation.padding, more)
        before = fields.padding_before(operation.padding, given, taps, step, dilation)
        return fields.window(taps, step, dilation, before)
    if isinstance(operation, layers.UpSampling2D):
        return fields.resampled(Fraction(1, operation.size[side]), operation.interpolation)
    if isinstance(operation, layers.ZeroPadding2D):
        return _shift(-operation.padding[side][0])
    if isinstance(operation, layers.Cropping2D):
        return _shift(operation.cropping[side][0])
    if kind == "Pad":
        widths = operation.pad_width
        return _shift(-(widths[side + 1] if len(widths) > 1 else widths[0])[0])
    if kind == "GetItem":
        return _slice(call, given, side)
    if given is None or wanted is None or given == wanted:
        return None
    if kind.startswith("AdaptiveAverage") or kind.startswith("AdaptiveMax"):
        return fields.shares(given, wanted)
    if kind in ("Resizing", "Resize"):
        return fields.resampled(Fraction(given, wanted), operation.interpolation)
    return None


def _slice(call: Call, given: int | None, side: int) -> Reach | None:
    key = call.args[1] if len(call.args) > 1 else call.kwargs["key"]
    parts = list(key) if isinstance(key, tuple | list) else [key]
    if Ellipsis in parts:
        place = parts.index(Ellipsis)
        missing = len(call.given[0].shape) - len(parts) + 1
        parts[place : place + 1] = [slice(None)] * missing
    part = parts[side + 1] if len(parts) > side + 1 else slice(None)
    if not isinstance(part, slice):
        return None
    start, step = part.start or 0, part.step or 1
    if step < 1 or not isinstance(start, int):
        return None
    if start < 0:
        # Of a map of unknown size the end is nowhere in particular.
        start = 0 if given is None else max(given + start, 0)
    return fields.window(1, step, 1, -start)


def _transposed(operation: Any, view: View) -> View:
    axes = operation.dims if hasattr(operation, "dims") else operation.axes
    axes = () if axes is None else tuple(axes)
    # A layer's axes leave out the batch and count from one all the same.
    axes = axes if not hasattr(operation, "dims") else (0, *axes)
    if axes[1:3] == (1, 2):
        return view
    return View(view.across, view.down) if axes[1:3] == (2, 1) else EVERYTHING


def _shift(positions: int) -> Reach:
    return fields.window(1, 1, 1, -positions)


def _pair(value: Any) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _axes(axis: Any, rank: int | None = None) -> tuple[Any, ...]:
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    return tuple(one % rank for one in axes) if rank else tuple(axes)
