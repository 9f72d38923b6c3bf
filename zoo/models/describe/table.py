"""Prints a description as a table that fits a terminal of 80 columns."""

from typing import TYPE_CHECKING

from zoo.amounts import by, count, in_bytes, square

if TYPE_CHECKING:
    from zoo.models.describe.description import Description

# Name, kind, output, kernel, parameters, multiply-adds, field, stride; with the gaps between
# them no more than 80 columns in all.
_WIDTHS = (19, 12, 12, 7, 8, 6, 5, 4)
_TITLES = ("layer", "kind", "output", "kernel", "params", "MACs", "field", "step")
_SHORT = {
    "AveragePooling2D": "AvgPool",
    "BatchNormalization": "BatchNorm",
    "GlobalAveragePooling2D": "GlobalAvg",
    "GroupNormalization": "GroupNorm",
    "LayerNormalization": "LayerNorm",
    "MaxPooling2D": "MaxPool",
    "Conv2DTranspose": "ConvTransp",
    "DepthwiseConv2D": "DepthwiseConv",
}


def table(description: "Description") -> str:
    """Returns the description as text: its layers, then its totals.

    Rows marked plain are left out, and counted.
    """
    shown = [row for row in description.rows if not row.plain]
    lines = [
        f"{description.name}: input {by(description.input_shape)}",
        _line(_TITLES),
        "-" * (sum(_WIDTHS) + len(_WIDTHS) - 1),
    ]
    for row in shown:
        kernel = "" if row.kernel is None else square(row.kernel)
        if row.stride is not None and row.stride != (1, 1):
            kernel += f"/{square(row.stride)}"
        lines.append(
            _line(
                (
                    row.name,
                    _SHORT.get(row.kind, row.kind),
                    by(row.output_shape),
                    kernel,
                    count(row.parameters),
                    count(row.macs),
                    row.receptive_field
                    if isinstance(row.receptive_field, str)
                    else square(row.receptive_field),
                    "" if row.output_stride is None else square(row.output_stride),
                )
            )
        )
    hidden = len(description.rows) - len(shown)
    field = description.receptive_field
    stride = description.output_stride
    smallest = description.smallest_input
    batch = f"for a batch of {description.batch_size}"
    return "\n".join(
        [
            *lines,
            f"(not shown: {hidden} without weights that keep the shape or are mere arithmetic)",
            "",
            f"parameters        {description.parameters:,}"
            f" ({in_bytes(description.parameter_memory)} with moving statistics)",
            f"multiply-adds     {_exact(description.macs)}",
            f"receptive field   {field if isinstance(field, str) else by(field)}",
            f"output stride     {'none' if stride is None else square(stride)}",
            f"smallest input    {'unknown' if smallest is None else by(smallest)}",
            f"training keeps    {_activations(description.training_memory, batch)}",
            f"inference peak    {_activations(description.inference_memory, batch)}",
        ]
    )


def _activations(size: int | None, batch: str) -> str:
    if size is None:
        return "unknown, the input has no fixed size"
    return f"{in_bytes(size)} of activations {batch}"


def _line(cells: tuple[str, ...]) -> str:
    padded = [
        _clip(cell, width).ljust(width) if index < 4 else _clip(cell, width).rjust(width)
        for index, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    ]
    return " ".join(padded).rstrip()


def _clip(text: str, width: int) -> str:
    # The end of a layer's name tells it from its neighbours as well as its beginning.
    half = (width - 1) // 2
    return text if len(text) <= width else f"{text[: width - 1 - half]}~{text[-half:]}"


def _exact(number: int | None) -> str:
    return "unknown, the input has no fixed size" if number is None else f"{number:,} a picture"
