"""Lists of two columns: a picture, and its mask."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from zoo.data.files.colours import Colours
from zoo.data.files.example import Example
from zoo.data.files.mask_files import MASKS, give_mask
from zoo.data.files.pictures import PICTURES, Look
from zoo.data.findings import Finding, found_in
from zoo.errors import UserError

LISTS = (".txt", ".csv", ".tsv", ".lst")
"""The endings of lists."""

_DELIMITERS = "\t,;"


def read_pairs(root: Path, source: str) -> tuple[list[tuple[Path, Path]], list[Finding]]:
    """Reads which picture has which mask.

    The columns are parted by tabs, commas, semicolons or blanks; a header, empty lines and
    lines that begin with # are passed over. A path may begin at the data set's folder or the
    list's, or on another machine: then as much of its beginning is dropped as has to be.

    Args:
        root: Folder of the data set.
        source: The list's path below it.

    Returns:
        The files of the pictures and of their masks, in the list's order; and the lines that
        name what is not there.

    Raises:
        UserError: If there is no such list, or a line has no two columns.
    """
    path = root / source
    if not os.path.isfile(path):
        raise UserError(f"{root} has no list {source!r}, named in data.options.pairs")
    found: list[tuple[Path, Path]] = []
    missing: dict[str, str] = {}
    rows = _rows(path)
    for place, (line, cells) in enumerate(rows):
        picture, mask = (_find(root, path.parent, cell) for cell in cells)
        if picture is not None and mask is not None:
            found.append((picture, mask))
        elif place == 0 and not any(_is_file_name(cell) for cell in cells):
            continue
        else:
            gone = [cell for cell, at in zip(cells, (picture, mask), strict=True) if at is None]
            missing[cells[0]] = f"line {line}, {' and '.join(gone)}"
    said = f"left out, listed in {source} and not there"
    return found, found_in(missing, "missing-picture", said, effect="left out")


def usual_pairs(root: Path) -> list[str]:
    """Returns the lists beside a data set's folders that name pictures and masks in their lines.

    Args:
        root: Folder of the data set.
    """
    return [path.name for path in sorted(root.iterdir()) if names_pairs(path, root)]


def names_pairs(path: Path, root: Path) -> bool:
    """Says whether a file is a list of pictures and masks that are there.

    Args:
        path: Of the file.
        root: Folder of the data set.
    """
    if path.suffix.lower() not in LISTS or not path.is_file():
        return False
    try:
        rows = _rows(path)[:2]
    except UserError:
        return False
    return any(all(_find(root, path.parent, cell) for cell in cells) for _, cells in rows)


def with_listed_masks(
    root: Path,
    pairs: Sequence[tuple[Path, Path]],
    examples: Sequence[Example],
    looks: Sequence[Look],
    colours: Colours | None,
) -> tuple[list[Example], list[Look]]:
    """Gives each picture that is listed the mask beside it.

    Args:
        root: Folder of the data set.
        pairs: The files of the pictures and of their masks.
        examples: All files that may be pictures.
        looks: Their headers.
        colours: Which colour is which class; None where masks hold ids.

    Returns:
        The examples of the pictures, in natural order; and their headers.
    """
    mask_of = dict(pairs)
    kept = [
        (give_mask(one, look, mask, mask.relative_to(root).as_posix(), colours), look)
        for one, look in zip(examples, looks, strict=True)
        if (mask := mask_of.get(Path(one.path))) is not None
    ]
    return [one for one, _ in kept], [look for _, look in kept]


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Returns the first two cells of each line, with its number."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no list in UTF-8 text ({error.reason})") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); make it readable") from error
    filled = [
        (number, line.strip())
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    first = filled[0][1] if filled else ""
    delimiter = next((one for one in _DELIMITERS if one in first), None)
    rows = []
    for number, line in filled:
        try:
            cells = next(csv.reader([line], delimiter=delimiter)) if delimiter else line.split()
        except csv.Error as error:
            raise UserError(f"{path} line {number} is no row of a list ({error})") from error
        cells = [cell.strip() for cell in cells[:2]]
        if len(cells) < 2 or not all(cells):
            raise UserError(f"{path} line {number} has no two columns, a picture and its mask")
        rows.append((number, cells))
    return rows


def _is_file_name(cell: str) -> bool:
    return os.path.splitext(cell)[1].lower() in {*PICTURES, *MASKS}


def _find(root: Path, folder: Path, cell: str) -> Path | None:
    parts = [part for part in cell.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    for start in range(len(parts)):
        for place in (root, folder):
            path = place.joinpath(*parts[start:])
            # A cell may hold any text: Path.is_file raises where it is too long for a name.
            if os.path.isfile(path):
                return path
    return None
