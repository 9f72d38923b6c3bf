"""Draws the groups of a model with matplotlib, without a display."""

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import keras
import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from zoo.amounts import count
from zoo.diagram.groups import Group, groups_of
from zoo.errors import UserError
from zoo.models.describe import describe

SUFFIXES = (".png", ".svg", ".pdf")

_INK, _FAINT, _LINE = "#1c1f24", "#6a7280", "#c9ced6"
# Fill and edge; light tints of Okabe and Ito's colours, which colour-blind people tell apart.
_COLOURS = {
    "input": ("#eceef1", "#8a929e"),
    "down": ("#d3e5f3", "#0072b2"),
    "up": ("#d2ece3", "#009e73"),
    "head": ("#fbe3d3", "#d55e00"),
}
_TIMES = "\N{MULTIPLICATION SIGN}"
_LEVEL = 1.3  # inches from one stride to the next
_MOST_WIDE = 16.0  # inches


def draw_model(
    model: keras.Model, path: str | Path, *, size: tuple[int, int] | None = None
) -> Path:
    """Draws a functional model's architecture to a file.

    Groups of layers are boxes in the order of computation from left to right; the coarser a
    box's map, the lower it stands, so that a U-Net is a U and a classifier a stair. A box is the
    taller the finer its map, and the wider the more channels it has. Arrows show what reads what
    between groups; what happens within a group is not shown.

    Args:
        model: Any functional Keras model on pictures.
        path: The file; its suffix says how it is written: ``.png``, ``.svg`` or ``.pdf``.
        size: Height and width of the input, for a model that leaves them open.

    Returns:
        The path.

    Raises:
        UserError: If the suffix is another one, the file cannot be written, or the model is not
            functional.

    Example:
        >>> model = zoo.build("segmentation", classes=3, input_shape=(None, None, 3))
        >>> draw_model(model, "unet.png")
        PosixPath('unet.png')
    """
    path = Path(path)
    check_picture(path)
    figure = architecture(model, size=size)
    # Text stays text in vector formats, and the file the same every time.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "zoo"}):
        try:
            metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
            figure.savefig(path, dpi=150, facecolor="white", metadata=metadata)
        except OSError as error:
            raise UserError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def check_picture(path: Path) -> None:
    """Refuses a picture's file that could not be written, before anything is computed.

    Raises:
        UserError: If its suffix is unknown or its folder is missing.
    """
    if path.suffix not in SUFFIXES:
        raise UserError(f"{path} is no picture's name; let it end in {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise UserError(f"the folder {path.parent} of {path.name} does not exist; make it first")


def architecture(model: keras.Model, *, size: tuple[int, int] | None = None) -> Figure:
    """Returns the figure that :func:`draw_model` writes.

    Args:
        model: Any functional Keras model on pictures.
        size: Height and width of the input, for a model that leaves them open.
    """
    groups = groups_of(model, size)
    levels = _levels(groups)
    top, bottom = max(levels), min(levels)
    step = min(1.5, (_MOST_WIDE - 1.2) / len(groups))
    width = max(step * len(groups) + 1.2, 6.0)
    height = _LEVEL * (top - bottom + 1) + 1.1
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)

    found = describe(model, size=size)
    facts = f"{count(found.parameters) or 0} parameters"
    if found.macs is not None:
        facts += f", {count(found.macs)} multiply-adds"
    axes.text(0.25, height - 0.32, model.name, weight="bold", size=12, color=_INK, va="center")
    axes.text(0.25, height - 0.58, facts, size=9, color=_FAINT, va="center")

    def middle(level: float) -> float:
        return height - 1.45 - (top - level) * _LEVEL

    for level in sorted({-level for level in levels if level == int(level)}):
        y = middle(-level)
        axes.plot([0.75, width - 0.15], [y, y], color="#eef0f3", linewidth=0.8, zorder=0)
        axes.text(0.25, y, f"stride\n{2**level:g}", size=7, color=_FAINT, va="center")

    boxes = [
        _Box(0.95 + step * (place + 0.5), middle(level), step, group, level)
        for place, (group, level) in enumerate(zip(groups, levels, strict=True))
    ]
    for place, box in enumerate(boxes):
        _draw(axes, box, _role(groups, place), 8.0 if step > 1.15 else 8.0 * step / 1.15, model)
        for source in groups[place].sources:
            between = boxes[source + 1 : place]
            _connect(axes, boxes[source], box, any(one.level == box.level for one in between))
    return figure


