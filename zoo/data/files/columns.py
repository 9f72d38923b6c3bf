"""Which column of a table is what: by the header's names, else by what stands in the cells."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from zoo.data.files.box_formats import Corners
from zoo.data.files.pictures import PICTURES
from zoo.data.files.splits import SPLIT_FOLDERS
from zoo.data.files.tables import Row, Table, number_in
from zoo.data.findings import Finding, decision
from zoo.errors import UserError, nearest

NAMES = {
    "file": "file filename filepath image imagename imagefile imagepath imageid img imgname path "
    "picture photo fname",
    "label": "label labels labelname class classname classid category categoryname species breed "
    "target tag",
    "x_min": "xmin minx left x0",
    "y_min": "ymin miny top y0",
    "x_max": "xmax maxx right x2",
    "y_max": "ymax maxy bottom y2",
    "x": "x bboxx boxx",
    "y": "y bboxy boxy",
    "center_x": "xcenter centerx cx xc",
    "center_y": "ycenter centery cy yc",
    "width": "width w bboxwidth bboxw boxwidth",
    "height": "height h bboxheight bboxh boxheight",
    "box": "bbox box boundingbox",
    "split": "split subset partition set usage",
    "group": "group groupid patient patientid subject subjectid video videoid film sequence",
    "picture_width": "imagewidth imgwidth picturewidth imwidth",
    "picture_height": "imageheight imgheight pictureheight imheight",
}
"""What columns may be, and the names that say so, without capitals, blanks and underscores."""

_BOXES: Sequence[tuple[Corners, tuple[str, ...]]] = (
    ("xyxy", ("x_min", "y_min", "x_max", "y_max")),
    ("xywh", ("x_min", "y_min", "width", "height")),
    ("center_xywh", ("center_x", "center_y", "width", "height")),
    ("xywh", ("x", "y", "width", "height")),
)


@dataclass(frozen=True)
class Columns:
    """Which column is what.

    Attributes:
        at: The number of the column that is something, from 0.
        box: The four columns of a box; one where a cell holds all four numbers; none.
        corners: What the four numbers are, where the columns' names say it.
        rows: Those of the table without its header.
    """

    at: Mapping[str, int]
    box: tuple[int, ...]
    corners: Corners | None
    rows: Sequence[Row]

    def cell(self, row: Row, what: str) -> str:
        """Returns what a row says of something, "" where it says nothing."""
        column = self.at.get(what, len(row.cells))
        return row.cells[column] if column < len(row.cells) else ""

    def size(self, row: Row, delimiter: str) -> tuple[int, int] | None:
        """Returns the height and width of the picture, where a row says so."""
        sides = [
            number_in(self.cell(row, f"picture_{side}"), delimiter) for side in ("height", "width")
        ]
        if any(side is None or side < 1 for side in sides):
            return None
        return int(sides[0] or 0), int(sides[1] or 0)


def find_columns(
    table: Table,
    names_picture: Callable[[str], bool],
    given: Mapping[str, str | int],
    header: bool | None,
) -> tuple[Columns, list[Finding]]:
    """Finds out which column is what.

    Args:
        table: To look into.
        names_picture: Whether a cell names one of the pictures that there are.
        given: What columns are, by name or by number from 1, where the user says so.
        header: Whether the first row names the columns; None to find out.

    Returns:
        The columns, and a finding that says which is what.

    Raises:
        UserError: If no column names pictures, or it is not clear which is the label.
    """
    if not table.rows:
        raise UserError(f"{table.path} is empty; write a row for each picture or object")

    def is_picture(cell: str) -> bool:
        return names_picture(cell) or os.path.splitext(cell)[1].lower() in PICTURES

    first = table.rows[0]
    if header is None:
        header = not any(map(is_picture, first.cells))
    rows = table.rows[1:] if header else table.rows
    at = _given(given, first.cells if header else None, table)
    told = set(at.values())
    if header:
        for what, column in _named(first.cells).items():
            if column not in told:
                at.setdefault(what, column)
    if "file" not in at:
        at["file"] = _file_column(rows, is_picture, table, told)
    box, corners = _box_columns(at)
    if not header and not box:
        box = _box_by_cells(rows, at, table)
    width = max((len(row.cells) for row in table.rows), default=0)
    rest = [column for column in range(width) if column not in {*at.values(), *box}]
    if not header:
        _fill(at, rest, rows)
    if "label" not in at and len(rest) == 1:
        at["label"] = rest.pop()
    columns = Columns(at, box, corners, rows)
    title = list(first.cells) if header else None
    return columns, [decision(_said(table, columns, rest, title))]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _named(header: Sequence[str]) -> dict[str, int]:
    plain = [_plain(name) for name in header]
    found = {}
    for what, names in NAMES.items():
        here = [plain.index(name) for name in names.split() if name in plain]
        if here:
            found[what] = here[0]
    # "x1" is the first corner beside "x2", and the second one beside "x0".
    for side in "xy":
        if f"{side}1" in plain:
            end = "max" if f"{side}0" in plain else "min"
            found[f"{side}_{end}"] = plain.index(f"{side}1")
    if {"x_min", "x_max"} <= found.keys():
        # Beside corners, these are the picture's.
        for side in ("width", "height"):
            if side in found:
                found.setdefault(f"picture_{side}", found.pop(side))
    return found


def _given(
    given: Mapping[str, str | int], header: Sequence[str] | None, table: Table
) -> dict[str, int]:
    at = {}
    for what, column in given.items():
        if what not in NAMES:
            raise UserError(f"columns: there is no {what!r} in a table{nearest(what, NAMES)}")
        if isinstance(column, int) or str(column).isdecimal():
            at[what] = int(column) - 1
        elif header is None or column not in header:
            has = nearest(str(column), header) if header else ": it has no header, count from 1"
            raise UserError(f"{table.path} has no column {column!r}{has}")
        else:
            at[what] = header.index(column)
        if not 0 <= at[what] < max(len(row.cells) for row in table.rows):
            raise UserError(f"{table.path} has no column {column}; columns count from 1")
    return at


def _file_column(
    rows: Sequence[Row], is_picture: Callable[[str], bool], table: Table, told: set[int]
) -> int:
    counts: dict[int, int] = {}
    for row in rows:
        for column, cell in enumerate(row.cells):
            if column not in told and cell and is_picture(cell):
                counts[column] = counts.get(column, 0) + 1
    if not counts:
        raise UserError(
            f"{table.path} has no column that names pictures; name it in data.options, as in "
            'columns={"file": "photo"}'
        )
    return max(counts, key=lambda column: (counts[column], -column))


def _box_columns(at: Mapping[str, int]) -> tuple[tuple[int, ...], Corners | None]:
    for corners, parts in _BOXES:
        if all(part in at for part in parts):
            return tuple(at[part] for part in parts), corners
    return ((at["box"],), None) if "box" in at else ((), None)


def _box_by_cells(rows: Sequence[Row], at: dict[str, int], table: Table) -> tuple[int, ...]:
    """Returns the four columns of numbers side by side; the label may be a fifth."""
    width = max(len(row.cells) for row in rows)
    taken = set(at.values())
    columns = [[row.cells[c] if c < len(row.cells) else "" for row in rows] for c in range(width)]
    numbers = [
        c not in taken and any(cells) and _share_of_numbers(cells, table.delimiter) > 0.5
        for c, cells in enumerate(columns)
    ]
    runs: list[list[int]] = [[]]
    for column, numeric in enumerate(numbers):
        if numeric:
            runs[-1].append(column)
        elif runs[-1]:
            runs.append([])
    run = max(runs, key=len)
    if len(run) < 4:
        return ()
    if len(run) == 5:
        ends = [
            c for c in (run[0], run[-1]) if all(cell.isdecimal() for cell in columns[c] if cell)
        ]
        if len(ends) == 1 and "label" not in at:
            at["label"] = ends[0]
            run.remove(ends[0])
    if len(run) > 4:
        raise UserError(
            f"{table.path} has no header and {len(run)} columns of numbers side by side, which may "
            'be labels and boxes: say which is what in data.options, as in columns={"label": 2, '
            '"x_min": 3, "y_min": 4, "x_max": 5, "y_max": 6}'
        )
    return tuple(run)


def _share_of_numbers(cells: Sequence[str], delimiter: str) -> float:
    filled = [cell for cell in cells if cell]
    return sum(number_in(cell, delimiter) is not None for cell in filled) / len(filled)


def _fill(at: dict[str, int], rest: list[int], rows: Sequence[Row]) -> None:
    """Tells the split and the label by their cells; takes them from what is left."""
    for column in list(rest):
        cells = {row.cells[column].lower() for row in rows if column < len(row.cells)} - {""}
        if not cells:
            rest.remove(column)
        elif "split" not in at and cells <= SPLIT_FOLDERS.keys():
            at["split"] = column
            rest.remove(column)
        elif "label" not in at:
            at["label"] = column
            rest.remove(column)


def _said(table: Table, columns: Columns, rest: Sequence[int], header: Sequence[str] | None) -> str:
    def name(column: int) -> str:
        if header is None or column >= len(header):
            return str(column + 1)
        return repr(header[column])

    said = [
        f"the {what.replace('_', ' ')} is {name(column)}"
        for what, column in columns.at.items()
        if column not in columns.box
    ]
    if columns.box:
        said.append(f"the box is {', '.join(map(name, columns.box))}")
    if rest:
        said.append(f"not used: {', '.join(map(name, rest))}")
    start = "" if header is not None else " has no header, and"
    return f"{table.path.name}{start or ':'} of its columns {'; '.join(said)}"
