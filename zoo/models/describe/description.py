"""The description of a model: a row a layer, and totals."""

from dataclasses import asdict, dataclass
from typing import Any

import keras

from zoo.errors import UserError
from zoo.models import checks
from zoo.models.describe import costs
from zoo.models.describe.fields import EVERYTHING, PIXEL, View
from zoo.models.describe.geometry import kernel_of, mixes_positions, stride_of, view_through
from zoo.models.describe.table import table
from zoo.models.graph import Call, VanishedError, input_specs, smallest_input, walk

Number = int | float


@dataclass(frozen=True)
class Row:
    """One layer, or Keras operation, of a model.

    Attributes:
        name: Its name.
        kind: Its class, as ``"Conv2D"``.
        output_shape: Shape of its output without the batch; ``None`` where unknown.
        kernel: Height and width of its window, ``None`` if it has none.
        stride: Steps of its window; of a transposed convolution how many times it enlarges.
        parameters: Weights that training learns, frozen or not: moving statistics do not count.
        macs: Multiply-adds for one picture; ``None`` if the input's size is unknown.
        activation_bytes: Memory of its output for one picture; ``None`` if its size is unknown.
        receptive_field: Height and width in input pixels, from the first to the last that a
            position sees, or ``"all"``. Positions of an enlarged map differ: of that which sees
            the most.
        output_stride: Input pixels between two positions, down and across; ``None`` without any.
        plain: Whether it has neither weights nor window, and keeps the shape or is an operation
            of plain arithmetic: of little interest, and left out of the printed table.
    """

    name: str
    kind: str
    output_shape: tuple[int | None, ...]
    kernel: tuple[int, int] | None
    stride: tuple[int, int] | None
    parameters: int
    macs: int | None
    activation_bytes: int | None
    receptive_field: tuple[int, int] | str
    output_stride: tuple[Number, Number] | None
    plain: bool


