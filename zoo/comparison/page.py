"""A comparison as one self-contained HTML page: the table, and pictures of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from markupsafe import Markup

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
            sections=list(_sections(compared)),
        )
    )
    write_text(compared.page, encodable(page))


def _sections(compared: Compared) -> Iterator[dict[str, Any]]:
    """Yields the sections that have something to show: title, text and figures."""
    title = score_title(compared.score)
    scores = [
        *((f"{title} by {one}", figures.score_by_axis(compared, one)) for one in compared.columns),
        (f"{title} by time", figures.score_by_cost(compared, "seconds")),
        (f"{title} by parameters", figures.score_by_cost(compared, "parameters")),
        (f"{title} by multiply-adds", figures.score_by_cost(compared, "macs")),
    ]
    losses = [
        ("Training loss over the epochs", figures.loss_curves(compared, "training")),
        ("Validation loss over the epochs", figures.loss_curves(compared, "validation")),
    ]
    gradients = [
        ("Gradient by layer before training", figures.gradient_norms(compared, "initial")),
        ("Gradient by layer after training", figures.gradient_norms(compared, "trained")),
    ]
    for name, text, found in (
        ("What the score depends on", "Bars are the standard deviation over the seeds.", scores),
        (
            "How the loss fell",
            "Lines are means over the seeds, bands their standard deviation.",
            losses,
        ),
        (
            "How much of the gradient reaches each layer",
            "The norm of the loss's gradient at each convolution kernel, but for those in "
            "shortcuts: geometric means over the seeds, bands from the least to the greatest.",
            gradients,
        ),
    ):
        drawn = [Markup(to_svg(one, label)) for label, one in found if one is not None]
        if drawn:
            yield {"title": name, "text": text, "figures": drawn}
