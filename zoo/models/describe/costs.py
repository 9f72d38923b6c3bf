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
    """Returns the bytes of one picture's tensors at the moment when training holds most of them.

    For the way back a step keeps the input and, from the first layer on that learns, every output
    and what these layers get of frozen ones, but for layers that only give memory another name or
    shape. That is an upper bound: a framework may find that some are not needed, or merge layers.
    No gradient reaches the frozen layers before: what they compute is given back as in inference.

    Args:
        calls: Of the model, in the order of computation.
        inputs: The specs of its inputs.
    """
    if _total([inputs, *(call.returned for call in calls)]) is None:
        return None
    home = _homes(calls, inputs, _RENAMING)
    kept = {id(spec): spec for spec in inputs}
    before: list[Call] = []
    learnt: set[int] = set()
    for call in calls:
        learns = bool(getattr(call.operation, "trainable_variables", ()))
        if not learns and learnt.isdisjoint(map(id, call.given)):
            before.append(call)
            continue
        learnt.update(map(id, call.returned))
        for spec in (*call.given, *call.returned):
            kept[id(home[id(spec)])] = home[id(spec)]
    frozen = {id(spec) for call in before for spec in call.returned}
    handed_on = [spec for spec in kept.values() if id(spec) in frozen]
    return max(
        activation_bytes(list(kept.values())) or 0, inference_memory(before, inputs, handed_on) or 0
    )


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
    home = _homes(calls, inputs, (*_RENAMING, *_IDLE))
    last: dict[int, int] = {}
    for time, call in enumerate(calls):
        for spec in (*call.given, *call.returned):
            last[id(home[id(spec)])] = time
    for spec in outputs:
        last[id(home[id(spec)])] = len(calls)

    live = {id(spec): activation_bytes([spec]) or 0 for spec in inputs}
    peak = sum(live.values())
    for time, call in enumerate(calls):
        for spec in call.returned:
            if home[id(spec)] is spec:
                live[id(spec)] = activation_bytes([spec]) or 0
        peak = max(peak, sum(live.values()))
        live = {one: size for one, size in live.items() if last.get(one, -1) > time}
    return peak


def _homes(calls: list[Call], inputs: list[Any], renaming: Iterable[str]) -> dict[int, Any]:
    """Returns the spec in whose memory each lies, by the identity of specs.

    Args:
        calls: Of the model, in the order of computation.
        inputs: The specs of its inputs.
        renaming: Classes of layers whose output is their input.
    """
    home = {id(spec): spec for spec in inputs}
    for call in calls:
        same = type(call.operation).__name__ in renaming
        for spec in call.returned:
            home[id(spec)] = home[id(call.given[0])] if same else spec
    return home


def _total(groups: list[list[Any]]) -> int | None:
    sizes = [activation_bytes(specs) for specs in groups]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _item_bytes(dtype: str) -> int:
    bits = re.search(r"\d+", dtype)
    # What says no number is "bool".
    return max(int(bits.group()) // 8, 1) if bits else 1


def _product(sizes: tuple[int | None, ...]) -> int | None:
    return None if None in sizes else math.prod(size for size in sizes if size is not None)
