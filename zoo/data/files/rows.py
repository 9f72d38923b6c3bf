"""From the rows of tables to the labels and boxes of pictures."""

from collections.abc import Sequence
from dataclasses import replace

from zoo.data.files.box_formats import BoxFormat, Written, edges_of, guess_format
from zoo.data.files.example import Example
from zoo.data.files.listing import Listing, rows_of
from zoo.data.files.objects import Annotation, Box, Thing, corners
from zoo.data.files.pictures import Look
from zoo.data.files.tables import Row, number_in, numbers_in
from zoo.data.findings import Finding, Reason, decision, named
from zoo.errors import UserError

_ONLY = "object"


def labelled(
    listings: Sequence[Listing], examples: Sequence[Example], classes: Sequence[str] | None
) -> tuple[list[Example], list[Finding]]:
    """Gives each picture the label of its rows.

    Args:
        listings: What the tables list; without boxes.
        examples: The pictures that they list.
        classes: Names of the labels that count; all if None.

    Returns:
        The examples, and what was found.

    Raises:
        UserError: If a table has no column of labels.
    """
    for one in listings:
        if "label" not in one.columns.at:
            raise UserError(
                f"{one.name} has no column of labels; name it in data.options, as in "
                'columns={"label": "species"}'
            )
    complete, findings = [], []
    for example in examples:
        lines: dict[str, list[str]] = {}
        for one, row in rows_of(listings, example):
            lines.setdefault(one.columns.cell(row, "label"), []).append(_line(one, row))
        unlabelled = lines.pop("", [])
        why = None
        if not lines:
            why = Reason("missing-label", f"has no label in {' and '.join(unlabelled)}")
        elif len(lines) > 1:
            text = " and ".join(f"{label!r} ({lines[label][0]})" for label in sorted(lines))
            why = Reason("ambiguous-annotation", f"has the labels {text}")
        elif classes is not None and not lines.keys() <= set(classes):
            why = Reason("no-object", f"is of class {next(iter(lines))!r}, which does not count")
        if why:
            complete.append(replace(example, lacks={**example.lacks, "class": why}))
            continue
        ((label, said),) = lines.items()
        complete.append(replace(example, label=label))
        if len(said) > 1:
            text = f"{example.file} stands in {named(said)} with the same label"
            findings.append(Finding("ambiguous-annotation", example.file, text, "mended"))
    return complete, findings


def _line(listing: Listing, row: Row) -> str:
    return f"{listing.name} line {row.line}"


def boxes_of(
    listings: Sequence[Listing],
    examples: Sequence[Example],
    looks: Sequence[Look],
    box_format: BoxFormat | None,
) -> tuple[dict[str, Annotation | Reason], list[Finding]]:
    """Gives each picture the objects of its rows.

    Args:
        listings: What the tables list.
        examples: The pictures that they list.
        looks: Their headers.
        box_format: What a box's four numbers mean; None to guess.

    Returns:
        The annotation of each picture's file, as `with_boxes` takes it, and what was decided.
    """
    findings: list[Finding] = []
    where = " and ".join(one.name for one in listings)
    if box_format is None:
        sizes = {one.file: look.size for one, look in zip(examples, looks, strict=True)}
        boxes = [
            Written(numbers, one.columns.size(row, one.table.delimiter) or sizes[file])
            for one in listings
            for file, rows in one.found.items()
            for row in rows
            if (numbers := _numbers(one, row)) is not None
        ]
        box_format, said = guess_format(boxes, where, listings[0].columns.corners)
        findings.append(said)
    if not any("label" in one.columns.at for one in listings):
        text = f"{where} has no column of labels: every object is of the class {_ONLY!r}"
        findings.append(decision(text))
    annotations: dict[str, Annotation | Reason] = {}
    for example, look in zip(examples, looks, strict=True):
        rows = list(rows_of(listings, example))
        annotations[example.file] = _annotation(rows, look, box_format)
    return annotations, findings


def _annotation(
    rows: Sequence[tuple[Listing, Row]], look: Look, box_format: BoxFormat
) -> Annotation:
    first, row = rows[0]
    lines = named([str(row.line) for _, row in rows])
    size = first.columns.size(row, first.table.delimiter)
    if box_format.startswith("rel_") and size not in (look.size, look.stored):
        # Fractions hold whatever size the picture was made since.
        size = None
    annotation = Annotation(
        source=f"{first.name} line{'s' if len(rows) > 1 else ''} {lines}", size=size
    )
    for number, (one, row) in enumerate(rows, 1):
        label = one.columns.cell(row, "label") if "label" in one.columns.at else _ONLY
        if not any(_cells(one, row)):
            # A picture that is listed without an object has none.
            continue
        numbers = _numbers(one, row)
        if numbers is None or not label:
            lacks = "label" if numbers is not None else "box of four numbers"
            fault = f"object {number} in line {row.line} has no {lacks}"
            annotation.faults.append(Reason("object-incomplete", fault))
            continue
        edges = edges_of(numbers, box_format, size or look.size)
        annotation.objects.append(Thing(number, label, edges, corners(numbers)))
    return annotation


def _cells(listing: Listing, row: Row) -> list[str]:
    return [row.cells[c] if c < len(row.cells) else "" for c in listing.columns.box]


def _numbers(listing: Listing, row: Row) -> Box | None:
    cells = _cells(listing, row)
    found = (
        numbers_in(cells[0])
        if len(cells) == 1
        else [number_in(cell, listing.table.delimiter) for cell in cells]
    )
    if len(found) != 4 or any(number is None for number in found):
        return None
    a, b, c, d = (float(number or 0) for number in found)
    return a, b, c, d
