"""Puts the layers of a model into the few boxes that a picture of it has room for."""

import re
from dataclasses import dataclass, field
from fractions import Fraction

import keras

from zoo.models.describe import Row, describe
from zoo.models.graph import Call, input_specs, walk

_STAGE = re.compile(r"stage\d+_")
# How the names of all layers of the zoo's encoders begin, and of no others.
_ENCODER = re.compile(r"stem|stage\d+(?=_|$)")
_HEAD = re.compile(r"(attention|attended|edges|pooled|box|class|mask)(?=_|$)")
# A node of U-Net++ has two numbers; of the others the first word says it all.
_PART = re.compile(r"node\d+_\d+|_*[^_]*")
# What belongs to the input if it comes first.
_PREPARING = ("Rescaling", "Normalization")
# What these add or take away is the next layer's business.
_MARGINS = ("ZeroPadding2D", "Cropping2D", "Pad")


@dataclass
class Group:
    """Layers drawn as one box.

    Attributes:
        name: Written on the box.
        part: ``"input"``, ``"encoder"``, ``"decoder"`` or ``"head"``.
        shape: Of what leaves it last, without the batch.
        stride: Input pixels between two positions of that; ``None`` without positions.
        parameters: Of all its layers.
        sources: Places of the groups whose output it reads, nearest last.
    """

    name: str
    part: str
    shape: tuple[int | None, ...]
    stride: Fraction | None
    parameters: int = 0
    sources: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Step:
    """A call, what is known of it, and which steps it reads; -1 is the input.

    A Keras operation that is no layer has no name of its own.
    """

    name: str
    named: bool
    row: Row
    stride: Fraction | None
    reads: tuple[int, ...]


def groups_of(model: keras.Model, size: tuple[int, int] | None = None) -> list[Group]:
    """Returns a model's groups in an order in which they can be computed, the input first.

    In a model of the zoo the names tell: an encoder's layers are of the stem or a stage, those
    behind go by their first word (``up1_block_conv1`` is of ``up1``), and parallel branches that
    meet at one stride are one group. In other models layers are of the group that they continue,
    as long as the stride stays. What has no positions any more, and what follows on it, is the
    head.

    Args:
        model: A functional Keras model on pictures.
        size: Height and width of the input, for a model that leaves them open.
    """
    rows = describe(model, size=size).rows
    calls: list[Call] = []
    specs = input_specs(model, size)
    walk(model, specs, calls.append)
    steps: list[_Step] = []
    made = {id(spec): -1 for spec in specs}
    for time, (call, row) in enumerate(zip(calls, rows, strict=True)):
        stride = None if row.output_stride is None else Fraction(row.output_stride[1])
        # Of what a map is fitted to only the size is read.
        given = call.given[:1] if row.kind == "FitSize" else call.given
        reads = tuple(made[id(spec)] for spec in given)
        named = isinstance(call.operation, keras.layers.Layer)
        steps.append(_Step(call.operation.name, named, row, stride, reads))
        made.update({id(spec): time for spec in call.returned})
    whole = Group("input", "input", tuple(specs[0].shape[1:]), Fraction(1))
    if not any(_STAGE.match(step.name) for step in steps):
        return _without_idle(_grouped(_by_stride(steps), steps, whole))
    names = _by_name(steps)
    together = _branches(_grouped(names, steps, whole))
    return _without_idle(_grouped([together.get(name, name) for name in names], steps, whole))


def _by_name(steps: list[_Step]) -> list[str]:
    """The group of each step of a model whose names tell."""
    last = _last_with_positions(steps)
    names: list[str] = []
    for time, step in enumerate(steps):
        came = _came(step, names)
        if (own := _ENCODER.match(step.name)) is not None:
            names.append(own.group())
        elif step.row.kind in _PREPARING and came <= {"input"}:
            names.append("input")
        elif time > last or _HEAD.match(step.name) or "head" in came:
            names.append("head")
        elif not step.named:
            nearest = max(step.reads, default=-1)
            names.append(names[nearest] if nearest >= 0 else "input")
        else:
            part = _PART.match(step.name)
            names.append(part.group() if part and part.group() else step.name)
    # A pooling at the end of a stage is the next one's: the decoder reads what is before it.
    readers: list[list[int]] = [[] for _ in steps]
    for time, step in enumerate(steps):
        for at in step.reads:
            if at >= 0:
                readers[at].append(time)
    for at in reversed(range(len(steps))):
        kind, after = steps[at].row.kind, {names[time] for time in readers[at]}
        passes = kind in _MARGINS or "Pooling" in kind
        if passes and _ENCODER.match(names[at]) and after and names[at] not in after:
            names[at] += " pooled"
    return names