@dataclass(frozen=True)
class Description:
    """A model's layers and totals; prints as a table of at most 80 columns.

    Attributes:
        name: The model's name.
        input_shape: Height, width and channels of its input; ``None`` where unknown.
        rows: Its layers in the order of computation.
        parameters: The sum over all layers.
        macs: The sum over all layers; ``None`` if the input's size is unknown.
        receptive_field: Height and width in input pixels of what one position of the output map
            sees; without an output map, of the widest that any map has, before attention mixes
            all positions.
        output_stride: The stride of the output map; without one, the coarsest that any map has.
        smallest_input: Smallest height and width that the architecture works for.
        batch_size: Pictures for which the next two are given.
        training_memory: Bytes of the tensors that a training step holds, at most: the input and
            every output, but for layers that only rename or reshape. What frozen layers compute
            before the first that learns is held as in inference. ``None`` if the input's size is
            unknown.
        inference_memory: Bytes of the tensors at the moment when most are needed at once.
        parameter_memory: Bytes of the weights, moving statistics too. Training keeps as much
            again for the gradients, and more for the optimizer.
    """

    name: str
    input_shape: tuple[int | None, ...]
    rows: tuple[Row, ...]
    parameters: int
    macs: int | None
    receptive_field: tuple[int, int] | str
    output_stride: tuple[Number, Number] | None
    smallest_input: tuple[int, int] | None
    batch_size: int
    training_memory: int | None
    inference_memory: int | None
    parameter_memory: int

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as plain values that JSON can hold."""
        return {
            name: [asdict(row) for row in value] if name == "rows" else value
            for name, value in vars(self).items()
        }

    def __str__(self) -> str:
        return table(self)


def describe(
    model: keras.Model, *, size: tuple[int, int] | None = None, batch_size: int = 1
) -> Description:
    """Describes a functional model layer by layer.

    Receptive fields are exact for any graph: each position's first and last pixel are followed
    through paddings, enlargements and branches that join. The statistics that normalization
    layers take over positions are not counted as seeing.

    Args:
        model: Any functional Keras model on pictures.
        size: Height and width of the input, for a model that leaves them open, or to see
            another size than the model's own.
        batch_size: Pictures for which the memory of the activations is added up.

    Raises:
        UserError: If the model is not functional, or a map vanishes at ``size``.

    Example:
        >>> description = describe(zoo.build("classification", classes=10, input_shape=(32, 32, 3)))
        >>> description.receptive_field, description.output_stride, description.smallest_input
        ((32, 32), (4, 4), (1, 1))
        >>> print(description)
    """
    batch_size = checks.whole("batch_size", batch_size)
    views: dict[int, View] = {}
    calls: list[Call] = []
    rows: list[Row] = []
    counted: set[int] = set()

    def visit(call: Call) -> None:
        # Calls are kept, and their specs with them: an id is its own only as long as they live.
        calls.append(call)
        seen = [views[id(spec)] for spec in call.given]
        for spec in call.returned:
            views[id(spec)] = view_through(call, seen, spec)
        learnt = 0 if id(call.operation) in counted else costs.parameters(call.operation)
        counted.add(id(call.operation))
        rows.append(_row(call, views[id(call.returned[0])], learnt))

    specs = input_specs(model, size)
    for spec in specs:
        views[id(spec)] = PIXEL if len(spec.shape) == 4 else EVERYTHING
    try:
        outputs = walk(model, specs, visit)
    except VanishedError as vanished:
        raise UserError(
            f"model {model.name!r} cannot take an input of {size}: the map vanishes in "
            f"{vanished.layer}; give {smallest_input(model)} or more"
        ) from vanished

    ends = [views[id(spec)] for spec in outputs if len(spec.shape) == 4]
    field, stride = _summary(ends or _before_attention(specs, calls, views))
    training = costs.training_memory(calls, specs)
    inference = costs.inference_memory(calls, specs, outputs)
    return Description(
        name=model.name,
        input_shape=tuple(specs[0].shape[1:]),
        rows=tuple(rows),
        parameters=sum(row.parameters for row in rows),
        macs=_sum([row.macs for row in rows]),
        receptive_field=field,
        output_stride=stride,
        smallest_input=smallest_input(model),
        batch_size=batch_size,
        training_memory=training and training * batch_size,
        inference_memory=inference and inference * batch_size,
        parameter_memory=costs.weight_bytes(call.operation for call in calls),
    )


def _row(call: Call, view: View, learnt: int) -> Row:
    operation, returned = call.operation, call.returned[0]
    shape = tuple(returned.shape[1:])
    return Row(
        name=operation.name,
        kind=type(operation).__name__,
        output_shape=shape,
        kernel=kernel_of(operation),
        stride=stride_of(operation),
        parameters=learnt,
        macs=costs.multiply_adds(operation, call.given, returned),
        activation_bytes=costs.activation_bytes(call.returned),
        receptive_field=view.field or "all",
        output_stride=view.stride and _numbers(view.stride),
        plain=learnt == 0
        and kernel_of(operation) is None
        and (
            not isinstance(operation, keras.layers.Layer)
            or all(tuple(spec.shape[1:]) == shape for spec in call.given)
        ),
    )


def _before_attention(specs: list[Any], calls: list[Call], views: dict[int, View]) -> list[View]:
    """What the maps see up to where a head takes a softmax over all positions."""
    found = [views[id(spec)] for spec in specs]
    for call in calls:
        if mixes_positions(call.operation):
            break
        found += [views[id(spec)] for spec in call.returned if len(spec.shape) == 4]
    return [view for view in found if view.stride is not None]


def _summary(views: list[View]) -> tuple[Any, Any]:
    fields = [view.field for view in views]
    strides = [view.stride for view in views if view.stride is not None]
    stride = _numbers([max(side) for side in zip(*strides, strict=True)]) if strides else None
    known = [field for field in fields if field is not None]
    if not known or len(known) < len(fields):
        return "all", stride
    return tuple(max(side) for side in zip(*known, strict=True)), stride


def _numbers(pair: Any) -> tuple[Number, Number]:
    first, second = (int(one) if one == int(one) else float(one) for one in pair)
    return first, second


def _sum(counts: list[int | None]) -> int | None:
    return None if None in counts else sum(count for count in counts if count is not None)
