"""Tables of what there is: encoders, decoders, recipes, data sets, tasks."""

import json
import re
from typing import Any

import click
from rich.console import Console
from rich.table import Table

import zoo
from zoo.errors import UserError


def rows(kind: str, pattern: str) -> list[dict[str, str]]:
    """Returns the rows of a listing.

    Args:
        kind: ``"encoders"``, ``"decoders"``, ``"recipes"``, ``"datasets"`` or ``"tasks"``.
        pattern: A shell pattern for the names.

    Returns:
        Dicts with the same keys, the first of which is ``name``. Only encoders and
        decoders import Keras.
    """
    from fnmatch import fnmatch

    found: list[dict[str, str]]
    match kind:
        case "encoders":
            found = [_named(name, summary) for name, summary in _summaries("encoders")]
        case "decoders":
            found = [_named(name, summary) for name, summary in _summaries("decoders")]
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


def show(table_rows: list[dict[str, str]], as_json: bool) -> None:
    """Prints rows on standard output, as a table of at most 80 columns or as JSON."""
    if as_json:
        click.echo(json.dumps(table_rows, indent=2))
        return
    if not table_rows:
        click.echo("none")
        return
    lines = [list(table_rows[0]), *(list(row.values()) for row in table_rows)]
    if len(lines[0]) > 3:
        # Many facts of few things read better side by side, with room for each word.
        lines = [list(line) for line in zip(*lines, strict=True)]
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False)
    for place, name in enumerate(lines[0]):
        table.add_column(name, overflow="fold", no_wrap=place == 0)
    for line in lines[1:]:
        table.add_row(*line)
    output().print(table)


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


def _summaries(kind: str) -> list[tuple[str, Any]]:
    from zoo.models.decoders import DECODERS
    from zoo.models.encoders import ENCODERS

    functions = ENCODERS if kind == "encoders" else DECODERS
    return sorted((name, _first_line(function)) for name, function in functions.items())


def _first_line(function: Any) -> str:
    return (getattr(function, "func", function).__doc__ or "").strip().partition("\n")[0]
