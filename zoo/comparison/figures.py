"""The figures of a comparison: functions that return a matplotlib figure."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator, EngFormatter, MaxNLocator

from zoo.comparison.axes import identity, short_titles, text_of
from zoo.comparison.result import Compared, Row
from zoo.evaluation.figures import plain_axes
from zoo.evaluation.wording import score_title

# Okabe and Ito's, which colour-blind people tell apart; their yellow is too pale for lines.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#1c1f24")
_STYLES = ("-", "--", ":", "-.")
_MARKERS = "o^sD"
_NAMED = 14
# Beyond this ratio equal steps hide the small values.
_WIDE = 20.0
_TIMES = ("initial", "trained")
# What a logarithm is taken of where a gradient vanishes.
_LEAST = 1e-30


def loss_curves(compared: Compared, split: str = "training") -> Figure | None:
    """Draws the loss by epoch: a line a setting, the mean over its seeds, and their spread.

    Args:
        compared: With the histories of its runs.
        split: ``"training"`` or ``"validation"``.
    """
    key = "loss" if split == "training" else "validation_loss"
    figure, axes = plain_axes(f"Loss in {split}", height=3.6)
    for row, colour, style in _styled(compared):
        losses = [[one.get(key, math.nan) for one in run.history()] for run in row.outcomes]
        if not any(losses):
            continue
        values = _filled(losses)
        known = np.isfinite(values)
        count = np.maximum(1, known.sum(0))
        mean = np.where(known.any(0), np.where(known, values, 0).sum(0) / count, np.nan)
        epochs = np.arange(1, len(mean) + 1)
        marker = "." if len(epochs) <= 30 else ""
        axes.plot(epochs, mean, style, color=colour, marker=marker, label=row.setting.name)
        if len(losses) > 1:
            square = np.where(known, (values - mean) ** 2, 0).sum(0) / np.maximum(1, count - 1)
            width = np.sqrt(square)
            axes.fill_between(epochs, mean - width, mean + width, color=colour, alpha=0.18, lw=0)
    return _named(figure, axes)


def score_by_axis(compared: Compared, field: str) -> Figure | None:
    """Draws the score against the values of one axis: a line for each setting of the others.

    Args:
        compared: With finished runs.
        field: What is varied, or ``"case"``.
    """
    others = [column for column in compared.columns if column != field]
    lines: dict[str, list[Row]] = {}
    for row in compared.rows:
        columns = row.setting.columns
        short = short_titles(others)
        label = ", ".join(f"{short[one]}={text_of(columns[one])}" for one in others)
        lines.setdefault(label, []).append(row)
    values = list({identity(row.setting.columns[field]): None for row in compared.rows})
    numbers = _numbers(row.setting.columns[field] for row in compared.rows)
    short = short_titles(compared.columns)[field]
    figure, axes = plain_axes(f"{_score(compared)} by {short}", height=3.6)
    split = _split(compared)
    for (label, rows), (colour, style) in zip(lines.items(), _styles(len(lines)), strict=True):
        places = [
            row.setting.columns[field]
            if numbers
            else values.index(identity(row.setting.columns[field]))
            for row in rows
        ]
        order = np.argsort(places, kind="stable")
        axes.errorbar(
            [places[place] for place in order],
            [rows[place].mean(split, compared.score) for place in order],
            [_error(rows[place], compared) for place in order],
            fmt=style,
            color=colour,
            marker="o",
            capsize=3,
            label=label or None,
        )
    axes.set_xlabel(short)
    if numbers:
        _scale(axes, numbers)
    else:
        texts = {
            identity(row.setting.columns[field]): text_of(row.setting.columns[field])
            for row in compared.rows
        }
        turn = 30 if sum(map(len, texts.values())) > 40 else 0
        align = "right" if turn else "center"
        axes.set_xticks(
            range(len(values)),
            [texts[value] for value in values],
            rotation=turn,
            ha=align,
            parse_math=False,
        )
        axes.set_xlim(-0.4, len(values) - 0.6)
    return _named(figure, axes)


def score_by_cost(compared: Compared, cost: str) -> Figure | None:
    """Draws the score against what it costs: a point a setting.

    Args:
        compared: With finished runs.
        cost: ``"seconds"``, ``"parameters"`` or ``"macs"``.
    """
    title, label = {
        "seconds": ("time", "seconds of training"),
        "parameters": ("parameters", "parameters"),
        "macs": ("multiply-adds", "multiply-adds of a picture"),
    }[cost]
    figure, axes = plain_axes(f"{_score(compared)} by {title}", height=3.6)
    split, places = _split(compared), []
    for row, colour, style in _styled(compared):
        place = row.seconds if cost == "seconds" else row.fact(cost)
        if place is None or math.isnan(place) or not row.values(split, compared.score):
            continue
        places.append(place)
        axes.errorbar(
            place,
            row.mean(split, compared.score),
            _error(row, compared),
            fmt=_MARKERS[_STYLES.index(style)],
            color=colour,
            capsize=3,
            linestyle="none",
            label=row.setting.name,
        )
    axes.set_xlabel(label)
    _scale(axes, places, ticks=False)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    return _named(figure, axes)


def gradient_norms(compared: Compared, when: str) -> Figure | None:
    """Draws the gradient's norm at each convolution, from the picture on, on a log scale.

    Args:
        compared: With gradients.
        when: ``"initial"`` or ``"trained"``.
    """
    title = {"initial": "before training", "trained": "after training"}[when]
    figure, axes = plain_axes(f"Gradient at each convolution, {title}", height=3.6)
    for row, colour, style in _styled(compared):
        norms = _norms(row, when)
        if not norms:
            continue
        # Of logarithms, as they are drawn.
        mean = np.exp(np.log(np.maximum(norms, _LEAST)).mean(0))
        depth = np.arange(1, len(mean) + 1)
        marker = "." if len(depth) <= 60 else ""
        axes.plot(
            depth,
            mean,
            style,
            color=colour,
            marker=marker,
            markersize=3,
            label=row.setting.name,
        )
        if len(norms) > 1:
            axes.fill_between(depth, np.min(norms, 0), np.max(norms, 0), color=colour, alpha=0.18)
    axes.set_yscale("log")
    drawn = [value for row in compared.rows for one in _TIMES for value in _flat(_norms(row, one))]
    if drawn:
        # The same for both times, so that they can be laid side by side.
        axes.set_ylim(0.7 * max(min(drawn), _LEAST), 1.4 * max(max(drawn), _LEAST))
    axes.set_xlabel("convolution, counted from the picture")
    axes.set_ylabel("norm")
    return _named(figure, axes)


def _norms(row: Row, when: str) -> list[list[float]]:
    """Returns for each run the norms by depth.

    Shortcuts' own convolutions lie beside the way that is counted: with them, plain and residual
    networks of one depth would not lie above each other.
    """
    return [
        [norm for layer, norm in run.gradients[when].items() if "shortcut" not in layer]
        for run in row.outcomes
        if run.gradients is not None
    ]


def _flat(rows: Iterable[Iterable[float]]) -> list[float]:
    return [value for row in rows for value in row]


def _score(compared: Compared) -> str:
    return f"{score_title(compared.score)} on {_split(compared)}"


def _split(compared: Compared) -> str:
    """The test split, unless the data has none."""
    known = any(row.values("test", compared.score) for row in compared.rows)
    return "test" if known else "validation"


def _error(row: Row, compared: Compared) -> float:
    deviation = row.deviation(_split(compared), compared.score)
    return 0.0 if math.isnan(deviation) else deviation


def _numbers(values: Iterable[Any]) -> list[float]:
    """Returns different numbers, sorted; none if one of the values is no number."""
    found = list(values)
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in found):
        return []
    return sorted(set(found))


def _scale(axes: Any, numbers: Sequence[float], ticks: bool = True) -> None:
    if numbers and min(numbers) > 0 and max(numbers) / min(numbers) > _WIDE:
        axes.set_xscale("log")
    else:
        axes.xaxis.set_major_locator(AutoLocator() if ticks else MaxNLocator(6))
    if ticks and len(numbers) <= 10:
        axes.set_xticks(numbers, [f"{number:g}" for number in numbers])
        axes.set_xticks([], minor=True)


def _filled(rows: Sequence[Sequence[float]]) -> np.ndarray:
    """Returns rows of unequal length as one array, NaN where one has ended."""
    filled = np.full((len(rows), max(map(len, rows))), np.nan)
    for place, row in enumerate(rows):
        filled[place, : len(row)] = row
    return filled


def _styles(count: int) -> list[tuple[str, str]]:
    """Returns a colour and a line's style for each of so many, all different up to 28."""
    return [
        (_COLOURS[place % len(_COLOURS)], _STYLES[place // len(_COLOURS) % len(_STYLES)])
        for place in range(count)
    ]


def _styled(compared: Compared) -> list[tuple[Row, str, str]]:
    """Returns each row with its look: a style for each value of the last axis, where few."""
    rows, columns = compared.rows, compared.columns
    looks = _styles(len(rows))
    if len(columns) > 1:
        last = list({identity(row.setting.columns[columns[-1]]): None for row in rows})
        if len(last) <= len(_STYLES) and len(rows) <= len(last) * len(_COLOURS):
            # The last axis varies fastest.
            looks = [
                (_COLOURS[place // len(last)], _STYLES[place % len(last)])
                for place in range(len(rows))
            ]
    return [(row, colour, style) for row, (colour, style) in zip(rows, looks, strict=True)]


def _named(figure: Figure, axes: Any) -> Figure | None:
    """Returns the figure with a legend below; ``None`` if nothing is drawn in it."""
    handles, labels = axes.get_legend_handles_labels()
    if not (axes.lines or axes.containers):
        return None
    if not labels:
        return figure
    shown = list(zip(handles, labels, strict=True))[:_NAMED]
    legend = figure.legend(
        *zip(*shown, strict=True),
        loc="outside lower left",
        frameon=False,
        fontsize=8,
        ncols=2 if max(len(label) for _, label in shown) < 34 else 1,
        title=f"the first {_NAMED} of {len(labels)}" if len(labels) > _NAMED else None,
    )
    # A "$" in a label is no formula.
    for text in legend.get_texts():
        text.set_parse_math(False)
    figure.set_figheight(figure.get_figheight() + 0.09 * len(shown))
    return figure
