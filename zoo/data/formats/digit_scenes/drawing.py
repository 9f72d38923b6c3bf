"""Draws the scenes: background, clutter, and one handwritten digit.

The digits are the 1,797 of scikit-learn (Optical Recognition of Handwritten Digits, E. Alpaydin
and C. Kaynak, UCI 1998), 8x8 pixels of 17 gray levels. They are divided between the splits
before anything is drawn: no handwriting of the test scenes is ever trained on.
"""

import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

SIZE = 64
LENGTHS = {"train": 7_000, "validation": 1_000, "test": 1_000}
MASK_NAMES = ("background", *map(str, range(10)))

_SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}
_DIGIT_SIZES = (18, 44)
# Half the full ink: where a smooth edge looks as if it ended.
_INK = 0.5
_ACROSS = np.linspace(-0.5, 0.5, SIZE, dtype=np.float32)


class Scene(NamedTuple):
    """One drawn scene.

    Attributes:
        image: uint8 [64, 64], 0..255.
        label: The digit, 0..9.
        box: x_min, y_min, x_max, y_max in pixels: the edges of the columns and rows with ink.
        mask: uint8 [64, 64]: 0 background, digit + 1 where its ink is.
    """

    image: np.ndarray
    label: int
    box: tuple[int, int, int, int]
    mask: np.ndarray


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Returns the digits, float64 [1797, 8, 8] in 0..16, and which they are, int64 [1797]."""
    # Half a second to import: only who draws shall wait for it.
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return np.reshape(pixels, (-1, 8, 8)), np.asarray(labels)


def digits_of(split: str) -> np.ndarray:
    """Returns which of scikit-learn's digits a split draws from: int64 indices, sorted."""
    _, labels = _digits()
    random = np.random.Generator(np.random.PCG64(20_240_615))
    chosen = []
    for digit in range(10):
        indices = random.permutation(np.flatnonzero(labels == digit))
        first = 0
        for name, share in _SHARES.items():
            last = len(indices) if name == "test" else first + round(share * len(indices))
            if name == split:
                chosen.append(indices[first:last])
            first = last
    return np.sort(np.concatenate(chosen))


class _Dice:
    """Random numbers of one scene, drawn at once: one by one they would take half the time."""

    def __init__(self, *seed: int):
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._values = iter(self._random.random(160).tolist())

    def real(self, low: float, high: float) -> float:
        return low + (high - low) * next(self._values)

    def whole(self, low: int, high: int) -> int:
        """Returns one of low .. high - 1."""
        return low + int((high - low) * next(self._values))

    def noise(self) -> np.ndarray:
        """Returns standard normal noise, float32 [64, 64]."""
        return self._random.standard_normal((SIZE, SIZE), np.float32)


class Drawer:
    """Draws any scene of one split; scene i depends on the split and on i alone."""

    def __init__(self, split: str):
        glyphs, self._labels = _digits()
        gray = (glyphs * (255 / 16)).round().astype(np.uint8)
        self._glyphs = [Image.fromarray(glyph) for glyph in gray]
        self._indices = digits_of(split).tolist()
        self._split = list(LENGTHS).index(split)

    def scene(self, index: int) -> Scene:
        """Draws scene `index`, 0 <= index < LENGTHS[split]."""
        dice = _Dice(self._split, index)
        canvas = self._clutter(_background(dice), dice)
        digit = self._any_digit(dice)
        size = dice.whole(_DIGIT_SIZES[0], _DIGIT_SIZES[1] + 1)
        place = _place(size, dice)
        alpha = _upsampled(self._glyphs[digit], size)
        _paint(canvas, place, alpha, dice.real(150, 255))
        canvas += dice.real(3, 9) * dice.noise()
        label = int(self._labels[digit])
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[place][alpha >= _INK] = label + 1
        return Scene(
            image=canvas.round().clip(0, 255).astype(np.uint8),
            label=label,
            box=_box(mask),
            mask=mask,
        )

    def _any_digit(self, dice: _Dice) -> int:
        return self._indices[dice.whole(0, len(self._indices))]

    def _clutter(self, canvas: np.ndarray, dice: _Dice) -> np.ndarray:
        """Adds strokes, arcs and blobs, and pieces of digits too small to be read as one."""
        layer = Image.new("L", (SIZE, SIZE))
        draw = ImageDraw.Draw(layer)
        for _ in range(dice.whole(3, 8)):
            _mark(draw, dice)
        shade = np.asarray(layer)
        # Half-transparent: the gradient of the background shows through.
        canvas = np.where(shade, 0.4 * canvas + 0.6 * shade, canvas).astype(np.float32)
        for _ in range(dice.whole(1, 4)):
            glyph = self._glyphs[self._any_digit(dice)]
            x, y, size = dice.whole(0, 5), dice.whole(0, 5), dice.whole(6, 12)
            alpha = _upsampled(glyph, size, (x, y, x + 4, y + 4))
            _paint(canvas, _place(size, dice), alpha, dice.real(90, 200))
        return canvas


def _background(dice: _Dice) -> np.ndarray:
    """A dark to middling plain that brightens gently towards one side: float32 [64, 64]."""
    angle, slope = dice.real(0, 2 * math.pi), dice.real(0, 30)
    plain = dice.real(20, 95) + slope * math.cos(angle) * _ACROSS
    return plain + (slope * math.sin(angle) * _ACROSS)[:, None]


def _place(size: int, dice: _Dice) -> tuple[slice, slice]:
    """Returns the rows and columns of a random square inside the canvas."""
    x, y = dice.whole(0, SIZE - size + 1), dice.whole(0, SIZE - size + 1)
    return slice(y, y + size), slice(x, x + size)


def _paint(canvas: np.ndarray, place: tuple[slice, slice], alpha: np.ndarray, shade: float) -> None:
    window = canvas[place]
    window += alpha * (shade - window)


def _mark(draw: ImageDraw.ImageDraw, dice: _Dice) -> None:
    """Draws one stroke, arc or blob of middling brightness."""
    shade, width = dice.whole(60, 190), dice.whole(1, 4)
    x, y = dice.whole(-4, SIZE + 4), dice.whole(-4, SIZE + 4)
    kind = dice.whole(0, 3)
    if kind == 0:
        angle, length = dice.real(0, 2 * math.pi), dice.real(8, 40)
        end = (x + length * math.cos(angle), y + length * math.sin(angle))
        draw.line([(x, y), end], fill=shade, width=width)
    elif kind == 1:
        radius, start = dice.whole(4, 20), dice.whole(0, 360)
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.arc(box, start, start + dice.whole(40, 160), fill=shade, width=width)
    else:
        a, b = dice.whole(2, 7), dice.whole(2, 7)
        draw.ellipse((x - a, y - b, x + a, y + b), fill=shade)


def _upsampled(
    glyph: Image.Image, size: int, box: tuple[int, int, int, int] = (0, 0, 8, 8)
) -> np.ndarray:
    """Returns how much ink is where, 0..1: float32 [size, size]."""
    picture = glyph.resize((size, size), Image.Resampling.BICUBIC, box)
    # The 8x8 digits fade into the paper; a steeper edge is that of a pen.
    return ((np.asarray(picture, np.float32) - 89) / 89).clip(0, 1)


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
