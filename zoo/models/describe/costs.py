"""What layers cost: weights, multiply-adds, and the memory of what they compute."""

import math
import re
from collections.abc import Iterable
from typing import Any

import keras

from zoo.models.graph import Call

# What training follows but does not learn.
_STATISTICS = ("moving_mean", "moving_variance")
# Their output is their input under another name, or at another shape.
_RENAMING = ("Flatten", "Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient")
# Outside training these do nothing.
_IDLE = (
    "Dropout",
    "SpatialDropout2D",
    "GaussianNoise",
    "GaussianDropout",
    "ActivityRegularization",
)


def parameters(operation: Any) -> int:
    """Returns how many weights training learns, frozen or not: no statistics of the data."""
    if isinstance(operation, keras.layers.Normalization):
        return 0
    return sum(
        math.prod(weight.shape)
        for weight in getattr(operation, "weights", [])
        if weight.name not in _STATISTICS
    )


def weight_bytes(operations: Iterable[Any]) -> int:
    """Returns the bytes of all weights, moving statistics too, each layer once."""
    once = {id(operation): operation for operation in operations}.values()
    return sum(
        math.prod(weight.shape) * _item_bytes(weight.dtype)
        for operation in once
        for weight in getattr(operation, "weights", [])
    )


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


def activation_bytes(specs: list[Any]) -> int | None:
    """Returns the bytes of tensors for one picture; ``None`` if a size is unknown."""
    sizes = [_product(tuple(spec.shape[1:])) for spec in specs]
    if None in sizes:
        return None
    return sum(
        size * _item_bytes(spec.dtype)
        for size, spec in zip(sizes, specs, strict=True)
        if size is not None
    )


def training_memory(calls: list[Call], inputs: list[Any]) -> int | None:
    """Returns the bytes of what a training step keeps of one picture for the way back.

    That is the input and every output, but for layers that only give memory another name or
    shape. An upper bound: a framework may find that some are not needed, or merge layers.

    Args:
        calls: Of the model, in the order of computation.
        inputs: The specs of its inputs.
    """
    kept = [call.returned for call in calls if type(call.operation).__name__ not in _RENAMING]
    return _total([inputs, *kept])


def inference_memory(calls: list[Call], inputs: list[Any], outputs: list[Any]) -> int | None:
    """Returns the bytes of one picture's tensors at the moment when most are needed at once.

    While a layer computes, its inputs, its output and whatever a later layer reads are there;
    all else is given back. Layers that only rename, and those that do nothing outside training,
    take nothing.

    Args:
        calls: Of the model, in the order of computation.
        inputs: The specs of its inputs.
        outputs: The specs of its outputs, which are kept to the end.
    """
    if _total([inputs, *(call.returned for call in calls)]) is None:
        return None
    # By spec, the one whose memory it lies in.
    home: dict[int, int] = {id(spec): id(spec) for spec in inputs}
    last: dict[int, int] = {}
    for time, call in enumerate(calls):
        same = type(call.operation).__name__ in (*_RENAMING, *_IDLE)
        for spec in call.returned:
            home[id(spec)] = home[id(call.given[0])] if same else id(spec)
            last[home[id(spec)]] = time
        for spec in call.given:
            last[home[id(spec)]] = time
    for spec in outputs:
        last[home[id(spec)]] = len(calls)

    live = {id(spec): activation_bytes([spec]) or 0 for spec in inputs}
    peak = sum(live.values())
    for time, call in enumerate(calls):
        for spec in call.returned:
            if home[id(spec)] == id(spec):
                live[id(spec)] = activation_bytes([spec]) or 0
        peak = max(peak, sum(live.values()))
        live = {one: size for one, size in live.items() if last.get(one, -1) > time}
    return peak


def _total(groups: list[list[Any]]) -> int | None:
    sizes = [activation_bytes(specs) for specs in groups]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _item_bytes(dtype: str) -> int:
    bits = re.search(r"\d+", dtype)
    # What says no number is "bool".
    return max(int(bits.group()) // 8, 1) if bits else 1


def _product(sizes: tuple[int | None, ...]) -> int | None:
    return None if None in sizes else math.prod(size for size in sizes if size is not None)
