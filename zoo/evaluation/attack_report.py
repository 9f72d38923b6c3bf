"""The part of a report that shows how a model fares under attack."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from zoo import tasks
from zoo.evaluation import figures, wording
from zoo.evaluation.attacker import AttackedSample
from zoo.evaluation.evaluate import Evaluation

Encode = Callable[[Image.Image], Mapping[str, Any]]


def attack_section(
    evaluation: Evaluation, task: tasks.Task, encode: Encode
) -> dict[str, Any] | None:
    """Returns what the page shows of attacks, or ``None`` where there were none.

    Args:
        evaluation: Of the model.
        task: Of the model.
        encode: From a picture to the ``uri``, ``width`` and ``height`` that an ``<img>`` takes.
    """
    robust = evaluation.robustness
    if robust is None:
        return None
    last = robust.attacks[-1]
    names = [name for name in evaluation.scores if "/" not in name]
    distances = [0.0, *(attack.epsilon for attack in robust.attacks)]
    measured = [evaluation.scores, *robust.scores]
    rows = [
        (
            f"{distance:g}" if distance else "0, as they are",
            [wording.score_text(name, scores.get(name, math.nan)) for name in names],
        )
        for distance, scores in zip(distances, measured, strict=True)
    ]
    curve = None
    if len(robust.attacks) > 1:
        values = [scores.get(task.score, math.nan) for scores in measured]
        title = wording.score_title(task.score)
        figure = figures.under_attack(distances, values, title)
        curve = Markup(figures.to_svg(figure, f"{title} by how far pixels are moved"))
    return {
        "text": wording.attack_text(last),
        "titles": [wording.score_title(name) for name in names],
        "rows": rows,
        "curve": curve,
        "distance": f"{last.epsilon:g}",
        "samples": [_drawn(sample, evaluation, task, encode) for sample in robust.samples],
    }


def _drawn(
    sample: AttackedSample, evaluation: Evaluation, task: tasks.Task, encode: Encode
) -> dict[str, Any]:
    """Returns a picture, what was added to it, and what came of that, side by side."""
    names = evaluation.class_names
    change, factor = amplified(sample.after - sample.before)
    before, after = (np.round(pixels).astype(np.uint8) for pixels in (sample.before, sample.after))
    first, last = (answer.values for answer in sample.answers)
    said = [wording.answer_text(task.name, values, sample.truth, names) for values in (first, last)]
    panels = [
        ("as it is", task.draw(before, first, sample.truth, names), said[0]),
        (f"change, x {factor:.3g}", task.draw(change, None, None, names), "what was added"),
        ("attacked", task.draw(after, last, None, names), said[1]),
    ]
    return {
        "name": sample.name,
        "scores": [wording.score_text(task.score, score) for score in sample.scores],
        "panels": [
            {"title": title, "alt": alt, **encode(picture)} for title, picture, alt in panels
        ],
    }


def amplified(change: np.ndarray) -> tuple[np.ndarray, float]:
    """Makes a change of pixels visible.

    Args:
        change: float [h, w, c], after less before.

    Returns:
        uint8 [h, w, c], gray where nothing changed, and how many times larger it is drawn, so
        that the largest change is black or white.
    """
    largest = float(np.abs(change).max())
    factor = 127 / largest if largest else 1.0
    return np.round(128 + factor * change).astype(np.uint8), factor
