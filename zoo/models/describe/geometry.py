"""Receptive field and stride of each map, and the multiply-adds of each layer.

The arithmetic is Araujo, Norris and Sim's (2019, "Computing receptive fields of convolutional
neural networks", Distill): a kernel of k taps, d apart, on a map of stride j widens the field by
(k - 1) d j pixels. Statistics that a normalization layer takes over positions are not counted.
"""

import functools
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import keras

from zoo.models.layers import FitSize

Pair = tuple[int, int]


@dataclass(frozen=True)
class View:
    """What a position of a map sees of the input.

    Attributes:
        field: Height and width of its receptive field in input pixels; ``None`` for all of it.
        stride: Input pixels between two positions, down and across; ``None`` without positions.
    """

    field: tuple[Fraction, Fraction] | None
    stride: tuple[Fraction, Fraction] | None


PIXEL = View((Fraction(1), Fraction(1)), (Fraction(1), Fraction(1)))
EVERYTHING = View(None, None)

_POOLING = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)


def kernel_of(operation: Any) -> Pair | None:
    """Returns height and width of a layer's window, or ``None`` if it has none."""
    if isinstance(operation, _POOLING):
        height, width = operation.pool_size
        return height, width
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
    if kernel_of(operation) is None:
        return None
    strides = operation.strides
    return (strides, strides) if isinstance(strides, int) else tuple(strides)


def view_through(operation: Any, views: list[View], given: list[Any], returned: Any) -> View:
    """Returns what a layer's output sees.

    Args:
        operation: The layer or Keras operation.
        views: What each of its inputs sees.
        given: The specs of its inputs.
        returned: The spec of its output.
    """
    if isinstance(operation, FitSize):
        # The second input gives only its size.
        return views[0]
    view = _widest(views)
    if len(returned.shape) != 4 or not any(len(spec.shape) == 4 for spec in given):
        return EVERYTHING
    if _pools_everything(operation, given[0], returned):
        return EVERYTHING
    if isinstance(operation, keras.layers.Softmax) and _over_positions(operation.axis):
        return View(None, view.stride)
    if view.stride is None:
        return view
    if isinstance(operation, keras.layers.Conv2DTranspose):
        return _enlarged(view, kernel_of(operation), stride_of(operation))
    if isinstance(operation, keras.layers.UpSampling2D):
        taps = 1 if operation.interpolation == "nearest" else 2
        size = operation.size
        return _enlarged(view, (taps * size[0], taps * size[1]), size)
    kernel, stride = kernel_of(operation), stride_of(operation)
    if kernel is None or stride is None:
        return view
    dilation = getattr(operation, "dilation_rate", (1, 1))
    dilation = (dilation, dilation) if isinstance(dilation, int) else dilation
    spans = _each(lambda taps, apart: (taps - 1) * apart, kernel, dilation)
    return View(_widened(view, spans), _each(operator.mul, view.stride, stride))


def _widest(views: list[View]) -> View:
    fields = [view.field for view in views if view.field is not None]
    strides = [view.stride for view in views if view.stride is not None]
    # One branch that sees everything is enough to see everything.
    return View(
        functools.reduce(partial(_each, max), fields) if len(fields) == len(views) else None,
        functools.reduce(partial(_each, max), strides) if strides else None,
    )


def _pools_everything(operation: Any, given: Any, returned: Any) -> bool:
    """Whether a layer keeps four axes but leaves a single position by design."""
    name = type(operation).__name__
    return getattr(operation, "keepdims", False) and (
        name.startswith("Global") or tuple(returned.shape[1:3]) == (1, 1) != given.shape[1:3]
    )


def _over_positions(axis: Any) -> bool:
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    return any(one % 4 in (1, 2) for one in axes)


def _enlarged(view: View, kernel: Any, scale: Any) -> View:
    # An enlarged position meets every scale-th tap: ceil(kernel / scale) positions of the input.
    spans = _each(lambda taps, times: math.ceil(taps / times) - 1, kernel, scale)
    return View(_widened(view, spans), _each(operator.truediv, view.stride, scale))


def _widened(view: View, spans: Any) -> Any:
    """The field of a window that reaches over so many steps of the map, down and across."""
    if view.field is None:
        return None
    return _each(operator.add, view.field, _each(operator.mul, spans, view.stride))


def _each(function: Callable[[Any, Any], Any], first: Any, second: Any) -> tuple[Any, Any]:
    """The function of both down, and of both across."""
    return function(first[0], second[0]), function(first[1], second[1])


def multiply_adds(operation: Any, given: list[Any], returned: Any) -> int | None:
    """Returns the multiply-adds of a layer for one picture; ``None`` if the size is unknown.

    Convolutions of every kind and dense layers are counted, biases and all else are not. A
    transposed convolution costs its kernel at each position of its input.

    Args:
        operation: The layer or Keras operation.
        given: The specs of its inputs.
        returned: The spec of its output.
    """
    layers = keras.layers
    if isinstance(operation, layers.Dense):
        return _product((*given[0].shape[1:], operation.units))
    if not isinstance(
        operation,
        (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Conv2DTranspose),
    ):
        return 0
    channels = given[0].shape[-1]
    window = math.prod(operation.kernel_size)
    if isinstance(operation, layers.Conv2DTranspose):
        return _product((*given[0].shape[1:3], window * channels * operation.filters))
    positions = returned.shape[1:3]
    if isinstance(operation, layers.DepthwiseConv2D):
        return _product((*positions, window * channels * operation.depth_multiplier))
    if isinstance(operation, layers.SeparableConv2D):
        middle = channels * operation.depth_multiplier
        return _product((*positions, middle * (window + operation.filters)))
    return _product((*positions, window * channels // operation.groups * operation.filters))


def _product(sizes: tuple[int | None, ...]) -> int | None:
    return None if None in sizes else math.prod(size for size in sizes if size is not None)
