"""The report: one self-contained HTML page about a run, for people."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from zoo import tasks
from zoo.evaluation import figures, wording
from zoo.evaluation.attack_report import attack_section
from zoo.evaluation.evaluate import Evaluation, Sample
from zoo.evaluation.pages import encodable, inline_picture, templates
from zoo.training.files import write_text
from zoo.training.folder import environment
from zoo.training.recipe import Recipe
from zoo.training.watch import duration

DRAWN_CLASSES = 30
_PAIRS = 10
_PICTURE_WIDTH = 720


def write_report(
    path: Path,
    *,
    title: str,
    recipe: Recipe,
    history: list[dict[str, Any]],
    evaluation: Evaluation,
    data: dict[str, Any],
) -> None:
    """Writes a page with scores, curves, mistakes and everything needed to read them.

    The page needs nothing from outside: styles, figures and pictures are inside. It is
    written whole or not at all.

    Args:
        path: The file; its folder must exist.
        title: Name of the run.
        recipe: It was trained with.
        history: One dict an epoch, as training writes it; may be empty.
        evaluation: Of the run's model.
        data: ``class_names``, ``counts`` by split and ``notes``.

    Example:
        >>> write_report(
        ...     Path("runs/digits/report.html"),
        ...     title="digits",
        ...     recipe=recipe,
        ...     history=folder.history(),
        ...     evaluation=evaluation,
        ...     data=folder.data(),
        ... )
    """
    names = tuple(encodable(name) for name in evaluation.class_names)
    evaluation = replace(evaluation, class_names=names)
    task = tasks.get(evaluation.task)
    page = (
        templates("zoo.evaluation")
        .get_template("report.html.jinja")
        .render(
            title=title,
            task=task,
            source=_source(recipe),
            date=datetime.now().astimezone(),
            headline=_headline(evaluation, task.score),
            evaluation=evaluation,
            scores=_scores(evaluation),
            classes=_by_class(evaluation),
            curves=_curves(history, task),
            training=_training(history, recipe, task),
            confusion=_confusion(evaluation),
            pairs=_confused_pairs(evaluation),
            attack=attack_section(evaluation, task, partial(inline_picture, width=_PICTURE_WIDTH)),
            worst=[_drawn(sample, evaluation, task) for sample in evaluation.worst],
            legend=wording.DRAWINGS[task.name],
            class_names=names,
            counts=data.get("counts", {}),
            notes=data.get("notes", ()),
            recipe=_flat(recipe.model_dump(mode="json")),
            versions=_versions(),
        )
    )
    write_text(path, encodable(page))


def _source(recipe: Recipe) -> str:
    place = recipe.data.path or recipe.data.place
    return f"{recipe.data.source} ({place})" if place else recipe.data.source


def _headline(evaluation: Evaluation, name: str) -> dict[str, str]:
    return {
        "title": wording.score_title(name),
        "value": wording.score_text(name, evaluation.scores.get(name, math.nan)),
        "meaning": wording.headline_meaning(evaluation, name),
    }


def _scores(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """Returns title, value and meaning of each score but those of single classes."""
    return [
        (
            wording.score_title(name),
            wording.score_text(name, value),
            wording.score_meaning(name, evaluation.task),
        )
        for name, value in evaluation.scores.items()
        if "/" not in name
    ]


def _by_class(evaluation: Evaluation) -> dict[str, Any] | None:
    """Returns how good the model is on each class, the weakest first.

    Segmentation measures IoU; elsewhere the confusion matrix gives the share answered
    rightly.
    """
    names = evaluation.class_names
    if evaluation.task == "segmentation":
        title, column = "IoU by class", "IoU"
        values = [evaluation.scores.get(f"iou/{name}", math.nan) for name in names]
        texts = [wording.score_text("iou", value) for value in values]
    elif evaluation.confusion is not None and len(names) > 1:
        title, column = "Accuracy by class", "Accuracy"
        totals = evaluation.confusion.sum(axis=1)
        rights = evaluation.confusion.diagonal()
        values = [
            right / total if total else math.nan
            for right, total in zip(rights, totals, strict=True)
        ]
        texts = [
            f"{wording.percent(value)} of {total:,}"
            for value, total in zip(values, totals, strict=True)
        ]
    else:
        return None
    rows = sorted(
        zip(values, names, texts, strict=True),
        key=lambda row: (not math.isfinite(row[0]), row[0]),
    )
    shown = [(name, text, 0 if math.isnan(value) else value) for value, name, text in rows]
    return {"title": title, "column": column, "rows": shown}


def _curves(history: Sequence[Mapping[str, Any]], task: tasks.Task) -> list[Markup]:
    if not history:
        return []
    title = wording.score_title(task.score)
    drawn = [
        (figures.curves(history, "loss", "Loss"), "Loss over the epochs"),
        (figures.curves(history, task.score, title, best=True), f"{title} over the epochs"),
        (figures.learning_rate(history), "Learning rate over the epochs"),
    ]
    return [Markup(figures.to_svg(figure, label)) for figure, label in drawn]


def _training(
    history: Sequence[Mapping[str, Any]], recipe: Recipe, task: tasks.Task
) -> list[tuple[str, str]]:
    """Returns facts about the training by name."""
    if not history:
        return []
    key = f"validation_{task.score}"
    scores = [(row[key], row["epoch"]) for row in history if math.isfinite(row.get(key, math.nan))]
    rates = [row["pictures_per_second"] for row in history if "pictures_per_second" in row]
    facts = [
        ("Epochs", f"{len(history)} of {recipe.epochs}"),
        ("Time", duration(sum(row.get("seconds", 0.0) for row in history))),
        ("Precision", recipe.precision),
    ]
    if attack := recipe.adversarial:
        facts.append(("Attacked", f"{attack.share:.0%} of each batch: {attack.text}"))
    if rates:
        facts.append(("Speed", f"{statistics.median(rates):,.0f} pictures/s (median epoch)"))
    if scores:
        best, epoch = max(scores, key=lambda entry: entry[0])
        text = f"{wording.score_title(task.score)} {wording.score_text(task.score, best)}"
        facts.append(("Best on validation", f"{text} in epoch {epoch}"))
        kept = epoch if recipe.publish == "best" else history[-1]["epoch"]
        facts.append(("Weights kept", f"those of epoch {kept}, the {recipe.publish}"))
    return facts


def _confusion(evaluation: Evaluation) -> dict[str, Any] | None:
    confusion = evaluation.confusion
    if confusion is None or not confusion.sum() or not 2 <= len(confusion) <= DRAWN_CLASSES:
        return None
    figure = figures.confusion_matrix(confusion, evaluation.class_names, _unit(evaluation))
    label = "Confusion matrix; the most confused classes are in the table that follows"
    width, _ = figure.get_size_inches()
    return {"figure": Markup(figures.to_svg(figure, label)), "inches": width}


def _confused_pairs(evaluation: Evaluation) -> dict[str, Any] | None:
    """Returns the pairs of classes most often confused, or ``None`` without a confusion."""
    confusion, names = evaluation.confusion, evaluation.class_names
    if confusion is None or not confusion.sum() or len(names) < 2:
        return None
    wrong = confusion - np.diag(confusion.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:_PAIRS]
    rows = []
    for true, predicted in zip(*np.unravel_index(order, wrong.shape), strict=True):
        if count := int(wrong[true, predicted]):
            share = wording.percent(count / confusion[true].sum())
            rows.append((names[true], names[predicted], f"{count:,}", share))
    return {"unit": _unit(evaluation), "rows": rows}


def _unit(evaluation: Evaluation) -> str:
    return "pixels" if evaluation.task == "segmentation" else "pictures"


def _drawn(sample: Sample, evaluation: Evaluation, task: tasks.Task) -> dict[str, Any]:
    names = evaluation.class_names
    picture = task.draw(sample.picture, sample.answer.values, sample.truth, names)
    return {
        **inline_picture(picture, _PICTURE_WIDTH),
        "name": sample.name,
        "score": wording.score_text(task.score, sample.score),
        "alt": wording.answer_text(task.name, sample.answer.values, sample.truth, names),
    }


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Returns the recipe's values by dotted name, as ``--set`` takes them."""
    rows = []
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            rows += _flat(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            rows.append((f"{prefix}{key}", text))
    return rows


def _versions() -> list[tuple[str, str]]:
    facts = environment()
    own = [("zoo", facts["zoo"]), ("Python", facts["python"]), ("platform", facts["platform"])]
    return own + list(facts["packages"].items())
