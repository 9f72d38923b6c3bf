"""What a comparison varies: axes and cases in, cells with names out. Pure functions."""

import hashlib
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.errors import UserError
from zoo.training.overrides import parse_value

_BRACKETS = {"[": "]", "(": ")", "{": "}"}
_NAME_LENGTH = 120
# What a comparison itself decides, or holds fast, with what to do instead.
_RESERVED = {
    "seed": "give --seeds",
    "name": "it is the recipe's file",
    "task": "scores of two tasks are not comparable; compare each by itself",
}


@dataclass(frozen=True)
class Setting:
    """One row of a comparison: what is changed of the recipe, whatever the seed.

    Attributes:
        name: Readable, and unique in the comparison; also a part of file names.
        case: The label of its case, where there are cases.
        values: Of the varied fields.
        overrides: All that is changed: what the case says, and the values.
    """

    name: str
    case: str | None
    values: dict[str, Any]
    overrides: dict[str, Any]

    @property
    def columns(self) -> dict[str, Any]:
        """The case, where there is one, and the values: what tells it from the others."""
        return ({} if self.case is None else {"case": self.case}) | self.values


@dataclass(frozen=True)
class Cell:
    """One run of a comparison.

    Attributes:
        setting: Its row.
        seed: Of weights, order and augmentation.
    """

    setting: Setting
    seed: int

    @property
    def name(self) -> str:
        """Of its run folder."""
        return f"{self.setting.name},seed={self.seed}"


@dataclass(frozen=True)
class Grid:
    """Axes that multiply.

    Attributes:
        vary: The values of each varied field.
        cases: By label, fields that change together; empty: no such axis.
        seeds: Each setting is trained from each of them.
    """

    vary: dict[str, tuple[Any, ...]]
    cases: dict[str, dict[str, Any]]
    seeds: tuple[int, ...]

    def settings(self) -> list[Setting]:
        """Returns every combination: cases vary slowest, the last field fastest."""
        drafts = [
            (case, dict(zip(self.vary, values, strict=True)))
            for case in (self.cases or (None,))
            for values in itertools.product(*self.vary.values())
        ]
        names = [_name(case, values) for case, values in drafts]
        # File systems that know no capitals are common enough.
        seen = Counter(name.casefold() for name in names)
        return [
            Setting(
                name if seen[name.casefold()] == 1 else f"{name}-{_digest([case, values])}",
                case,
                values,
                (self.cases[case] if case is not None else {}) | values,
            )
            for name, (case, values) in zip(names, drafts, strict=True)
        ]

    def cells(self) -> list[Cell]:
        """Returns every run, setting by setting."""
        return [Cell(setting, seed) for setting in self.settings() for seed in self.seeds]


def make_grid(
    vary: Mapping[str, Iterable[Any]],
    cases: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
    settled: Iterable[str] = (),
) -> Grid:
    """Checks axes and returns their grid.

    Args:
        vary: Values by field, dotted for fields of a section.
        cases: Values by field, by label.
        seeds: 0 and above.
        settled: Fields that are set for all cells alike.

    Raises:
        UserError: If there is nothing to compare, an axis has no value or one twice, a value is
            not plain, a field is varied twice or set besides, or is not a comparison's to vary.

    Example:
        >>> grid = make_grid({"model.residual": [True, False]}, {}, [0, 1])
        >>> [cell.name for cell in grid.cells()]
        ['residual=true,seed=0', 'residual=true,seed=1', 'residual=false,seed=0', ...]
    """
    for field, values in vary.items():
        if isinstance(values, str):
            raise UserError(f"{field}={values!r} is one value; give a list of those to compare")
    grid = Grid(
        {field: tuple(values) for field, values in vary.items()},
        {label: dict(fields) for label, fields in cases.items()},
        tuple(seeds),
    )
    if not grid.vary and not grid.cases:
        raise UserError(
            "there is nothing to compare; vary a field, as in --vary model.residual=true,false, "
            "or give cases"
        )
    if not grid.seeds:
        raise UserError("a comparison without a seed trains nothing; give one or more")
    for what, values in [*grid.vary.items(), ("seeds", grid.seeds)]:
        if not values:
            raise UserError(f"{what} has no value to compare; give one or more")
        texts = [identity(value) for value in values]
        twice = next((text for text in texts if texts.count(text) > 1), None)
        if twice is not None:
            raise UserError(f"{what} has the value {twice} twice; leave one out")
    _check_fields(grid, tuple(settled))
    return grid


