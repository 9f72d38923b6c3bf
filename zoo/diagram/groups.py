"""Puts the layers of a model into the few boxes that a picture of it has room for."""

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import keras

from zoo.models.describe import Row, describe
from zoo.models.graph import Call, input_specs, walk

_OWN_NAME = re.compile(r"(stem|stage\d+|up\d+|full|locate)(?=_|$)")
_HEAD_NAME = re.compile(r"(attention|attended|edges|pooled|box|class|mask)(?=_|$)")
# What belongs to the input if it comes first.
_PREPARING = ("Rescaling", "Normalization")
# What these add or take away is the next layer's business.
_MARGINS = ("ZeroPadding2D", "Cropping2D", "Pad")


@dataclass
class Group:
    """Layers drawn as one box.

    Attributes:
        name: Written on the box.
        shape: Of the last output, without the batch.
        stride: Input pixels between two positions of it; ``None`` without positions.
        parameters: Of all its layers.
        layers: How many layers with weights it has.
        sources: Places of the groups whose output it reads, nearest last.
    """

    name: str
    shape: tuple[int | None, ...]
    stride: Fraction | None
    parameters: int = 0
    layers: int = 0
    sources: list[int] = field(default_factory=list)


def groups_of(model: keras.Model, size: tuple[int, int] | None = None) -> list[Group]:
    """Returns a model's groups in the order of computation, the input first.

    Layers belong together that the zoo's own names say so of (``stage1_block2_conv1`` is of
    ``stage1``); those of other names are of the group that they continue, as long as the stride
    stays. What has no positions any more, and what follows on it, is the head.

    Args:
        model: A functional Keras model on pictures.
        size: Height and width of the input, for a model that leaves them open.
    """
    description = describe(model, size=size)
    calls: list[Call] = []
    specs = input_specs(model, size)
    walk(model, specs, calls.append)
    groups = [Group("input", tuple(specs[0].shape[1:]), Fraction(1))]
    place: dict[int, int] = {id(spec): 0 for spec in specs}
    by_key: dict[str, int] = {}
    last = _last_with_positions(calls, [row.output_stride for row in description.rows])
    for time, (call, row) in enumerate(zip(calls, description.rows, strict=True)):
        stride = None if row.output_stride is None else Fraction(row.output_stride[1])
        came = max((place[id(spec)] for spec in call.given), default=0)
        name = call.operation.name
        own = _OWN_NAME.match(name)
        if row.kind in _PREPARING and came == 0:
            here = 0
        elif own is not None:
            here = _place(own.group(1), groups, by_key, f"{own.group(1)} {stride}")
        elif time > last or _HEAD_NAME.match(name):
            here = _place("head", groups, by_key)
        elif stride is None or (came > 0 and groups[came].stride == stride):
            # What has no positions but leads back to a map weighs the channels of that map.
            here = came
        else:
            up = (groups[came].stride or stride) > stride
            here = _place(f"{'up to ' if up else ''}stride {float(stride):g}", groups, by_key)
        _add(groups[here], call, row, stride, here == 0)
        # Of what a map is fitted to only the size is read.
        given = call.given[:1] if row.kind == "FitSize" else call.given
        for source in {place[id(spec)] for spec in given} - {here, *groups[here].sources}:
            if source < here:
                groups[here].sources.append(source)
        for spec in call.returned:
            place[id(spec)] = here
    return _merged(groups)


def _last_with_positions(calls: list[Call], strides: list[Any]) -> int:
    """The last call whose output has positions: what comes after it is the head's."""
    return max((time for time in range(len(calls)) if strides[time] is not None), default=-1)


def _place(name: str, groups: list[Group], by_key: dict[str, int], key: str = "") -> int:
    """The place of a group, which is made if there is none yet."""
    key = key or name
    if key not in by_key:
        by_key[key] = len(groups)
        groups.append(Group(name, (), None))
    return by_key[key]


def _add(group: Group, call: Call, row: Row, stride: Fraction | None, is_input: bool) -> None:
    shape = tuple(row.output_shape)
    shown = stride is not None or group.stride is None or group.name == "head"
    if shown and row.kind not in _MARGINS and not is_input:
        group.shape, group.stride = shape, stride
    group.parameters += row.parameters
    group.layers += row.parameters > 0 and row.kind.endswith(("Conv2D", "Dense", "Transpose"))


def _merged(groups: list[Group]) -> list[Group]:
    """The groups without those that learn nothing: a pooling goes to the group that reads it."""
    gone: dict[int, list[int]] = {}
    for here, group in enumerate(groups):
        sources = {far for near in group.sources for far in gone.get(near, [near])}
        group.sources = sorted(sources)
        if 0 < here < len(groups) - 1 and group.parameters == 0:
            gone[here] = group.sources
    kept = [here for here in range(len(groups)) if here not in gone]
    for group in groups:
        group.sources = [kept.index(source) for source in group.sources if source in kept]
    return [groups[here] for here in kept]
