"""Tables in text files: CSV, TSV and what spreadsheets call so, with the lines they stand in."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import UserError

_DELIMITERS = (",", ";", "\t", "|", " ")
_SNIFFED = 200
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_FIELD_LIMIT = 2**24


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        line: The line of the file that it begins in, counted from 1.
        cells: Without blanks around them.
    """

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table as it stands in its file; whether the first row is a header is not decided.

    Attributes:
        path: Of the file.
        delimiter: What stands between two cells.
        rows: Those that are not empty.
    """

    path: Path
    delimiter: str
    rows: tuple[Row, ...]


def read_table(path: Path, delimiter: str | None = None) -> Table:
    """Reads a table.

    Text is UTF-8 or UTF-16 with a byte order mark, else Windows-1252. Cells may be quoted. Excel's
    first line `sep=;` says the delimiter.

    Args:
        path: Of the file.
        delimiter: What stands between two cells; None to find out.

    Raises:
        UserError: If it cannot be read.
    """
    if delimiter is not None and len(delimiter) != 1:
        raise UserError(f"delimiter={delimiter!r} is not one character; leave it out to find out")
    text = _text(path)
    said = re.match(r"\s*\"?sep=(.)\"?\s*?\r?\n", text)
    first = 1
    if said:
        delimiter, text, first = delimiter or said[1], text[said.end() :], 2
    delimiter = delimiter or _sniff(text)
    try:
        rows = list(_rows(text, delimiter, first))
    except csv.Error as error:
        raise UserError(f"{path} is no table of text ({error}); save it as CSV in UTF-8") from error
    return Table(path, delimiter, tuple(rows))


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); make it readable") from error
    try:
        text = data.decode("utf-16" if data.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace") if not data.startswith(_UTF16) else "\0"
    if "\0" in text:
        raise UserError(f"{path} is no table of text; save it as CSV in UTF-8")
    return text


def _rows(text: str, delimiter: str, first: int = 1):
    csv.field_size_limit(_FIELD_LIMIT)
    # A quote may follow a blank after the delimiter.
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=delimiter != "\t"
    )
    line = first
    for cells in reader:
        cells = tuple(cell.strip() for cell in cells)
        if any(cells):
            yield Row(line, cells)
        line = first + reader.line_num


def _sniff(text: str) -> str:
    """Returns the delimiter by which the most of the first rows have as many cells."""
    head = "".join(text.splitlines(keepends=True)[:_SNIFFED])
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        if delimiter == " " and best_score[0]:
            # Blanks stand in names, too: they part cells only where nothing else does.
            continue
        try:
            counts = [len(row.cells) for row in _rows(head, delimiter)]
        except csv.Error:
            continue
        usual = max(set(counts), key=counts.count, default=1)
        score = (counts.count(usual) / max(1, len(counts)) if usual > 1 else 0.0, usual)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def number_in(text: str, delimiter: str) -> float | None:
    """Returns the number that a cell holds; None where it holds none.

    Args:
        text: Of the cell.
        delimiter: Of the table: where it is no comma, one may stand for the decimal point.
    """
    try:
        value = float(text.replace(",", ".") if delimiter != "," else text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def numbers_in(text: str) -> list[float]:
    """Returns all numbers that stand in a cell, as in "[1, 2.5, 3, 4]"."""
    found = re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", text)
    return [float(number) for number in found]
