"""A comparison as one self-contained HTML page: the table, and pictures of it."""

from collections.abc import Iterator
from datetime import datetime

from markupsafe import Markup
from matplotlib.figure import Figure

from zoo.comparison import figures
from zoo.comparison.result import Compared
from zoo.comparison.table import cells, failure_lines, titles
from zoo.evaluation.figures import to_svg
from zoo.evaluation.pages import encodable, templates
from zoo.evaluation.wording import score_title
from zoo.training.files import write_text


def write_page(compared: Compared) -> None:
    """Writes ``compare.html``; it needs nothing from outside."""
    best = compared.best
    page = (
        templates("zoo.comparison")
        .get_template("page.html.jinja")
        .render(
            title=compared.folder.name,
            recipe=compared.recipe["name"] or compared.recipe["task"],
            compared=compared,
            date=datetime.now().astimezone(),
            score=score_title(compared.score),
            titles=titles(compared),
            varied=len(compared.columns),
            rows=[
                {
                    "cells": cells(compared, row),
                    "best": row is best and len(compared.rows) > 1,
                    "runs": [
                        (f"seed {one.cell.seed}", f"{one.cell.name}/report.html")
                        for one in row.outcomes
                        if (one.folder / "report.html").is_file()
                    ],
                }
                for row in compared.rows
            ],
            failures=failure_lines(compared),
            figures=[Markup(to_svg(figure, label)) for label, figure in _figures(compared)],
        )
    )
    write_text(compared.page, encodable(page))


def _figures(compared: Compared) -> Iterator[tuple[str, Figure]]:
    """Yields a description of each figure that has something to show, and the figure."""
    title = score_title(compared.score)
    found = [
        *(
            (f"{title} by {column}", figures.score_by_axis(compared, column))
            for column in compared.columns
        ),
        ("Training loss over the epochs", figures.loss_curves(compared, "training")),
        ("Validation loss over the epochs", figures.loss_curves(compared, "validation")),
        (f"{title} by time", figures.score_by_cost(compared, "seconds")),
        (f"{title} by parameters", figures.score_by_cost(compared, "parameters")),
        (f"{title} by multiply-adds", figures.score_by_cost(compared, "macs")),
        ("Gradient by layer before training", figures.gradient_norms(compared, "initial")),
        ("Gradient by layer after training", figures.gradient_norms(compared, "trained")),
    ]
    yield from ((label, figure) for label, figure in found if figure is not None)
