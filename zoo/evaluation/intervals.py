"""How sure a score is: 95 % confidence intervals, by formula or by drawing pictures again."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from zoo.tasks import Task

# Which scores count pictures: so many of so many.
_SHARES = ("accuracy", "top_5_accuracy", "top_3_accuracy", "iou_50")
# Of the normal distribution: 95 % lie within so many standard deviations.
_Z = 1.96
_DRAWS, _SEED = 1000, 0
_ENDS = (2.5, 97.5)
# Draws at a time, so that those of many pictures fit into memory.
_AT_ONCE = 50

WILSON = "Wilson's score interval, 95 %"
"""How the intervals of shares of pictures are made."""
BOOTSTRAP = (
    f"percentiles {_ENDS[0]:g} and {_ENDS[1]:g} of {_DRAWS} draws of as many pictures, with "
    f"replacement, seed {_SEED}"
)
"""How all others are."""


def intervals_of(
    scores: Mapping[str, float], task: Task, sums: Sequence[np.ndarray]
) -> dict[str, tuple[list[float], str]]:
    """Returns the 95 % confidence intervals of the scores that have one, and how each was made.

    Args:
        scores: By name.
        task: Of the model.
        sums: Of each picture, as the task's ``sums`` gives them; for a task without, as many
            of anything as there were pictures.

    Returns:
        Lower and upper end and the method, by the score's name.

    Example:
        >>> intervals_of({"accuracy": 0.5}, tasks.get("classification"), [np.zeros(0)] * 16)
        {'accuracy': ([0.28, 0.72], "Wilson's score interval, 95 %")}
    """
    found = {name: (ends, WILSON) for name, ends in shares(scores, len(sums)).items()}
    for name, ends in _drawn(task, sums).items():
        found.setdefault(name, (ends, BOOTSTRAP))
    return found


def shares(scores: Mapping[str, float], pictures: int) -> dict[str, list[float]]:
    """Returns 95 % confidence intervals of those scores that are shares of pictures.

    Wilson's score interval (Wilson 1927), which holds near 0 and 1 and for few pictures too:
    the shares p with |p - share| <= z sqrt(p (1 - p) / n), z = 1.96.

    Args:
        scores: By name.
        pictures: On how many they were measured.

    Returns:
        Lower and upper end by the score's name.

    Example:
        >>> shares({"accuracy": 0.5}, 16)
        {'accuracy': [0.28, 0.72]}
    """
    square = _Z * _Z
    found = {}
    for name in _SHARES:
        share = scores.get(name, math.nan)
        if math.isnan(share) or not pictures:
            continue
        middle = (share + square / (2 * pictures)) / (1 + square / pictures)
        spread = math.sqrt(share * (1 - share) / pictures + square / (4 * pictures**2))
        reach = _Z * spread / (1 + square / pictures)
        found[name] = _rounded(max(0.0, middle - reach), min(1.0, middle + reach))
    return found


def _drawn(task: Task, sums: Sequence[np.ndarray]) -> dict[str, list[float]]:
    """Returns percentile intervals of the bootstrap (Efron 1979) over pictures, by score."""
    # Of a single picture nothing can be said.
    if task.sums is None or len(sums) < 2:
        return {}
    rows, random = np.stack(sums).astype(np.float64), np.random.default_rng(_SEED)
    even = np.full(len(rows), 1 / len(rows))
    drawn: dict[str, list[np.ndarray]] = {}
    for _ in range(0, _DRAWS, _AT_ONCE):
        times = random.multinomial(len(rows), even, _AT_ONCE)
        for name, values in task.sums.scores(times @ rows).items():
            drawn.setdefault(name, []).append(values)
    return {
        name: _rounded(*np.percentile(np.concatenate(values), _ENDS))
        for name, values in drawn.items()
    }


def _rounded(low: float, high: float) -> list[float]:
    return [round(float(low), 4), round(float(high), 4)]
