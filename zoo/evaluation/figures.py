"""The figures of a report: functions that return a matplotlib figure, and its SVG.

Figures are made without pyplot, which holds state and looks for a display. Their text
stays text, so that it can be searched, read aloud and shown in the reader's font.
"""

import io
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from zoo.evaluation.wording import compact, shortened

COUNTED_CLASSES = 12

# Okabe and Ito's blue and vermilion, which colour-blind people tell apart.
_TRAINING = "#0072b2"
_VALIDATION = "#d55e00"
_INK = "#1c1f24"
_NAME_LENGTH = 18


def curves(
    history: Sequence[Mapping[str, Any]], name: str, title: str, best: bool = False
) -> Figure:
    """Draws a value over the epochs, in training and in validation.

    Args:
        history: One dict an epoch, with ``epoch``, and ``name`` and ``validation_name`` as
            far as they were measured; values that are not finite are left out.
        name: Of the value.
        title: Above the axes.
        best: Mark the first epoch whose validation value is the highest.

    Returns:
        A figure with a line for training and one for validation.
    """
    figure, axes = plain_axes(title)
    sides = (("training", name, _TRAINING), ("validation", f"validation_{name}", _VALIDATION))
    for label, key, colour in sides:
        if any(key in row for row in history):
            epochs, values = _series(history, key)
            style = "--" if label == "training" else "-"
            axes.plot(epochs, values, style, color=colour, label=label, marker=_marker(epochs))
    epochs, values = _series(history, f"validation_{name}")
    if best and np.isfinite(values).any():
        top = int(np.nanargmax(values))
        axes.plot(
            epochs[top : top + 1],
            values[top : top + 1],
            "o",
            color=_VALIDATION,
            markersize=8,
            label=f"best: {values[top]:.4f}, epoch {epochs[top]}",
        )
    if axes.lines:
        axes.legend(frameon=False)
    return figure


def learning_rate(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws the learning rate over the epochs, smaller than the other curves.

    Args:
        history: One dict an epoch, with ``epoch`` and ``learning_rate``.
    """
    figure, axes = plain_axes("Learning rate at the end of each epoch", height=1.9)
    epochs, rates = _series(history, "learning_rate")
    axes.plot(epochs, rates, color=_INK, marker=_marker(epochs))
    axes.set_ylim(bottom=0)
    return figure


def under_attack(distances: Sequence[float], values: Sequence[float], title: str) -> Figure:
    """Draws a score by how far an attack may move pixels.

    Args:
        distances: epsilon of each attack, of 0 to 255; 0 for the pictures as they are.
        values: The score at each of them.
        title: What the score is called.

    Returns:
        A figure with one line.
    """
    figure, axes = plain_axes(f"{title} under attack")
    # A score of exactly 0 or 1 lies on the frame, and its mark over it.
    axes.plot(distances, values, color=_VALIDATION, marker="o", clip_on=False, zorder=3)
    axes.set_xlabel("epsilon: how far pixels are moved, of 0 to 255")
    axes.xaxis.set_major_locator(MaxNLocator(integer=False))
    axes.set_ylim(0, 1)
    axes.set_xlim(left=0)
    return figure


def confusion_matrix(confusion: np.ndarray, class_names: Sequence[str], unit: str) -> Figure:
    """Draws which classes are taken for which.

    Colour is the share of the true class, so that rare classes show as well as frequent
    ones; with up to 12 classes the counts stand in the cells.

    Args:
        confusion: int64 [k, k], rows are true classes, columns predicted ones.
        class_names: k names.
        unit: What is counted, ``"pictures"`` or ``"pixels"``.

    Returns:
        A figure whose image holds the rows' shares, 0..1, NaN for a class that does not
        occur.
    """
    count = len(class_names)
    side = 2.6 + (0.42 if count <= COUNTED_CLASSES else 0.2) * count
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.add_subplot()
    totals = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, totals, out=np.full((count, count), np.nan), where=totals > 0)
    colours = matplotlib.colormaps["Blues"].with_extremes(bad="#e4e4e4")
    # Without interpolation the SVG holds k x k pixels, which stay crisp at any size.
    image = axes.imshow(shares, colours, vmin=0, vmax=1, interpolation="none")
    # A "$" in a class name is no formula.
    names = [shortened(name, _NAME_LENGTH) for name in class_names]
    axes.set_xticks(range(count), names, rotation=90, parse_math=False)
    axes.set_yticks(range(count), names, parse_math=False)
    axes.tick_params(length=0, labelsize=10 if count <= COUNTED_CLASSES else 8)
    axes.set_xticks(np.arange(count - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(count - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.2)
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    if count <= COUNTED_CLASSES:
        for row, column in np.ndindex(confusion.shape):
            if confusion[row, column]:
                colour = _legible_on(image.to_rgba(shares[row, column]))
                text = compact(int(confusion[row, column]))
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, format=lambda share, _: f"{share:.0%}")
    bar.set_label(f"share of the true class's {unit}")
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    axes.spines[:].set_visible(False)
    return figure


def to_svg(figure: Figure, label: str) -> str:
    """Returns a figure as an ``<svg>`` element that scales with the page around it.

    Args:
        figure: Left as it is.
        label: What it shows, for those who cannot see it; plain text, no other figure's.
    """
    buffer = io.StringIO()
    # A salt of its own makes ids, and thereby the page, the same every time; the figure's makes
    # those of one page differ.
    with (
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": f"zoo {label}"}),
        warnings.catch_warnings(),
    ):
        # Names in scripts that matplotlib's font lacks are shown by the reader's.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            bbox_inches="tight",
            pad_inches=0.05,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    drawing = buffer.getvalue()
    # Names of groups would occur once in every figure of the page; ids must occur once.
    drawing = re.sub(r' id="[A-Za-z][A-Za-z0-9.]*_\d+"', "", drawing)
    box = drawing.split('viewBox="', 1)[1].split('"', 1)[0]
    content = drawing[drawing.index(">", drawing.index("<svg")) + 1 :]
    quoted = label.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    opening = (
        f'<svg role="img" aria-label="{quoted}" viewBox="{box}" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    return opening + content


def plain_axes(title: str, height: float = 3.0) -> tuple[Figure, Axes]:
    """Returns a figure and its only axes, whose horizontal one counts epochs.

    Args:
        title: Above the axes.
        height: In inches.
    """
    figure = Figure(figsize=(5.2, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=_INK)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#d9dce1", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _legible_on(colour: Any) -> str:
    """Returns black or white, whichever stands out from an RGB(A) colour of 0..1 (WCAG 2.2)."""
    parts = np.asarray(colour[:3])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    luminance = linear @ (0.2126, 0.7152, 0.0722)
    return "white" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else "black"


def _series(history: Sequence[Mapping[str, Any]], key: str) -> tuple[np.ndarray, np.ndarray]:
    epochs = np.array([row["epoch"] for row in history], int)
    values = np.array([_number(row.get(key)) for row in history], float)
    return epochs, np.where(np.isfinite(values), values, np.nan)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _marker(epochs: np.ndarray) -> str:
    """Few epochs get points: a line of one would not be seen."""
    return "." if len(epochs) <= 30 else ""
