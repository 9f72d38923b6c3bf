"""Scores in words, for people who read a report."""

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.adversarial import Attack
from zoo.amounts import plural

if TYPE_CHECKING:
    from zoo.evaluation.evaluate import Evaluation

# Shares of pictures or pixels read best as percent; IoU is never given as such.
_PERCENT = re.compile(r"accuracy$|^iou_\d+$")
_UNDEFINED = "n/a"

_COLOURS = "The model's answer is amber, the truth is blue."

# What the score of one picture is, and how a picture shows answer and truth.
DRAWINGS = {
    "classification": f"The score is the probability given to the true class. {_COLOURS}",
    "localization": f"The score is the IoU of predicted and true box. {_COLOURS}",
    "segmentation": (
        "The score is the mean IoU over the picture's classes. The model's answer is on the "
        "left, the truth on the right."
    ),
}


def score_title(name: str) -> str:
    """Returns what a person calls a score.

    Example:
        >>> score_title("top_5_accuracy")
        'Top-5 accuracy'
    """
    if match := re.fullmatch(r"iou_(\d+)", name):
        return f"Boxes with IoU ≥ {int(match[1]) / 100:g}"
    words = re.sub(r"top_(\d+)", r"top-\1", name).replace("_", " ")
    return re.sub(r"\biou\b", "IoU", words[:1].upper() + words[1:], flags=re.IGNORECASE)


def score_meaning(name: str, task: str) -> str:
    """Returns what a score measures, or nothing where its title says it."""
    if match := re.fullmatch(r"top_(\d+)_accuracy", name):
        return f"pictures whose true class is among the {match[1]} most probable ones"
    return {
        ("accuracy", "classification"): "pictures whose most probable class is the true one",
        ("accuracy", "localization"): "pictures whose class is right, wherever the box is",
        ("mean_iou", "localization"): (
            "area shared by predicted and true box over the area both cover; mean over pictures"
        ),
        ("mean_iou", "segmentation"): (
            "area shared by predicted and true region over the area both cover; mean over classes"
        ),
        ("pixel_accuracy", "segmentation"): "pixels that have their true class",
    }.get((name, task), "")


def score_text(name: str, value: float) -> str:
    """Returns a score as text: percent for shares, three digits otherwise, ``n/a`` for NaN.

    Example:
        >>> score_text("accuracy", 0.9431), score_text("mean_iou", 0.7116)
        ('94.3 %', '0.712')
    """
    if not math.isfinite(value):
        return _UNDEFINED
    return percent(value) if _PERCENT.search(name) else f"{value:.3f}"


def headline_meaning(evaluation: "Evaluation", name: str) -> str:
    """Returns one sentence about what the task's score says on this evaluation.

    Args:
        evaluation: Whose score it is.
        name: Of the score.
    """
    value = evaluation.scores.get(name, math.nan)
    if not evaluation.pictures:
        return f"No picture of the {evaluation.split} split could be read."
    if not math.isfinite(value):
        return f"The {evaluation.split} split has nothing to measure this score on."
    pictures = plural(evaluation.pictures, f"{evaluation.split} picture")
    if (name, evaluation.task) == ("accuracy", "classification"):
        return (
            f"Of {pictures}, {percent(value)} were given their true class{_baseline(evaluation)}."
        )
    if (name, evaluation.task) == ("mean_iou", "localization"):
        return (
            f"On {pictures}, the predicted box and the true one share on average "
            f"{percent(value)} of the area that both cover together; 1 is the true box itself."
        )
    if (name, evaluation.task) == ("mean_iou", "segmentation"):
        return (
            f"On {pictures}, the predicted region of a class and the true one share on average "
            f"{percent(value)} of the area that both cover together; 1 is the true mask itself."
        )
    return f"Measured on {pictures}."


def _baseline(evaluation: "Evaluation") -> str:
    """What a model that has learnt nothing would get, which a score must be read against."""
    if evaluation.confusion is None or not evaluation.confusion.sum():
        return ""
    totals = evaluation.confusion.sum(axis=1)
    most = int(np.argmax(totals))
    share = percent(totals[most] / totals.sum())
    return f"; always answering “{evaluation.class_names[most]}” would be right for {share}"


def answer_text(task: str, values: Mapping[str, Any], truth: Mapping[str, Any], class_names) -> str:
    """Returns in words what a drawn picture shows, for those who cannot see it.

    Args:
        task: Name of the task.
        values: The answer.
        truth: What is true of the picture.
        class_names: Of the data set.
    """
    if task == "segmentation":
        return "predicted and true mask, side by side"
    label, score = as_text(values["label"]), float(values["score"])
    wanted = class_names[int(truth["class"])]
    boxes = "; predicted and true box" if task == "localization" else ""
    return f"answer {label} ({percent(score)}), truth {wanted}{boxes}"


def attack_text(attack: Attack) -> str:
    """Returns sentences about what an attack does, its epsilon left open."""
    how = {
        "fgsm": "one step along the sign of the loss's gradient (FGSM, Goodfellow et al. 2015)",
        "pgd": (
            f"{attack.walk} steps up the loss, each brought back to within epsilon (PGD, Madry et "
            "al. 2018)"
        ),
    }[attack.attack]
    if attack.attack == "fgsm" and attack.norm == "l2":
        how = "one step along the loss's gradient (FGSM in L2)"
    far = {
        "linf": "No value of a pixel is moved by more than epsilon, of 0 to 255",
        "l2": (
            "The root of the summed squares of all changes to a picture is at most epsilon, of "
            "values 0 to 255"
        ),
    }[attack.norm]
    return f"Pictures changed to mislead the model, by {how}. {far}."


def as_text(value: Any) -> str:
    """Returns a string that a model answered, which comes as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def percent(share: float) -> str:
    """Returns a share as percent with one digit; ``100 %`` and ``0 %`` only if exactly so.

    Example:
        >>> percent(0.9996), percent(1.0)
        ('> 99.9 %', '100 %')
    """
    if not math.isfinite(share):
        return _UNDEFINED
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    text = f"{100 * share:.1f} %"
    return {"100.0 %": "> 99.9 %", "0.0 %": "< 0.1 %"}.get(text, text)


def compact(count: int) -> str:
    """Returns a count in at most four characters.

    Example:
        >>> compact(950), compact(12_345), compact(3_456_789)
        ('950', '12k', '3.5M')
    """
    if count < 1000:
        return str(count)
    for size, letter in ((1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")):
        scaled = count / size
        if scaled < 9.95:
            return f"{scaled:.1f}{letter}"
        if scaled < 999.5:
            return f"{scaled:.0f}{letter}"
    return f"{count:.0e}"


def shortened(name: str, length: int) -> str:
    """Returns a name cut in its middle, as names often differ at their ends."""
    if len(name) <= length:
        return name
    return f"{name[: length // 2]}…{name[len(name) - (length - 1) // 2 :]}"
