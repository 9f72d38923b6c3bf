"""Which pictures the rows of tables are of, and which split and group these are."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.amounts import plural
from zoo.data.dataset import SPLITS
from zoo.data.files.columns import Columns, find_columns
from zoo.data.files.example import Example
from zoo.data.files.names import Names
from zoo.data.files.pictures import Look
from zoo.data.files.splits import SPLIT_FOLDERS
from zoo.data.files.tables import Row, Table
from zoo.data.findings import Finding, found_in, named
from zoo.errors import UserError


@dataclass(frozen=True)
class Listing:
    """What a table lists.

    Attributes:
        name: Of its file below the set's folder, for messages.
        table: As it was read.
        columns: Which column is what.
        found: The rows of each picture, by the picture's file.
        findings: What was decided, and every row that is of no picture.
        split: Which split all of its pictures are; empty where a column or nothing says so.
    """

    name: str
    table: Table
    columns: Columns
    found: Mapping[str, Sequence[Row]]
    findings: Sequence[Finding]
    split: str = ""

    def split_of(self, row: Row) -> str:
        """Returns the split that a row says, "" where it says none."""
        return self.split or SPLIT_FOLDERS.get(self.columns.cell(row, "split").lower(), "")


def listing_of(
    name: str,
    table: Table,
    examples: Sequence[Example],
    given: Mapping[str, str | int],
    header: bool | None,
) -> Listing:
    """Finds the pictures that a table's rows are of.

    Args:
        name: Of the table's file below the set's folder, for messages.
        table: As it was read.
        examples: The pictures that there are; of several of a name, that beside the table counts.
        given: As `find_columns` takes it.
        header: As `find_columns` takes it.

    Raises:
        UserError: If the table has no column of pictures.
    """
    names = Names(examples)
    columns, findings = find_columns(table, lambda cell: bool(names.find(cell)), given, header)
    cells = [columns.cell(row, "file") for row in columns.rows]
    each, said = names.find_all([(cell,) for cell in cells], name, foreign=True)
    findings += said
    folder = f"{Path(name).parent.as_posix()}/"
    found: dict[str, list[Row]] = {}

    def leave_out(kind: str, row: Row, why: str) -> None:
        text = f"left out: {name} line {row.line} {why}"
        findings.append(Finding(kind, name, text, "left out"))

    for row, (cell, here) in zip(columns.rows, each, strict=True):
        here = [one for one in here if one.file.startswith(folder)] or here
        files = {one.file for one in here}
        if not cell:
            leave_out("missing-picture", row, "names no picture")
        elif not files:
            leave_out("missing-picture", row, f"names {cell!r}, and there is no such picture")
        elif len(files) > 1:
            either = " and ".join(sorted(files)[:2])
            leave_out("ambiguous-annotation", row, f"names {cell!r}, and there are {either}")
        else:
            found.setdefault(here[0].file, []).append(row)
    return Listing(name, table, columns, found, findings)


def listed(
    listings: Sequence[Listing], examples: Sequence[Example], looks: Sequence[Look]
) -> tuple[list[Example], list[Look], list[Finding]]:
    """Returns the pictures that tables list, with their splits and groups.

    Args:
        listings: What the tables list.
        examples: All pictures.
        looks: Their headers.

    Returns:
        The examples and headers of the listed ones, and what was found: the others, and
        pictures of which rows name several splits, which go to the last of these.
    """
    chosen, headers, unlisted, torn = [], [], {}, {}
    for example, look in zip(examples, looks, strict=True):
        rows = list(rows_of(listings, example))
        if not rows:
            unlisted[example.file] = ""
            continue
        splits = sorted({one.split_of(row) for one, row in rows} - {""}, key=SPLITS.index)
        groups = {one.columns.cell(row, "group") for one, row in rows} - {""}
        if len(splits) > 1:
            torn[example.file] = splits[-1]
        split, group = (splits or [""])[-1], min(groups, default="")
        chosen.append(replace(example, split=split, group=group))
        headers.append(look)
    where = " and ".join(one.name for one in listings)
    findings = found_in(
        unlisted, "missing-label", f"pictures without a row in {where}", effect="left out"
    )
    findings += found_in(torn, "in-several-splits", "listed for several splits", effect="mended")
    return chosen, headers, findings


def unknown_splits(listings: Sequence[Listing], examples: Sequence[Example]) -> list[Finding]:
    """Names what a column of splits says that is no split.

    Args:
        listings: What the tables list.
        examples: The pictures that they list, with their splits.

    Raises:
        UserError: If no picture is said to be of train.
    """
    counts: Counter[str] = Counter()
    for example in examples:
        if not example.split:
            rows = rows_of(listings, example)
            counts.update({one.columns.cell(row, "split") for one, row in rows} - {""})
    if not counts:
        return []
    where = " and ".join(one.name for one in listings)
    values = named([f"{value!r} ({plural(n, 'picture')})" for value, n in sorted(counts.items())])
    said = f"{where} has the split{'s' if len(counts) > 1 else ''} {values}"
    said += ", and a split is train, validation or test"
    if not any(example.split == "train" for example in examples):
        raise UserError(f"{said}; write these in the table, or say in data.splits what is what")
    return [Finding("in-no-split", where, f"left out: {said}", "left out")]


def rows_of(listings: Sequence[Listing], example: Example) -> Iterator[tuple[Listing, Row]]:
    """Yields the rows of a picture, each with the listing that it stands in."""
    for one in listings:
        for row in one.found.get(example.file, ()):
            yield one, row