def _by_stride(steps: list[_Step]) -> list[str]:
    """The group of each step of any other model."""
    last = _last_with_positions(steps)
    strides: dict[str, Fraction | None] = {"input": Fraction(1)}
    names: list[str] = []
    for time, step in enumerate(steps):
        came = _came(step, names)
        nearest = max(came, key=list(strides).index, default="input")
        if step.row.kind in _PREPARING and nearest == "input":
            name = "input"
        elif time > last:
            name = "head"
        elif step.stride is None or (nearest != "input" and strides[nearest] == step.stride):
            # What has no positions but leads back to a map weighs the channels of that map.
            name = nearest
        else:
            up = (strides[nearest] or step.stride) > step.stride
            name = f"{'up to ' if up else ''}stride {float(step.stride):g}"
        strides.setdefault(name, step.stride)
        names.append(name)
    return names


def _last_with_positions(steps: list[_Step]) -> int:
    """The last step whose output has positions: what comes after it is the head's."""
    return max((time for time, step in enumerate(steps) if step.stride is not None), default=-1)


def _came(step: _Step, names: list[str]) -> set[str]:
    return {names[at] if at >= 0 else "input" for at in step.reads}


def _branches(groups: list[Group]) -> dict[str, str]:
    """What groups are called together: numbered ones at one stride that do not follow each other.

    They may if there is one without a number, which is what they are parts of.
    """
    families: dict[tuple[str, Fraction | None], list[int]] = {}
    for place, group in enumerate(groups):
        if group.part == "decoder":
            families.setdefault((group.name.rstrip("0123456789"), group.stride), []).append(place)
    together: dict[str, str] = {}
    for (word, _), places in families.items():
        names = [groups[place].name for place in places]
        if word in names:
            together.update(dict.fromkeys(names, word))
        elif len(places) > 1 and not any(set(groups[one].sources) & {*places} for one in places):
            numbers = sorted(int(name[len(word) :]) for name in names)
            together.update(dict.fromkeys(names, f"{word}{numbers[0]}-{numbers[-1]}"))
    return together


def _grouped(names: list[str], steps: list[_Step], whole: Group) -> list[Group]:
    """The groups of steps so named; ``whole`` is the input."""
    reads: dict[str, set[str]] = {}
    for name, step in zip(names, steps, strict=True):
        reads.setdefault(name, set()).update(_came(step, names) - {name})
    order = ["input"]
    rest = [name for name in reads if name != "input"]
    while rest:
        # In a circle of groups the first one has to start.
        order.append(next((name for name in rest if reads[name] <= {*order}), rest[0]))
        rest.remove(order[-1])
    leaving = _leaving(names, steps)
    groups = []
    for place, name in enumerate(order):
        own = [time for time, other in enumerate(names) if other == name]
        if name == "input":
            group = Group("input", "input", whole.shape, whole.stride)
        else:
            group = Group(name, _part(name), *_answer(name, own, leaving, steps))
        group.parameters = sum(steps[time].row.parameters for time in own)
        group.sources = sorted({order.index(one) for one in reads.get(name, ())} & {*range(place)})
        groups.append(group)
    if not any(_ENCODER.match(name) for name in order):
        # On the way up is what is finer than something before it.
        for place, group in enumerate(groups):
            before = [one.stride or 0 for one in groups[:place]]
            if group.part == "decoder" and max(before) <= (group.stride or 0):
                group.part = "encoder"
    return groups


def _part(name: str) -> str:
    return "head" if name == "head" else "encoder" if _ENCODER.match(name) else "decoder"


def _leaving(names: list[str], steps: list[_Step]) -> set[int]:
    """The steps whose output another group reads, or nobody, which makes it the model's."""
    read = {at for step in steps for at in step.reads}
    leaving = {*range(len(steps))} - read
    for name, step in zip(names, steps, strict=True):
        leaving.update(at for at in step.reads if at >= 0 and names[at] != name)
    for time in sorted(leaving, reverse=True):
        while steps[time].row.kind in _MARGINS and steps[time].reads[0] >= 0:
            time = steps[time].reads[0]
        leaving.add(time)
    return leaving


def _answer(
    name: str, own: list[int], leaving: set[int], steps: list[_Step]
) -> tuple[tuple[int | None, ...], Fraction | None]:
    """Shape and stride of what leaves a group last, if possible as a map without margins."""
    out = [time for time in own if time in leaving] or own
    out = [time for time in out if steps[time].row.kind not in _MARGINS] or out
    if name != "head":
        out = [time for time in out if steps[time].stride is not None] or out
    return tuple(steps[out[-1]].row.output_shape), steps[out[-1]].stride


def _without_idle(groups: list[Group]) -> list[Group]:
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