class _Box:
    def __init__(self, x: float, y: float, step: float, group: Group, level: float):
        channels = group.shape[-1] if group.shape and group.shape[-1] else 1
        self.x, self.y, self.level, self.group = x, y, level, group
        self.vector = group.stride is None
        share = min(math.log2(channels + 1) / 11, 1.0)
        self.width = 0.09 if self.vector else step * (0.12 + 0.4 * share)
        self.height = 0.62 if self.vector else 0.2 + 0.46 * 2.0 ** (level / 3)


def _levels(groups: list[Group]) -> list[float]:
    """How high each group stands: minus the logarithm of its stride; a vector by its source."""
    levels: list[float] = []
    for group in groups:
        if group.stride is not None:
            levels.append(-math.log2(group.stride))
        else:
            levels.append(levels[group.sources[-1]] if group.sources else 0.0)
    return levels


def _role(groups: list[Group], place: int) -> str:
    group = groups[place]
    if place == 0:
        return "input"
    if group.name == "head":
        return "head"
    coarser = [one for one in groups[:place] if (one.stride or 0) > (group.stride or 0)]
    return "up" if coarser else "down"


def _draw(axes: Axes, box: _Box, role: str, size: float, model: keras.Model) -> None:
    fill, edge = _COLOURS[role]
    left, low = box.x - box.width / 2, box.y - box.height / 2
    axes.add_patch(
        FancyBboxPatch(
            (left, low),
            box.width,
            box.height,
            boxstyle="round,pad=0,rounding_size=0.03",
            facecolor=fill,
            edgecolor=edge,
            linewidth=1.1,
            zorder=3,
        )
    )
    style: dict[str, Any] = {"ha": "center", "zorder": 4, "parse_math": False}
    axes.text(
        box.x,
        box.y + box.height / 2 + 0.05,
        box.group.name,
        size=size + 0.5,
        weight="bold",
        color=_INK,
        va="bottom",
        **style,
    )
    lines = _answers(model) if role == "head" else [_sizes(box.group)]
    if box.group.parameters:
        lines.append(f"{count(box.group.parameters)} params")
    axes.text(
        box.x,
        low - 0.05,
        "\n".join(lines),
        size=size - 0.5,
        color=_FAINT,
        va="top",
        linespacing=1.25,
        **style,
    )


def _connect(axes: Axes, source: _Box, box: _Box, blocked: bool) -> None:
    """An arrow; around what stands between at the same level."""
    bend = "arc3,rad=0"
    start = (source.x + source.width / 2, source.y)
    end = (box.x - box.width / 2, box.y)
    if blocked and source.level == box.level:
        bend = "arc3,rad=-0.18"
        start = (source.x, source.y + source.height / 2 + 0.22)
        end = (box.x, box.y + box.height / 2 + 0.22)
    elif blocked:
        # From below or from above, past the box in between and what is written at it.
        up = 1 if box.level > source.level else -1
        bend = f"arc3,rad={0.24 * up}"
        end = (end[0], box.y - up * box.height * 0.2)
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=8,
            connectionstyle=bend,
            color=_FAINT,
            linewidth=1.0,
            shrinkA=2,
            shrinkB=2,
            zorder=2,
        )
    )


def _sizes(group: Group) -> str:
    """Height x width x channels; of an open size the share of the input's."""
    if len(group.shape) < 3:
        return _times(group.shape, "????")
    sides = [
        str(size) if size is not None else _share(letter, group.stride)
        for size, letter in zip(group.shape[:2], "hw", strict=True)
    ]
    return _TIMES.join([*sides, str(group.shape[2])])


def _share(letter: str, stride: Fraction | None) -> str:
    return letter if stride in (None, 1) else f"{letter}/{float(stride or 1):g}"


def _answers(model: keras.Model) -> list[str]:
    outputs: Any = model.output
    if not isinstance(outputs, dict):
        outputs = {"": one} if not isinstance(one := outputs, list) else dict(enumerate(outputs))
    return [f"{name} {_times(tuple(one.shape[1:]), 'hw')}".strip() for name, one in outputs.items()]


def _times(shape: tuple[int | None, ...], letters: str) -> str:
    sizes = [letters[at] if size is None else str(size) for at, size in enumerate(shape)]
    return _TIMES.join(sizes)
