"""A comparison as a table: on the terminal, and as CSV."""

import csv
import io
import math

from rich.console import Console
from rich.table import Table

from zoo.amounts import count
from zoo.comparison.axes import short_titles, text_of
from zoo.comparison.result import SPLITS, Compared, Row
from zoo.training.files import write_text
from zoo.training.watch import duration

_FAILURES_SHOWN = 10


def titles(compared: Compared) -> list[str]:
    """Returns what the columns of a table are called."""
    short = short_titles(compared.columns)
    varied = [short[column] for column in compared.columns]
    return [*varied, "validation", "test", "n", "time", "params", "MACs"]


def cells(compared: Compared, row: Row) -> list[str]:
    """Returns a row's texts, a column each."""
    varied = [text_of(row.setting.columns[column]) for column in compared.columns]
    finished, wanted = len(row.finished), len(row.outcomes)
    known = [row.fact("parameters"), row.fact("macs")]
    return [
        *varied,
        *(spread(row, split, compared.score) for split in SPLITS),
        str(finished) if finished == wanted else f"{finished}/{wanted}",
        "" if math.isnan(row.seconds) else duration(row.seconds),
        *("" if fact is None else count(fact) for fact in known),
    ]


def spread(row: Row, split: str, score: str) -> str:
    """Returns mean and standard deviation of a score, as ``0.912±0.004``; or nothing."""
    mean, deviation = row.mean(split, score), row.deviation(split, score)
    if math.isnan(mean):
        return ""
    return f"{mean:.3f}" if math.isnan(deviation) else f"{mean:.3f}±{deviation:.3f}"


def failure_lines(compared: Compared) -> list[str]:
    """Returns a sentence for each run that failed; of many the first."""
    failures = compared.failures
    lines = [f"failed: {one.cell.name}: {one.failure}" for one in failures[:_FAILURES_SHOWN]]
    if len(failures) > _FAILURES_SHOWN:
        lines.append(f"and {len(failures) - _FAILURES_SHOWN} more, in compare.json")
    return lines


def show(compared: Compared, console: Console) -> None:
    """Prints a comparison in the order of its grid, the best on validation in bold."""
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False)
    varied = len(compared.columns)
    for place, title in enumerate(titles(compared)):
        numbers = place >= varied
        justify = "right" if numbers else "left"
        table.add_column(title, justify=justify, no_wrap=numbers, overflow="fold")
    best = compared.best
    for row in compared.rows:
        marked = "bold" if row is best and len(compared.rows) > 1 else None
        table.add_row(*cells(compared, row), style=marked)
    console.print(table)
    console.print(
        f"\n{compared.score}: mean±standard deviation over n seeds; time: of training; MACs: "
        "multiply-adds of a picture.",
        markup=False,
    )
    if best is not None and len(compared.rows) > 1:
        console.print(f"best on validation: {best.setting.name}", markup=False, soft_wrap=True)
    for line in failure_lines(compared):
        console.print(line, markup=False, soft_wrap=True)


def write_csv(compared: Compared) -> None:
    """Writes ``compare.csv``: a row a setting, numbers in full."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    numbers = [f"{split}_{what}" for split in SPLITS for what in ("mean", "std")]
    varied = compared.columns
    writer.writerow([*varied, *numbers, "n", "failed", "seconds", "parameters", "macs"])
    for row in compared.rows:
        scores = [
            measure(split, compared.score)
            for split in SPLITS
            for measure in (row.mean, row.deviation)
        ]
        writer.writerow(
            [
                *(text_of(row.setting.columns[column]) for column in varied),
                *("" if math.isnan(value) else value for value in scores),
                len(row.finished),
                len(row.failures),
                "" if math.isnan(row.seconds) else row.seconds,
                *(row.fact(name) for name in ("parameters", "macs")),
            ]
        )
    write_text(compared.folder / "compare.csv", stream.getvalue())
