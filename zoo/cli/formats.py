"""What became of a model in several formats, as ``zoo export`` prints it."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich.table import Table

from zoo.amounts import in_bytes
from zoo.listing import output

if TYPE_CHECKING:
    from zoo.export.runtimes.convert import Converted
    from zoo.export.runtimes.score import Scored


def as_plain(rows: Sequence["Converted"]) -> str:
    """Returns rows as JSON."""
    return json.dumps({"formats": [row.to_json() for row in rows]})


def show_formats(rows: Sequence["Converted"], score: str) -> None:
    """Prints a table of at most 80 columns, and where the models are.

    Args:
        rows: As :meth:`zoo.run.Run.convert` returned them; if they are scored, the Keras model
            first.
        score: Name of the score that counts.
    """
    original = rows[0].scored if rows else None
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column(f"test, {original.pictures:,}" if original else "format", no_wrap=True)
    for title in ("precision", "size", "differs"):
        table.add_column(title, justify="right")
    for title in ("ms", score, "points") if original else ():
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(*_cells(row), *(_scored_cells(row.scored, original, score)))
    output().print(table)
    click.echo(
        "\ndiffers: at most from the Keras model, in a fresh process of its runtime: a\n"
        "probability, a box edge (px of the input), a mask (share of its pixels)."
    )
    if original:
        click.echo(
            "ms: median for one picture of the input's size; points: of the score, 0 to 100."
        )
    click.echo()
    for row in rows:
        if row.path is not None and row.agreement is not None:
            click.echo(f"{f'{row.format} {row.precision}':18}{row.path}")


def _cells(row: "Converted") -> list[str]:
    seen = row.agreement
    parts = []
    if seen is not None:
        parts += [f"{seen.score:.1g}"] if seen.score is not None else []
        parts += [f"{seen.box:.1g} px"] if seen.box is not None else []
        parts += [f"{seen.mask:.1%}"] if seen.mask is not None else []
    return [row.format, row.precision, in_bytes(row.size_bytes), ", ".join(parts)]


def _scored_cells(scored: "Scored | None", original: "Scored | None", name: str) -> list[str]:
    if original is None:
        return []
    if scored is None:
        return ["", "", "failed"]
    lost = 100 * (scored.scores[name] - original.scores[name])
    return [f"{scored.milliseconds:.2f}", f"{scored.scores[name]:.4f}", f"{lost:+.2f}"]
