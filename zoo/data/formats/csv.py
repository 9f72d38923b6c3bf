"""A table of pictures: a CSV or TSV file with a label, or with a box and a label, in each row."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from zoo.data.dataset import DataSet
from zoo.data.files.box_formats import BoxFormat
from zoo.data.files.boxes import Objects, with_boxes
from zoo.data.files.dataset import dataset_of
from zoo.data.files.example import Example
from zoo.data.files.pictures import PICTURES, examples_in, files_in, find_folder, find_root
from zoo.data.files.rows import boxes_of, labelled, listed, listing_of
from zoo.data.files.splits import SPLIT_FOLDERS
from zoo.data.files.tables import read_table
from zoo.data.places import hidden
from zoo.data.request import Request
from zoo.errors import UserError

SOURCE = "csv"
SUMMARY = "your pictures with a table: CSV or TSV rows of file and label, or file and box"
TARGETS = ("class", "box")

_ENDINGS = (".csv", ".tsv")
_GIVEN = (*_ENDINGS, ".txt")


def recognize(path: Path) -> str | None:
    """Says what shows that a table tells of the pictures; see `zoo.data.formats`."""
    try:
        tables = _tables(path if path.is_dir() else path.parent, path, None)
    except UserError:
        return None
    table = tables[0] if tables else None
    if table is None or table.suffix.lower() not in _ENDINGS:
        return None
    try:
        rows = read_table(table)
        if not listing_of(table, rows, _unread(table.parent), {}, None).found:
            return None
    except UserError:
        return None
    return f"there is {table.name}, a table whose rows name pictures"


def open(
    name: str,
    path: Path | None,
    request: Request,
    *,
    table: str | None = None,
    images: str | None = None,
    columns: Mapping[str, str | int] | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    box_format: BoxFormat | None = None,
    objects: Objects = "largest",
    classes: Sequence[str] | None = None,
) -> DataSet:
    """Opens a table of pictures.

    What is not told is found out, and said in the findings with what shows it: the delimiter,
    whether there is a header, which column is what, and what a box's numbers mean. A row that
    cannot be used is left out and named with its line. Files are named by their paths below the
    set's folder, or any end of these, with or without ending. Examples come in the natural order
    of their files, whatever the order of the rows.

    Args:
        name: Empty: this source takes no name.
        path: The table, or the folder that holds it; a relative one is also looked for under
            `$ZOO_DATA`. Of several tables, those called train, validation and test are these
            splits.
        request: What is asked for. Without splits a column of the table says them, else lists or
            folders of the usual names.
        table: The table's path below `path`, where there are others.
        images: Folder of the pictures below `path`; without it anywhere below.
        columns: What columns are, by the header's name or by number from 1, as in
            {"file": "photo", "label": 3}; see `zoo.data.files.columns.NAMES`.
        header: Whether the first row names the columns.
        delimiter: What stands between two cells.
        box_format: What a box's four numbers mean: "xyxy", "xywh", "center_xywh" in pixels, or
            with "rel_" as fractions of the picture's size.
        objects: What to do about a picture with several objects: "largest", "skip" or "crop".
        classes: Names of the labels that count; all if None.

    Raises:
        UserError: If there is no such table, it does not name pictures, or no example is left.
    """
    del name
    place = find_root(path, SOURCE, "pictures and a table of them", _GIVEN)
    root = place if place.is_dir() else place.parent
    paths = _tables(root, place, table)
    pictures = root if images is None else find_folder(root, images, (), "pictures")
    examples, looks, findings = examples_in(root, pictures)
    if not examples:
        raise UserError(
            f"{pictures} holds no picture; give the folder that holds the table and the pictures, "
            'and the table as data.options={"table": ...}'
        )
    listings = [
        listing_of(one, read_table(one, delimiter), examples, columns or {}, header)
        for one in paths
    ]
    if len(listings) > 1:
        listings = [
            replace(one, split=SPLIT_FOLDERS[path.stem.lower()])
            for one, path in zip(listings, paths, strict=True)
        ]
    findings += [finding for one in listings for finding in one.findings]
    examples, looks, said = listed(listings, examples, looks)
    findings += said
    if any(one.columns.box for one in listings):
        annotations, said = boxes_of(listings, examples, looks, box_format)
        examples, placed = with_boxes(
            examples, looks, annotations, objects=objects, classes=classes
        )
        findings += [*said, *placed]
        carries = frozenset(TARGETS)
    else:
        examples, said = labelled(listings, examples, classes)
        findings += said
        carries = frozenset({"class"})
    return dataset_of(root, examples, request, carries=carries, findings=findings)


def _tables(root: Path, place: Path, given: str | None) -> list[Path]:
    """Returns the table that was given, or the only one, or those of the splits."""
    if given is not None:
        if not os.path.isfile(root / given):
            raise UserError(f"{root} has no table {given!r}")
        return [root / given]
    if place.is_file():
        return [place]
    found = sorted(
        child
        for child in root.iterdir()
        if child.suffix.lower() in _ENDINGS and not hidden(child.name)
    )
    of_splits = [path for path in found if path.stem.lower() in SPLIT_FOLDERS]
    if len(found) > 1 and of_splits != found:
        raise UserError(
            f"{root} holds the tables {found[0].name} and {found[-1].name}; name one in "
            'data.options, as in table="labels.csv"'
        )
    if not found:
        raise UserError(f"{root} holds no table, a .csv or .tsv file; add it, or name its path")
    return found


def _unread(root: Path) -> list[Example]:
    paths = files_in(root, PICTURES)[0]
    files = [path.relative_to(root).as_posix() for path in paths]
    return [Example(file, file, str(path)) for file, path in zip(files, paths, strict=True)]
