"""The description of a model: a row a layer, and totals."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import keras

from zoo.errors import UserError
from zoo.models.describe.geometry import (
    EVERYTHING,
    PIXEL,
    View,
    kernel_of,
    multiply_adds,
    stride_of,
    view_through,
)
from zoo.models.describe.table import table
from zoo.models.graph import VanishedError, input_specs, smallest_input, walk

Number = int | float
# What training follows but does not learn.
_STATISTICS = ("moving_mean", "moving_variance")


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
        receptive_field: Height and width in input pixels of what a position sees, or ``"all"``.
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
    receptive_field: tuple[Number, Number] | str
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
            sees; without an output map, of the widest that any map has.
        output_stride: The stride of the output map; without one, the coarsest that any map has.
        smallest_input: Smallest height and width that the architecture works for.
    """

    name: str
    input_shape: tuple[int | None, ...]
    rows: tuple[Row, ...]
    parameters: int
    macs: int | None
    receptive_field: tuple[Number, Number] | str
    output_stride: tuple[Number, Number] | None
    smallest_input: tuple[int, int] | None

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as plain values that JSON can hold."""
        return {
            name: [asdict(row) for row in value] if name == "rows" else value
            for name, value in vars(self).items()
        }

    def __str__(self) -> str:
        return table(self)


def describe(model: keras.Model, *, size: tuple[int, int] | None = None) -> Description:
    """Describes a functional model layer by layer.

    Branches that join have the receptive field of the widest. The statistics that normalization
    layers take over positions are not counted as seeing.

    Args:
        model: Any functional Keras model on pictures.
        size: Height and width of the input, for a model that leaves them open, or to see
            another size than the model's own.

    Raises:
        UserError: If the model is not functional, or a map vanishes at ``size``.

    Example:
        >>> description = describe(zoo.build("classification", classes=10, input_shape=(32, 32, 3)))
        >>> description.receptive_field, description.output_stride, description.smallest_input
        ((32, 32), (4, 4), (1, 1))
        >>> print(description)
    """
    views: dict[int, tuple[Any, View]] = {}
    rows: list[Row] = []
    counted: set[int] = set()

    def visit(operation: Any, given: list[Any], returned: list[Any]) -> None:
        seen = [views[id(spec)][1] for spec in given]
        for spec in returned:
            # The spec is kept besides: an id is its own only as long as the spec lives.
            views[id(spec)] = spec, view_through(operation, seen, given, spec)
        parameters = 0 if id(operation) in counted else _parameters(operation)
        counted.add(id(operation))
        rows.append(_row(operation, given, returned[0], views[id(returned[0])][1], parameters))

    specs = input_specs(model, size)
    for spec in specs:
        views[id(spec)] = spec, PIXEL if len(spec.shape) == 4 else EVERYTHING
    try:
        outputs = walk(model, specs, visit)
    except VanishedError as vanished:
        raise UserError(
            f"model {model.name!r} cannot take an input of {size}: the map vanishes in "
            f"{vanished.layer}; give {smallest_input(model)} or more"
        ) from vanished

    macs = [row.macs for row in rows]
    ends = [views[id(spec)][1] for spec in outputs if len(spec.shape) == 4]
    field, stride = _summary(ends or [view for _, view in views.values()])
    return Description(
        name=model.name,
        input_shape=tuple(specs[0].shape[1:]),
        rows=tuple(rows),
        parameters=sum(row.parameters for row in rows),
        macs=None if None in macs else sum(count for count in macs if count is not None),
        receptive_field=field,
        output_stride=stride,
        smallest_input=smallest_input(model),
    )


def _row(operation: Any, given: list[Any], returned: Any, view: View, parameters: int) -> Row:
    shape = tuple(returned.shape[1:])
    return Row(
        name=operation.name,
        kind=type(operation).__name__,
        output_shape=shape,
        kernel=kernel_of(operation),
        stride=stride_of(operation),
        parameters=parameters,
        macs=multiply_adds(operation, given, returned),
        receptive_field="all" if view.field is None else _numbers(view.field),
        output_stride=view.stride and _numbers(view.stride),
        plain=parameters == 0
        and kernel_of(operation) is None
        and (
            not isinstance(operation, keras.layers.Layer)
            or all(tuple(spec.shape[1:]) == shape for spec in given)
        ),
    )


def _parameters(operation: Any) -> int:
    return sum(
        math.prod(weight.shape)
        for weight in getattr(operation, "weights", [])
        if weight.name not in _STATISTICS
    )


def _summary(views: list[View]) -> tuple[Any, Any]:
    fields = [view.field for view in views if view.field is not None]
    strides = [view.stride for view in views if view.stride is not None]
    field = _numbers(max(fields)) if fields else "all"
    return field, _numbers(max(strides)) if strides else None


def _numbers(pair: Any) -> tuple[Number, Number]:
    first, second = (int(one) if one == int(one) else float(one) for one in pair)
    return first, second
