"""A table of pictures: a CSV or TSV file with a label, or with a box and a label, in each row."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from zoo.amounts import plural
from zoo.data.dataset import DataSet
from zoo.data.files.box_formats import BoxFormat
from zoo.data.files.boxes import Objects, with_boxes
from zoo.data.files.dataset import dataset_of
from zoo.data.files.example import Example
from zoo.data.files.listing import Listing, listed, listing_of, unknown_splits
from zoo.data.files.pictures import PICTURES, examples_in, files_in, find_folder, find_root
from zoo.data.files.rows import boxes_of, labelled
from zoo.data.files.splits import SPLIT_FOLDERS
from zoo.data.files.tables import read_table
from zoo.data.findings import Finding
from zoo.data.places import hidden
from zoo.data.request import Request
from zoo.errors import UserError

SOURCE = "csv"
SUMMARY = "your pictures with a table: CSV or TSV rows of file and label, or file and box"
TARGETS = ("class", "box")

_ENDINGS = (".csv", ".tsv")
_GIVEN = (*_ENDINGS, ".txt")
# So many tables are read before a folder is said to hold none of pictures.
_LOOKED_INTO = 20


def recognize(path: Path) -> str | None:
    """Says what shows that a table tells of the pictures; see `zoo.data.formats`."""
    root = path if path.is_dir() else path.parent
    found = _tables_in(root) if path.is_dir() else [path]
    tables = [one for one in found if one.suffix.lower() in _ENDINGS]
    table = next(_naming_pictures(root, tables), None)
    if table is None:
        return None
    return f"there is {_name_of(table, root)}, a table whose rows name pictures"


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
    set's folder, or any end of these, with or without ending; capitals and the encoding of accents
    count only where they decide. Examples come in the natural order of their files, whatever the
    order of the rows.

    Args:
        name: Empty: this source takes no name.
        path: The table, or the folder that holds it; a relative one is also looked for under
            `$ZOO_DATA`. Of several tables, those called train, validation and test are these
            splits, or those in folders of these names; of others the only one that names
            pictures is taken. That of a test may have no labels, and is left out.
        request: What is asked for. Without splits a column of the table says them, else lists or
            folders of the usual names. Pictures of which it says another are left out.
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
    tables = _tables(root, place, table)
    pictures = root if images is None else find_folder(root, images, (), "pictures")
    examples, looks, findings = examples_in(root, pictures)
    if not examples:
        raise UserError(
            f"{pictures} holds no picture; give the folder that holds the table and the pictures, "
            'and the table as data.options={"table": ...}'
        )
    listings = [
        replace(
            listing_of(
                _name_of(one, root), read_table(one, delimiter), examples, columns or {}, header
            ),
            split=split,
        )
        for one, split in tables.items()
    ]
    listings, said = _with_targets(listings)
    findings += said
    findings += [finding for one in listings for finding in one.findings]
    examples, looks, said = listed(listings, examples, looks)
    findings += said
    if request.splits is None:
        findings += unknown_splits(listings, examples)
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


def _tables(root: Path, place: Path, given: str | None) -> dict[Path, str]:
    """Returns the table that was given, or the only one, or those of the splits with these."""
    if given is not None:
        if not os.path.isfile(root / given):
            raise UserError(f"{root} has no table {given!r}")
        return {root / given: ""}
    if place.is_file():
        return {place: ""}
    found = _tables_in(root)
    if not found:
        raise UserError(f"{root} holds no table, a .csv or .tsv file; add it, or name its path")
    if len(found) == 1 or all(found.values()):
        return found
    naming = {one: found[one] for one in _naming_pictures(root, list(found))}
    if len(naming) == 1:
        return dict.fromkeys(naming, "")
    if naming and all(naming.values()):
        return naming
    first, *_, last = naming or found
    usual = next((path for path, split in found.items() if split == "train"), first)
    raise UserError(
        f"{root} holds the tables {first.name} and {last.name}; name one in data.options, as in "
        f'table="{usual.name}"'
    )


def _tables_in(root: Path) -> dict[Path, str]:
    """Returns the tables in a folder, else those in its splits' folders, and each one's split."""

    def inside(folder: Path) -> list[Path]:
        return sorted(
            child
            for child in folder.iterdir()
            if child.suffix.lower() in _ENDINGS and not hidden(child.name)
        )

    own = inside(root)
    if len(own) == 1:
        # The only one is of all pictures, whatever it is called.
        return {own[0]: ""}
    if own:
        return {path: SPLIT_FOLDERS.get(path.stem.lower(), "") for path in own}
    folders = {child: SPLIT_FOLDERS.get(child.name.lower(), "") for child in sorted(root.iterdir())}
    return {
        path: split
        for folder, split in folders.items()
        if split and folder.is_dir()
        for path in inside(folder)
    }


def _naming_pictures(root: Path, tables: Sequence[Path]) -> Iterator[Path]:
    """Yields the tables of which a row names a picture."""
    examples = _unread(root) if tables else []
    for table in tables[:_LOOKED_INTO]:
        try:
            listing = listing_of(_name_of(table, root), read_table(table), examples, {}, None)
        except UserError:
            continue
        if listing.found:
            yield table


def _with_targets(listings: Sequence[Listing]) -> tuple[list[Listing], list[Finding]]:
    """Drops the tables of a test whose labels were kept back, and says so."""
    bare = [
        one
        for one in listings
        if one.split == "test" and not one.columns.box and "label" not in one.columns.at
    ]
    if len(bare) == len(listings):
        return list(listings), []
    said = [
        Finding(
            "missing-label",
            one.name,
            f"left out: {one.name}, a test without labels, of {plural(len(one.found), 'picture')}",
            "left out",
        )
        for one in bare
    ]
    return [one for one in listings if one not in bare], said


def _name_of(table: Path, root: Path) -> str:
    return table.relative_to(root).as_posix() if table.is_relative_to(root) else table.name


def _unread(root: Path) -> list[Example]:
    paths = files_in(root, PICTURES)[0]
    files = [path.relative_to(root).as_posix() for path in paths]
    return [Example(file, file, str(path)) for file, path in zip(files, paths, strict=True)]
