"""Tables of what there is: encoders, decoders, recipes, data sets, tasks."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

import zoo
from zoo.amounts import count, in_bytes, square
from zoo.errors import UserError


def rows(kind: str, pattern: str) -> list[dict[str, Any]]:
    """Returns the rows of a listing.

    Args:
        kind: ``"encoders"``, ``"decoders"``, ``"recipes"``, ``"datasets"`` or ``"tasks"``.
        pattern: A shell pattern for the names.

    Returns:
        Dicts of plain values with the same keys, the first of which is ``name``. Only decoders
        import Keras.
    """
    from fnmatch import fnmatch

    found: list[dict[str, Any]]
    match kind:
        case "encoders":
            # Read where it lies: importing zoo.models would import Keras.
            table = Path(zoo.__file__).parent / "models" / "facts.json"
            facts = json.loads(table.read_text(encoding="utf-8"))
            found = [{"name": name, **row} for name, row in facts.items()]
        case "decoders":
            from zoo.models.decoders import DECODERS
            from zoo.models.menu import summary

            found = [_named(name, summary(DECODERS[name])) for name in sorted(DECODERS)]
        case "recipes":
            found = [_named(entry.name, entry.summary) for entry in zoo.list_recipes()]
        case "datasets":
            found = [
                {"name": name, "what": what, "targets": ", ".join(targets)}
                for name, what, targets in zoo.list_datasets()
            ]
        case _:
            from zoo.tasks import TASKS

            found = [
                {
                    "name": task.name,
                    "output": task.output_layer,
                    "loss": task.loss_text,
                    "metrics": task.metrics_text,
                    "serves": ", ".join(task.served),
                }
                for task in TASKS.values()
            ]
    return [row for row in found if fnmatch(row["name"], pattern)]


Columns = dict[str, Callable[[dict[str, Any]], str]]

# What is shown of a row, each fact under a short title; of other kinds, all there is.
_COLUMNS: dict[str, Columns] = {
    "encoders": {
        "name": lambda row: row["name"],
        "params": lambda row: count(row["parameters"]),
        "MACs": lambda row: count(row["macs"]),
        "at": lambda row: str(row["size"]),
        "field": lambda row: (
            row["receptive_field"]
            if row["receptive_field"] == "all"
            else square(row["receptive_field"])
        ),
        "strides": lambda row: f"{row['strides'][0]}-{row['strides'][-1]}",
        "smallest": lambda row: square(row["smallest_input"]),
        "ImageNet": lambda row: "yes" if row["imagenet"] else "",
    },
    "models": {
        "model": lambda row: (
            f"{row['name']}/{Path(row['path']).name}{' *' if row['state'] == 'served' else ''}"
        ),
        "task": lambda row: row["task"] or "",
        "k": lambda row: str(row["classes"] or ""),
        "score": lambda row: "" if row["score"] is None else f"{row['score']:.3f}",
        "size": lambda row: in_bytes(row["bytes"]),
        "published": lambda row: row["published"][:10],
        "precision": lambda row: row["precision"] or "",
        "TF": lambda row: row["tensorflow"] or "",
    },
}
_EXPLAINED: dict[str, Callable[[list[dict[str, Any]]], str]] = {
    "encoders": lambda rows: (
        rows[0]["summary"]
        if len(rows) == 1
        else (
            "MACs: multiply-adds at the usual size. field, smallest: receptive field of the\n"
            "coarsest map and smallest input, in pixels. ImageNet: weights are published."
        )
    ),
    "models": lambda rows: (
        "*: what servers serve. k: classes. score: accuracy, of boxes and masks mean IoU.\n"
        "TF: which TensorFlow wrote it."
    ),
}


def show(kind: str, table_rows: list[dict[str, Any]], as_json: bool) -> None:
    """Prints rows on standard output, as a table of at most 80 columns or as JSON.

    Args:
        kind: Of the rows; ``"models"`` for what is published.
        table_rows: As :func:`rows` returned them.
        as_json: Whether to print everything known, for machines.
    """
    if as_json:
        click.echo(json.dumps(table_rows, indent=2))
        return
    if not table_rows:
        click.echo("none")
        return
    columns = _COLUMNS.get(kind)
    # Many facts of few things read better side by side, with room for each word.
    turned = columns is None and len(table_rows[0]) > 3
    shown = (
        [{title: form(row) for title, form in columns.items()} for row in table_rows]
        if columns
        else table_rows
    )
    lines = [list(shown[0]), *(list(row.values()) for row in shown)]
    if turned:
        lines = [list(line) for line in zip(*lines, strict=True)]
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False)
    for place, name in enumerate(lines[0]):
        table.add_column(
            name,
            overflow="fold",
            # Beside numbers it is the name that is folded; beside words, these.
            no_wrap=(place == 0) != bool(columns),
            justify="right" if columns and place else "left",
        )
    for line in lines[1:]:
        table.add_row(*line)
    output().print(table)
    if kind in _EXPLAINED:
        click.echo(f"\n{_EXPLAINED[kind](table_rows)}")


def output() -> Console:
    """Returns standard output as tables are printed on it: at most 80 columns elsewhere."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 80
    return console


def parse_size(text: str) -> tuple[int | None, int | None, int]:
    """Returns an input shape from ``224x224x3``; ``?`` stands for any size.

    Raises:
        UserError: If the text is of another form.
    """
    match = re.fullmatch(r"(\d+|\?)x(\d+|\?)(?:x(\d+))?", text)
    if not match:
        raise UserError(f"--size {text!r} is not of the form HEIGHTxWIDTHxCHANNELS, as 224x224x3")
    height, width = (None if part == "?" else int(part) for part in match.groups()[:2])
    return height, width, int(match.group(3) or 3)


def _named(name: str, summary: str) -> dict[str, str]:
    return {"name": name, "what": summary}
