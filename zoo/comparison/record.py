"""The file of a comparison, and what may be asked of a folder that holds one."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from zoo.comparison.axes import Grid, identity, text_of
from zoo.comparison.reading import Form, read_object
from zoo.errors import UserError
from zoo.training.files import write_text
from zoo.training.other_data import changes

FILE = "compare.json"


class _Data(Form):
    settings: list[str]
    class_names: list[str]
    counts: dict[str, int]
    fingerprint: str


class _Record(Form):
    recipe: dict[str, Any]
    vary: dict[str, list[Any]]
    cases: dict[str, dict[str, Any]]
    seeds: list[int]
    threads: int
    # Comparisons of before data were looked at have none.
    data: list[_Data] = Field(default_factory=list)


def read_record(folder: Path) -> dict[str, Any] | None:
    """Reads what a folder compares; ``None`` if it is not there, or empty.

    Raises:
        UserError: If it holds something else, or the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        if folder.exists() and (not folder.is_dir() or any(_seen(folder))):
            raise UserError(f"{folder} is no comparison (it has no {FILE}); choose another --out")
        return None
    return read_object(path, _Record, "put it right, or choose another --out")


def write_record(folder: Path, values: Mapping[str, Any]) -> None:
    """Writes the file, whole or not at all."""
    write_text(folder / FILE, json.dumps(values, indent=2) + "\n")


def _seen(folder: Path) -> Iterable[Path]:
    # A lock, and pictures converted for a comparison that was refused, are not yet one.
    return (path for path in folder.iterdir() if path.name not in (".lock", "cache"))


def check_continues(
    folder: Path, record: Mapping[str, Any], recipe: Mapping[str, Any], grid: Grid
) -> None:
    """Checks that what is asked for is what a folder compares, or more of it.

    Args:
        folder: Of the comparison.
        record: As :func:`read_record` gave it.
        recipe: As plain values.
        grid: With the same fields and at least the values, cases and seeds of the record.

    Raises:
        UserError: If the recipe or an axis is another, or something is left out.
    """
    other = f"use another --out than {folder}"
    # The seeds are an axis.
    before, now = ({**one, "seed": None} for one in (record["recipe"], recipe))
    if difference := _difference(before, now):
        field, old, new = difference
        raise UserError(
            f"{folder} compares {field}={text_of(old)}, not {field}={text_of(new)}; {other}"
        )
    axes = [set(record["vary"]), set(grid.vary)]
    if axes[0] != axes[1] or bool(record["cases"]) != bool(grid.cases):
        held, asked = (
            ", ".join([*sorted(fields), *(["cases"] if cases else [])]) or "nothing"
            for fields, cases in zip(axes, (record["cases"], grid.cases), strict=True)
        )
        raise UserError(f"{folder} varies {held}, not {asked}; {other}")
    held_values = [*record["vary"].items(), ("seeds", record["seeds"])]
    for field, held in held_values:
        given = {identity(value) for value in grid.vary.get(field, grid.seeds)}
        missing = [value for value in held if identity(value) not in given]
        if missing:
            raise UserError(
                f"{folder} also compares {field}={text_of(missing[0])}, which is left out here; "
                f"name it too, or {other}"
            )
    for label, fields in record["cases"].items():
        if label not in grid.cases:
            raise UserError(
                f"{folder} also compares the case {label!r}, which is left out here; name it too, "
                f"or {other}"
            )
        if identity(fields) != identity(grid.cases[label]):
            raise UserError(
                f"{folder} compares a case {label!r} of other values; call it otherwise, or {other}"
            )


def check_same_data(
    folder: Path, begun: Iterable[Mapping[str, Any]], now: Iterable[Mapping[str, Any]]
) -> None:
    """Refuses to compare what was learnt from some data with what would be from others.

    Where they lie is of no account.

    Args:
        folder: Of the comparison.
        begun: What is known of the data that runs were begun with, as its record says it.
        now: What is known of them now, as :func:`zoo.comparison.worker.check` returns it.

    Raises:
        UserError: If they are others, and in what.
    """
    found = {setting: data for data in now for setting in data["settings"]}
    for data in begun:
        for setting in data["settings"]:
            # One whose short name is another's too by now is called otherwise, and trained anew.
            if setting in found and (what := changes(data, found[setting])):
                raise UserError(
                    f"{setting}: the data are not those that {folder} was begun with ({what}); "
                    f"restore them, or use another --out than {folder}"
                )


def in_order(record: Mapping[str, Any], grid: Grid) -> Grid:
    """Returns a grid whose fields stand in the order of a record: runs are named in that order.

    Args:
        record: As :func:`read_record` gave it.
        grid: That continues it, its fields in any order.
    """
    return replace(grid, vary={field: grid.vary[field] for field in record["vary"]})


def check_threads(folder: Path, record: Mapping[str, Any], threads: int | None) -> int:
    """Returns the threads of each run, which must stay what they were.

    Raises:
        UserError: If another number is asked for.
    """
    if threads is not None and threads != record["threads"]:
        raise UserError(
            f"{folder} was begun with --threads {record['threads']}, and with {threads} numbers "
            f"would differ in their last digits; leave it out, or use another --out than {folder}"
        )
    return record["threads"]


def _difference(
    before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = ""
) -> tuple[str, Any, Any] | None:
    """Returns the first field in which two recipes differ, and both values."""
    for name in dict.fromkeys((*before, *now)):
        old, new = before.get(name), now.get(name)
        if identity(old) == identity(new):
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            return _difference(old, new, f"{prefix}{name}.")
        return f"{prefix}{name}", old, new
    return None