def _check_fields(grid: Grid, settled: tuple[str, ...]) -> None:
    in_cases = {field for fields in grid.cases.values() for field in fields}
    for field in (*grid.vary, *sorted(in_cases)):
        if field in _RESERVED:
            raise UserError(f"{field!r} is no field to vary: {_RESERVED[field]}")
    places = [
        *((field, "--vary") for field in grid.vary),
        *((field, "--case") for field in sorted(in_cases)),
        *((field, "--set") for field in settled),
    ]
    for (field, where), (other, elsewhere) in itertools.combinations(places, 2):
        if where == elsewhere == "--case" or where == elsewhere == "--set":
            continue
        if field == other or other.startswith(f"{field}.") or field.startswith(f"{other}."):
            raise UserError(
                f"{field!r} ({where}) and {other!r} ({elsewhere}) change the same field; "
                "leave one out"
            )


def parse_vary(texts: Iterable[str]) -> dict[str, list[Any]]:
    """Returns the values that ``--vary field=a,b`` options list.

    Values are parted by commas outside of brackets and quotes, and each is read as ``--set``
    reads it; a single list lists the values itself, so that ``[[16, 32], [32, 64]]`` and
    ``[16,32],[32,64]`` are two lists of two numbers.

    Raises:
        UserError: If one has no ``=`` or no values, or a field comes twice.
    """
    found: dict[str, list[Any]] = {}
    for text in texts:
        field, equals, listed = (part.strip() for part in text.partition("="))
        if not equals or not field or not listed:
            raise UserError(f"--vary {text!r} is not of the form field=value,value")
        if field in found:
            raise UserError(f"--vary names {field!r} twice; list its values in one, by commas")
        values = [parse_value(part) for part in split_outside(listed, ",")]
        if len(values) == 1 and isinstance(values[0], list):
            values = values[0]
        found[field] = values
    return found


def parse_cases(texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Returns the fields that ``--case "label: field=value field=value"`` options set.

    Raises:
        UserError: If one is of another form, or a label comes twice.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        label, colon, listed = (part.strip() for part in text.partition(":"))
        if not colon or not label or "=" in label:
            raise UserError(f'--case {text!r} is not of the form "label: field=value field=value"')
        if label in found:
            raise UserError(f"--case {label!r} comes twice; give each a label of its own")
        found[label] = {}
        for part in split_outside(listed, " "):
            field, equals, value = part.partition("=")
            if not equals or not field:
                raise UserError(f"{part!r} in --case {label!r} is not of the form field=value")
            found[label][field] = parse_value(value)
    return found


def split_outside(text: str, separator: str) -> list[str]:
    """Splits a text at a character, but not within brackets or quotes; drops empty parts.

    Example:
        >>> split_outside("a,[1,2],'b,c'", ",")
        ['a', '[1,2]', "'b,c'"]
    """
    parts, closing, quote = [""], [], ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in _BRACKETS:
            closing.append(_BRACKETS[character])
        elif closing and character == closing[-1]:
            closing.pop()
        elif character == separator and not closing:
            parts.append("")
            continue
        parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def text_of(value: Any) -> str:
    """Returns a value as people read it: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def identity(value: Any) -> str:
    """Returns a text that equal values share: unlike Python, JSON knows true from 1.

    Raises:
        UserError: If it is no plain value.
    """
    try:
        return json.dumps(value, sort_keys=True)
    except TypeError:
        raise UserError(
            f"{value!r} ({type(value).__name__}) is no plain value of a recipe; give a number, "
            "text, list or dict"
        ) from None


def short_titles(fields: Sequence[str]) -> dict[str, str]:
    """Returns for each field its last part, or all of it where two would be called the same."""
    last = [field.rpartition(".")[2] for field in fields]
    return {
        field: field if last.count(short) > 1 else short
        for field, short in zip(fields, last, strict=True)
    }


def _name(case: str | None, values: Mapping[str, Any]) -> str:
    # Not by what else is varied now, which may come to be more: names must last.
    parts = [] if case is None else [_slug(case)]
    parts += [
        f"{_slug(field.rpartition('.')[2])}={_slug(value)}" for field, value in values.items()
    ]
    name = ",".join(parts)
    if len(name) <= _NAME_LENGTH:
        return name
    return f"{name[:_NAME_LENGTH]}-{_digest([case, values])}"


def _slug(value: Any) -> str:
    """Returns a value in letters, digits and ``. _ + -``: ``[16, 32]`` as ``16-32``."""
    return "-".join(_words(text_of(value))) or "none"


def _words(text: str) -> Iterator[str]:
    return (word for word in re.split(r"[^\w.+-]+", text, flags=re.ASCII) if word)


def _digest(value: Any) -> str:
    return hashlib.blake2b(identity(value).encode(), digest_size=4).hexdigest()
