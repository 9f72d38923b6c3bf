"""Pictures with an answer and the truth drawn on, for people who look at results.

One look for all tasks: the answer in amber, the truth in blue, told apart by everybody,
colour-blind people included; words stand in a strip below, where they hide nothing.
"""

import colorsys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Entry = tuple[Colour | None, str]  # a swatch's colour, or None for no swatch, and words

_ANSWER: Colour = (255, 176, 0)
TRUTH: Colour = (86, 180, 233)
PAPER: Colour = (24, 26, 31)
INK: Colour = (236, 238, 242)
_CLEAR = "background"
_SHORT_SIDE = 320
_LONG_SIDE = 1600
_LEGEND_ROWS = 12

# Okabe & Ito's colours without black, which colour-blind people tell apart too; no larger
# set is known to be, so that those after it are chosen to be bright and differ in lightness.
_PALETTE: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (120, 94, 240),
    (170, 255, 60),
    (220, 38, 127),
    (0, 230, 210),
    (166, 97, 26),
)


def class_colour(class_id: int) -> Colour:
    """Returns the RGB colour, 0..255 each, of a class; the same for an id in every picture."""
    if class_id < len(_PALETTE):
        return _PALETTE[class_id]
    # Steps of the golden ratio keep hues of any number of ids apart.
    hue = class_id * 0.618034 % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.55 + 0.4 * (class_id % 2), 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)


def draw_label(
    picture: np.ndarray,
    answer: Mapping[str, Any] | None,
    truth: Mapping[str, Any] | None,
    class_names: Sequence[str],
) -> Image.Image:
    """Draws a classification: the label and its score in a strip below the picture.

    Args:
        picture: uint8 [h, w, c]; of two channels the first is shown, of more than three the
            first three. Small pictures are enlarged, pixel by pixel, to 320 pixels.
        answer: ``label`` and ``score`` are read.
        truth: ``class`` is read; it is drawn in blue where it is not the answer's label.
        class_names: Of the data set.
    """
    canvas, _ = _enlarged(picture)
    return captioned(canvas, list(_label_lines(answer, truth, class_names)))


