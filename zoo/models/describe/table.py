"""Prints a description as a table that fits a terminal of 80 columns."""

from typing import TYPE_CHECKING, Any

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
        f"{description.name}: input {_by(description.input_shape)}",
        _line(_TITLES),
        "-" * (sum(_WIDTHS) + len(_WIDTHS) - 1),
    ]
    for row in shown:
        kernel = "" if row.kernel is None else _square(row.kernel)
        if row.stride is not None and row.stride != (1, 1):
            kernel += f"/{_square(row.stride)}"
        lines.append(
            _line(
                (
                    row.name,
                    _SHORT.get(row.kind, row.kind),
                    _by(row.output_shape),
                    kernel,
                    _count(row.parameters),
                    _count(row.macs),
                    row.receptive_field
                    if isinstance(row.receptive_field, str)
                    else _square(row.receptive_field),
                    "" if row.output_stride is None else _square(row.output_stride),
                )
            )
        )
    hidden = len(description.rows) - len(shown)
    field = description.receptive_field
    stride = description.output_stride
    smallest = description.smallest_input
    return "\n".join(
        [
            *lines,
            f"(not shown: {hidden} without weights that keep the shape or are mere arithmetic)",
            "",
            f"parameters        {description.parameters:,}",
            f"multiply-adds     {_exact(description.macs)}",
            f"receptive field   {field if isinstance(field, str) else _by(field)}",
            f"output stride     {'none' if stride is None else _square(stride)}",
            f"smallest input    {'unknown' if smallest is None else _by(smallest)}",
        ]
    )


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


def _by(sizes: Any) -> str:
    return "x".join("?" if size is None else str(size) for size in sizes)


def _square(pair: Any) -> str:
    return f"{pair[0]:g}" if pair[0] == pair[1] else _by(pair)


def _count(number: int | None) -> str:
    if number is None:
        return "?"
    if number < 10_000:
        return str(number) if number else ""
    for unit, scale in (("k", 1e3), ("M", 1e6), ("G", 1e9)):
        if number < 1000 * scale * 0.9995 or unit == "G":
            return f"{number / scale:.{0 if number >= 100 * scale else 1}f}{unit}"
    return str(number)


def _exact(number: int | None) -> str:
    return "unknown, the input has no fixed size" if number is None else f"{number:,} a picture"
