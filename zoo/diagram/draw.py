"""Draws the groups of a model with matplotlib, without a display."""

import itertools
import math
import pathlib
from fractions import Fraction
from typing import Any

import keras
import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from zoo.amounts import count
from zoo.diagram.groups import Group, groups_of
from zoo.errors import UserError
from zoo.models.describe import describe

SUFFIXES = (".png", ".svg", ".pdf")

_INK, _FAINT, _LINE = "#1c1f24", "#6a7280", "#c9ced6"
# Fill and edge; light tints of Okabe and Ito's colours, which colour-blind people tell apart.
_COLOURS = {
    "input": ("#eceef1", "#8a929e"),
    "encoder": ("#d3e5f3", "#0072b2"),
    "decoder": ("#d2ece3", "#009e73"),
    "head": ("#fbe3d3", "#d55e00"),
}
_TIMES = "\N{MULTIPLICATION SIGN}"
# Inches.
_LEVEL = 1.3  # from one stride to the next
_TITLE = 1.45  # from the top to the finest map's middle
_NAME = 0.28  # from a box to an arrow over its name
_RAIL = 0.1  # between two such arrows
_MOST_WIDE = 16.0


def draw_model(
    model: keras.Model, path: str | pathlib.Path, *, size: tuple[int, int] | None = None
) -> pathlib.Path:
    """Draws a functional model's architecture to a file.

    Groups of layers are boxes, to the right of all that they read; the coarser a box's map, the
    lower it stands, so that a U-Net is a U and a classifier a stair. A box is the taller the
    finer its map, and the wider the more channels it has. Arrows show what reads what between
    groups; what happens within a group is not shown.

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
    path = pathlib.Path(path)
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


def check_picture(path: pathlib.Path) -> None:
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
    columns = _columns(groups, levels)
    boxes = [_Box(*three) for three in zip(columns, levels, groups, strict=True)]
    arrows = [(boxes[near], box) for box in boxes for near in box.group.sources]
    rails = _rails(boxes, arrows)

    step = min(1.5, (_MOST_WIDE - 1.2) / (max(columns) + 1))
    width = max(step * (max(columns) + 1) + 1.2, 6.0)
    heights: dict[float, float] = {}
    y = _TITLE
    for above, level in itertools.pairwise([max(levels), *sorted({*levels}, reverse=True)]):
        y += (above - level) * _LEVEL + _RAIL * len(rails.get(level, ()))
        heights[level] = y
    height = y + 0.95
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

    for level, down in heights.items():
        if level == int(level):
            y = height - down
            axes.plot([0.75, width - 0.15], [y, y], color="#eef0f3", linewidth=0.8, zorder=0)
            axes.text(0.25, y, f"stride\n{2**-level:g}", size=7, color=_FAINT, va="center")
    for box in boxes:
        box.put(0.95 + step * (box.column + 0.5), height - heights[box.level], step)
        _draw(axes, box, 8.0 if step > 1.15 else 8.0 * step / 1.15, model)
    for source, box in arrows:
        _connect(axes, _route(source, box, boxes, rails, step))
    return figure


class _Box:
    def __init__(self, column: int, level: float, group: Group):
        self.column, self.level, self.group = column, level, group

    def put(self, x: float, y: float, step: float) -> None:
        """Gives it its place and size on the picture, in inches."""
        channels = self.group.shape[-1] if self.group.shape and self.group.shape[-1] else 1
        vector = self.group.stride is None
        share = min(math.log2(channels + 1) / 11, 1.0)
        self.x, self.y = x, y
        self.width = 0.09 if vector else step * (0.12 + 0.4 * share)
        self.height = 0.62 if vector else 0.2 + 0.46 * 2.0 ** (self.level / 3)


def _levels(groups: list[Group]) -> list[float]:
    """How high each group stands: minus the logarithm of its stride; a vector by its source."""
    levels: list[float] = []
    for group in groups:
        if group.stride is not None:
            levels.append(-math.log2(group.stride))
        else:
            levels.append(levels[group.sources[-1]] if group.sources else 0.0)
    return levels


def _columns(groups: list[Group], levels: list[float]) -> list[int]:
    """How far to the right each group stands: behind all that it reads, and in nobody's place."""
    columns: list[int] = []
    for group, level in zip(groups, levels, strict=True):
        column = 1 + max((columns[source] for source in group.sources), default=-1)
        taken = zip(columns, levels, strict=False)
        near = {other for other, height in taken if abs(height - level) < 1}
        columns.append(next(free for free in itertools.count(column) if free not in near))
    return columns


def _in_the_way(boxes: list[_Box], level: float, after: _Box, before: _Box) -> bool:
    return any(
        after.column < box.column < before.column and abs(box.level - level) < 0.5 for box in boxes
    )


def _rails(boxes: list[_Box], arrows: list[tuple[_Box, _Box]]) -> dict[float, list[_Box]]:
    """The boxes of each level from which an arrow has to go over others, the nearest one first.

    Each has a height of its own, so that it can be followed.
    """
    rails: dict[float, list[_Box]] = {}
    for source, box in arrows:
        ways = {source.level, box.level}
        if all(_in_the_way(boxes, level, source, box) for level in ways):
            own = rails.setdefault(source.level, [])
            if source not in own:
                own.append(source)
    for own in rails.values():
        own.sort(key=lambda box: -box.column)
    return rails


def _route(
    source: _Box, box: _Box, boxes: list[_Box], rails: dict[float, list[_Box]], step: float
) -> list[tuple[float, float]]:
    """The corners of an arrow: up and down only between the columns, where nothing is written."""
    start = (source.x + source.width / 2, source.y)
    end = (box.x - box.width / 2, box.y)
    leave, enter = source.x + step / 2, box.x - step / 2
    if not _in_the_way(boxes, source.level, source, box):
        return [start, (enter, source.y), (enter, box.y), end]
    if not _in_the_way(boxes, box.level, source, box):
        return [start, (leave, source.y), (leave, box.y), end]
    top = max(one.y + one.height / 2 for one in boxes if one.level == source.level)
    y = top + _NAME + _RAIL * rails[source.level].index(source)
    return [start, (leave, source.y), (leave, y), (enter, y), (enter, box.y), end]


def _draw(axes: Axes, box: _Box, size: float, model: keras.Model) -> None:
    fill, edge = _COLOURS[box.group.part]
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
    # A long text may reach between the columns.
    style["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
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
    lines = _answers(model) if box.group.part == "head" else [_sizes(box.group)]
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


def _connect(axes: Axes, corners: list[tuple[float, float]]) -> None:
    """An arrow along these corners, which are rounded."""
    path, codes = [corners[0]], [Path.MOVETO]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        if math.dist(before, corner) and math.dist(corner, after):
            path += [_towards(corner, before), corner, _towards(corner, after)]
            codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    arrow = Path([*path, corners[-1]], [*codes, Path.LINETO])
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 8, "linewidth": 1.0}
    axes.add_patch(FancyArrowPatch(path=arrow, color=_FAINT, zorder=2, **style))


def _towards(corner: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    share = min(0.08 / math.dist(corner, other), 0.5)
    (x, y), (other_x, other_y) = corner, other
    return x + share * (other_x - x), y + share * (other_y - y)


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
