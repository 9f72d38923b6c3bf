"""Several models side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from zoo.amounts import count, in_bytes, square
from zoo.errors import UserError
from zoo.models.describe.description import Description, describe

_TITLES = ("model", "params", "MACs", "field", "stride", "smallest", "training", "inference")
# With the widest numbers, and a space between, 79 columns.
_NAME_WIDTH = 18


@dataclass(frozen=True)
class Comparison:
    """The totals of several models; prints as one table of at most 80 columns.

    Attributes:
        descriptions: The description of each model, by the name that it has here.
        batch_size: Pictures for which the memory of the activations is added up.
    """

    descriptions: dict[str, Description]
    batch_size: int

    def to_dict(self) -> dict[str, Any]:
        """Returns each model's totals, by name, as plain values that JSON can hold."""
        return {
            name: {key: value for key, value in found.to_dict().items() if key != "rows"}
            for name, found in self.descriptions.items()
        }

    def __str__(self) -> str:
        names = _shortened(list(self.descriptions))
        found = zip(names, self.descriptions.values(), strict=True)
        lines = [_TITLES, *(_cells(name, description) for name, description in found)]
        widths = [max(len(line[place]) for line in lines) for place in range(len(_TITLES))]
        gap = "  " if sum(widths) + 2 * len(widths) <= 80 else " "
        text = [
            gap.join(
                cell.rjust(width) if place else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        ]
        rule = "-" * len(text[0])
        pictures = "a picture" if self.batch_size == 1 else f"a batch of {self.batch_size}"
        note = f"(MACs of a picture; memory of the activations of {pictures})"
        return "\n".join([text[0], rule, *text[1:], note])


def compare_models(
    models: Sequence[keras.Model] | Mapping[str, keras.Model],
    *,
    size: tuple[int, int] | None = None,
    batch_size: int = 1,
) -> Comparison:
    """Describes several functional models in one table.

    Args:
        models: Functional Keras models on pictures, or those by the name they shall have; equal
            names of models in a sequence are numbered.
        size: Height and width of every model's input; by default each model's own.
        batch_size: Pictures for which the memory of the activations is added up.

    Raises:
        UserError: If there is no model, one is none or not functional, or a map vanishes at
            ``size``.

    Example:
        >>> shape = {"classes": 10, "input_shape": (32, 32, 3)}
        >>> names = ("resnet20", "resnet56")
        >>> found = compare_models(
        ...     {name: zoo.build("classification", encoder=name, **shape) for name in names}
        ... )
        >>> print(found)
    """
    given = list(models.values() if isinstance(models, Mapping) else models)
    if not given:
        raise UserError("there is no model to compare; give at least one")
    for model in given:
        if not isinstance(model, keras.Model):
            raise UserError(f"{model!r} is no model to compare; give what zoo.build() returns")
    named = dict(models) if isinstance(models, Mapping) else _numbered(given)
    return Comparison(
        {name: describe(model, size=size, batch_size=batch_size) for name, model in named.items()},
        batch_size,
    )


def _numbered(models: Sequence[keras.Model]) -> dict[str, keras.Model]:
    named: dict[str, keras.Model] = {}
    for model in models:
        tries = (f"{model.name}{tail}" for tail in ("", *(f"_{n}" for n in range(2, 10**6))))
        named[next(name for name in tries if name not in named)] = model
    return named


def _shortened(names: list[str]) -> list[str]:
    """Returns names as the table has room for them, first without words that all have in common."""
    words = [name.split("_") for name in names]
    for end in (0, -1):
        while max(len("_".join(one)) for one in words) > _NAME_WIDTH:
            if min(map(len, words)) == 1 or len({one[end] for one in words}) > 1 or len(words) == 1:
                break
            for one in words:
                one.pop(end)
    half = (_NAME_WIDTH - 1) // 2
    return [
        name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 1 - half]}~{name[-half:]}"
        for name in map("_".join, words)
    ]


def _cells(name: str, found: Description) -> tuple[str, ...]:
    field, stride, smallest = found.receptive_field, found.output_stride, found.smallest_input
    return (
        name,
        count(found.parameters) or "0",
        count(found.macs) or "0",
        field if isinstance(field, str) else square(field),
        "none" if stride is None else square(stride),
        "?" if smallest is None else square(smallest),
        in_bytes(found.training_memory),
        in_bytes(found.inference_memory),
    )
