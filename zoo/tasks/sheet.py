"""A contact sheet: rows of small pictures with their truth drawn on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from zoo.keys import OTHER, SHARE
from zoo.tasks.drawing import (
    INK,
    PAPER,
    TRUTH,
    Entry,
    captioned,
    class_colour,
    outline,
    overlaid,
    rgb,
)

_GAP = 6
_FAINT = (160, 164, 172)
_TEXT = 12
_TITLE = 20
_LEAST = 0.005


@dataclass(frozen=True)
class Section:
    """Rows under one heading.

    Attributes:
        title: What the rows show.
        detail: More about it, in small letters.
        rows: Of each the examples, as batches hold them, NumPy: ``image`` [h, w, c], 0 to 255,
            and targets, ``box`` in fractions of the picture; mixed ones as
            :mod:`zoo.keys` says.
    """

    title: str
    detail: str
    rows: Sequence[Sequence[Mapping[str, Any]]]


def contact_sheet(
    sections: Sequence[Section],
    class_names: Sequence[str],
    *,
    headings: Sequence[str] = (),
    side: int = 192,
) -> Image.Image:
    """Draws sections one below the other.

    Args:
        sections: All of as many columns.
        class_names: Of the data set.
        headings: Of the columns.
        side: Width of each picture in pixels of the sheet.

    Returns:
        The sheet, RGB.
    """
    columns = max(len(row) for section in sections for row in section.rows)
    width = columns * (side + _GAP) + _GAP
    parts = []
    for section in sections:
        parts.append(_heading(section, width))
        if headings:
            parts.append(_line(headings, width, side))
        for row in section.rows:
            parts += _row(row, class_names, width, side)
    firsts = [row[0] for section in sections for row in section.rows]
    masks = [example["mask"] for example in firsts if "mask" in example]
    sheet = Image.new("RGB", (width, sum(part.height for part in parts)), PAPER)
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    return captioned(sheet, [_legend(masks, class_names)], size=_TEXT + 2) if masks else sheet


def _heading(section: Section, width: int) -> Image.Image:
    part = Image.new("RGB", (width, 2 * _TITLE + _GAP), PAPER)
    pen = ImageDraw.Draw(part)
    title, detail = (ImageFont.load_default(size=size) for size in (_TITLE, _TEXT + 2))
    base = round(1.7 * _TITLE)
    pen.text((_GAP, base), section.title, font=title, fill=INK, anchor="ls")
    left = 2 * _GAP + round(title.getlength(section.title))
    text = section.detail
    while text and left + detail.getlength(text) > width - _GAP:
        text = f"{text[:-2].rstrip(', ')}…"
    pen.text((left, base), text, font=detail, fill=_FAINT, anchor="ls")
    return part


def _line(texts: Sequence[str], width: int, side: int) -> Image.Image:
    """Writes a text below, or above, each picture of a row."""
    font = ImageFont.load_default(size=_TEXT)
    part = Image.new("RGB", (width, round(1.6 * _TEXT)), PAPER)
    pen = ImageDraw.Draw(part)
    for column, text in enumerate(texts):
        while font.getlength(text) > side:
            text = f"{text[:-2]}…"
        middle = (_GAP + column * (side + _GAP), part.height // 2)
        pen.text(middle, text, font=font, fill=_FAINT, anchor="lm")
    return part


def _row(
    row: Sequence[Mapping[str, Any]], class_names: Sequence[str], width: int, side: int
) -> list[Image.Image]:
    cells = [_cell(example, class_names, side) for example in row]
    part = Image.new("RGB", (width, max(cell.height for cell in cells) + _GAP), PAPER)
    for column, cell in enumerate(cells):
        part.paste(cell, (_GAP + column * (side + _GAP), _GAP // 2))
    names = [_named(example, class_names) for example in row]
    return [part, _line(names, width, side)] if any(names) else [part]


def _cell(example: Mapping[str, Any], class_names: Sequence[str], side: int) -> Image.Image:
    from zoo.preprocess import IGNORE

    picture = np.clip(np.round(np.asarray(example["image"], np.float32)), 0, 255)
    image = rgb(picture.astype(np.uint8))
    size = (side, max(1, round(side * image.height / image.width)))
    grows = size[0] > image.width
    cell = image.resize(size, Image.Resampling.NEAREST if grows else Image.Resampling.BOX)
    if "mask" in example:
        mask = Image.fromarray(np.asarray(example["mask"], np.uint8))
        mask = np.asarray(mask.resize(size, Image.Resampling.NEAREST))
        cell = overlaid(cell, mask, 1, class_names, IGNORE)
    if "box" in example:
        own = float(example.get(SHARE, 1.0))
        # The answer that counts more, drawn last, is the thicker.
        for name, weight, thick in ((f"{OTHER}box", 1 - own, 1), ("box", own, 2)):
            if weight > _LEAST:
                outline(cell, np.asarray(example[name]) * np.tile(size, 2), TRUTH, thick)
    return cell


def _named(example: Mapping[str, Any], class_names: Sequence[str]) -> str:
    """Says of which classes an example is, and how it is mixed."""
    own = float(example.get(SHARE, 1.0))
    mixed = own < 1 - _LEAST
    if "class" not in example:
        return f"{own:.0%} + {1 - own:.0%} of another" if mixed else ""
    name = class_names[int(example["class"])]
    if not mixed:
        return name
    other = class_names[int(example[f"{OTHER}class"])]
    return f"{own:.0%} {name} + {1 - own:.0%} {other}"


def _legend(masks: Sequence[np.ndarray], class_names: Sequence[str]) -> list[Entry]:
    from zoo.preprocess import IGNORE

    present = sorted({int(class_id) for mask in masks for class_id in np.unique(mask)})
    known: list[Entry] = [(class_colour(i), class_names[i]) for i in present if i != IGNORE]
    return [*known, ((128, 128, 128), "ignored")]