def draw_box(
    picture: np.ndarray,
    answer: Mapping[str, Any] | None,
    truth: Mapping[str, Any] | None,
    class_names: Sequence[str],
) -> Image.Image:
    """Draws a localization: the answer's box in amber, the true one thin and blue.

    Args:
        picture: As in :func:`draw_label`.
        answer: ``label``, ``score`` and ``box`` are read.
        truth: ``class`` and ``box`` are read.
        class_names: Of the data set.
    """
    canvas, scale = _enlarged(picture)
    thick = max(3, round(min(canvas.size) / 110))
    for side, colour, width in ((answer, _ANSWER, thick), (truth, TRUTH, max(2, thick // 2))):
        if side is not None and np.all(np.isfinite(side["box"])):
            outline(canvas, np.asarray(side["box"]) * scale, colour, width)
    return captioned(canvas, list(_label_lines(answer, truth, class_names, always=True)))


def outline(canvas: Image.Image, box: np.ndarray, colour: Colour, width: int) -> None:
    """Draws a box, float [4] in pixels of the canvas, with lines of this width."""
    x_min, y_min, x_max, y_max = (float(edge) for edge in box)
    corners = (x_min, y_min, max(x_min, x_max - 1), max(y_min, y_max - 1))
    # A dark rim keeps the line visible on any picture.
    rim = (corners[0] - 1, corners[1] - 1, corners[2] + 1, corners[3] + 1)
    pen = ImageDraw.Draw(canvas)
    pen.rectangle(rim, outline=PAPER, width=width + 2)
    pen.rectangle(corners, outline=colour, width=width)


def draw_mask(
    picture: np.ndarray,
    answer: Mapping[str, Any] | None,
    truth: Mapping[str, Any] | None,
    class_names: Sequence[str],
) -> Image.Image:
    """Draws a segmentation: classes as colours over the picture, with a legend below.

    A class named ``background`` is left clear; pixels to be ignored are hatched in gray.
    Answer and truth stand side by side.

    Args:
        picture: As in :func:`draw_label`.
        answer: ``mask`` is read, ids [h, w].
        truth: ``mask`` is read, ids [h, w].
        class_names: Of the data set.
    """
    from zoo.preprocess import IGNORE

    canvas, scale = _enlarged(picture)
    masks = {
        name: np.asarray(side["mask"])
        for name, side in (("answer", answer), ("truth", truth))
        if side is not None
    }
    if not masks:
        return canvas
    panels = [overlaid(canvas, mask, scale, class_names, IGNORE) for mask in masks.values()]
    legend = _legend(list(masks.values()), class_names, IGNORE)
    if len(panels) == 1:
        return captioned(panels[0], legend)
    titled = [captioned(panel, [[(None, name)]]) for panel, name in zip(panels, masks, strict=True)]
    gap = max(4, round(canvas.width / 80))
    both = Image.new("RGB", (2 * titled[0].width + gap, titled[0].height), PAPER)
    both.paste(titled[0], (0, 0))
    both.paste(titled[1], (titled[0].width + gap, 0))
    return captioned(both, legend, size=_text_size(canvas))


def _enlarged(picture: np.ndarray) -> tuple[Image.Image, int]:
    """Returns an RGB picture of a readable size, and how many times larger it is."""
    image = rgb(picture)
    width, height = image.size
    scale = max(1, min(-(-_SHORT_SIDE // min(height, width)), _LONG_SIDE // max(height, width)))
    return image.resize((width * scale, height * scale), Image.Resampling.NEAREST), scale


def rgb(picture: np.ndarray) -> Image.Image:
    """Returns a picture, uint8 [h, w, c], in RGB: its first or its first three channels."""
    picture = np.asarray(picture)
    shown = picture[..., :3] if picture.shape[-1] >= 3 else picture[..., [0, 0, 0]]
    return Image.fromarray(np.ascontiguousarray(shown, dtype=np.uint8))


def _label_lines(
    answer: Mapping[str, Any] | None,
    truth: Mapping[str, Any] | None,
    class_names: Sequence[str],
    always: bool = False,
) -> Iterator[list[Entry]]:
    label = None
    if answer is not None:
        label = _text(answer["label"])
        yield [(_ANSWER, f"{label}  {float(answer['score']):.0%}" if label else "no answer")]
    if truth is not None:
        wanted = class_names[int(truth["class"])]
        if always or wanted != label:
            yield [(TRUTH, f"{wanted}  (truth)")]


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.item()
    return value.decode() if isinstance(value, bytes) else str(value)


def overlaid(
    canvas: Image.Image, mask: np.ndarray, scale: int, class_names: Sequence[str], ignore: int
) -> Image.Image:
    """Lays a mask, ids [h, w], over a canvas that is ``scale`` times as large."""
    mask = mask.repeat(scale, axis=0).repeat(scale, axis=1)
    pixels = np.asarray(canvas, np.float32)
    colours = np.zeros((256, 3), np.float32)
    opacity = np.zeros(256, np.float32)
    for class_id, name in enumerate(class_names):
        colours[class_id] = class_colour(class_id)
        opacity[class_id] = 0.0 if name == _CLEAR else 0.5
    opaque = opacity[mask]
    # Full colour along the edge of each region shows its outline inside busy pictures.
    edge = np.zeros(mask.shape, bool)
    reach = max(1, round(min(mask.shape) / 250))
    for axis in (0, 1):
        for step in (-reach, reach):
            edge |= np.roll(mask, step, axis) != mask
    edge[:reach] = edge[-reach:] = edge[:, :reach] = edge[:, -reach:] = False
    opaque = np.where(edge & (opaque > 0), 0.95, opaque)[..., np.newaxis]
    pixels = pixels * (1 - opaque) + colours[mask] * opaque
    stripe = max(4, round(min(mask.shape) / 40))
    diagonal = np.add.outer(np.arange(mask.shape[0]), np.arange(mask.shape[1]))
    gray = np.where(diagonal % (2 * stripe) < stripe, 96.0, 160.0)[..., np.newaxis]
    pixels = np.where((mask == ignore)[..., np.newaxis], 0.25 * pixels + 0.75 * gray, pixels)
    return Image.fromarray(pixels.round().astype(np.uint8))


def _legend(masks: list[np.ndarray], class_names: Sequence[str], ignore: int) -> list[list[Entry]]:
    """Returns the classes present, the largest first, with their share of each mask."""
    shares = np.stack([np.bincount(mask.ravel(), minlength=256) / mask.size for mask in masks])
    ids = [int(class_id) for class_id in np.argsort(-shares.max(axis=0), kind="stable")]
    entries: list[Entry] = []
    for class_id in ids:
        if shares[:, class_id].any():
            percent = " | ".join(f"{share:.1%}" for share in shares[:, class_id])
            if class_id == ignore:
                entries.append(((128, 128, 128), f"ignored  {percent}"))
            else:
                name = class_names[class_id]
                colour = PAPER if name == _CLEAR else class_colour(class_id)
                entries.append((colour, f"{name}  {percent}"))
    more = len(entries) - _LEGEND_ROWS
    if more > 0:
        entries[_LEGEND_ROWS:] = [(None, f"and {more} more")]
    if len(masks) == 2:
        entries.insert(0, (None, "answer | truth:"))
    return [entries]


def _text_size(canvas: Image.Image) -> int:
    return max(16, round(min(canvas.size) / 22))


def captioned(
    canvas: Image.Image,
    lines: list[list[Entry]],
    size: int | None = None,
) -> Image.Image:
    """Sets lines of entries, each with a swatch, below a picture; what is too wide wraps."""
    size = size or _text_size(canvas)
    font = ImageFont.load_default(size=size)
    width = max(canvas.width, _SHORT_SIDE)
    margin, leading, swatch = size // 2, round(size * 1.5), round(size * 0.7)
    placed: list[tuple[int, int, Entry]] = []
    row = 0
    for line in lines:
        left = margin
        for colour, text in line:
            indent = 0 if colour is None else round(1.6 * swatch)
            text = _shortened(text, font, width - 2 * margin - indent)
            needed = indent + round(font.getlength(text))
            if left > margin and left + needed > width - margin:
                left, row = margin, row + 1
            placed.append((left, row, (colour, text)))
            left += needed + size
        row += 1
    if not placed:
        return canvas
    whole = Image.new("RGB", (width, canvas.height + row * leading + margin), PAPER)
    whole.paste(canvas, ((width - canvas.width) // 2, 0))
    pen = ImageDraw.Draw(whole)
    for left, row, (colour, text) in placed:
        middle = canvas.height + margin // 2 + row * leading + leading // 2
        if colour is not None:
            top = middle - swatch // 2
            rim = INK if colour == PAPER else colour
            pen.rectangle((left, top, left + swatch, top + swatch), fill=colour, outline=rim)
            left += round(1.6 * swatch)
        pen.text((left, middle), text, font=font, fill=INK, anchor="lm")
    return whole


def _shortened(text: str, font: Any, width: float) -> str:
    """Cuts a text in its middle, as names end in what tells them apart and in the score."""
    if font.getlength(text) <= width:
        return text
    keep = len(text)
    while keep > 2:
        keep -= 1
        cut = f"{text[: (keep + 1) // 2]}…{text[len(text) - keep // 2 :]}"
        if font.getlength(cut) <= width:
            return cut
    return text[:1]
