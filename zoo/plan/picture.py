"""Rules for what the network is shown: input size, fit, patches."""

import math

from zoo.amounts import by
from zoo.plan.choice import Choice
from zoo.plan.fingerprint import Fingerprint

SIDES = (64, 96, 128, 192, 256, 384, 512)
"""Longer sides of the input that are chosen from."""

USUAL = 128
"""The side that is enough to know most things by, and cheap enough for a processor."""

PATCH = 256
"""Side of the patches of pictures without large regions."""

_GRID = 16
_OBJECT = 16
_STRIP = 4
_TEXTURE = 1 / 8
_LARGEST_WHOLE = 2048**2
# Of an aspect ratio: less than the medium augmentation's zoom and crop change it by.
_ALIKE = 1.1


def is_texture(fingerprint: Fingerprint) -> bool:
    """Whether no class forms regions wider than an eighth of the picture.

    Then what a pixel is can be told from its surroundings, wherever in the picture it is and
    whichever way up: so it is of micrographs and of many aerial photographs.
    """
    masks = fingerprint.masks
    if masks is None:
        return False
    return max(one.thickness for one in masks.regions) < _TEXTURE * fingerprint.longer


def choose_size(fingerprint: Fingerprint, most: int | None = None) -> Choice:
    """Chooses height and width of the model's input.

    Args:
        fingerprint: Of the data.
        most: The largest longer side to choose; ``None`` for any.
    """
    longer = fingerprint.longer
    pictures = f"the median picture has {by(fingerprint.size)}"
    if is_texture(fingerprint) and longer > PATCH and most is None:
        native = fingerprint.largest if fingerprint.one_size else fingerprint.size
        if math.prod(native) <= _LARGEST_WHOLE:
            return Choice(
                native,
                "the pictures' own height and width: no class is wider than an eighth of the "
                "picture, and scaling down would blur what tells them apart",
            )
    limit = longer if most is None else min(longer, most)
    if longer <= min(USUAL, limit):
        if fingerprint.one_size:
            return Choice(fingerprint.size, "the pictures' own height and width")
        return Choice(
            _shape(_up(longer), fingerprint), f"{pictures}: there is nothing to be won by more"
        )
    needed, why = _needed(fingerprint)
    reached = [side for side in SIDES if side <= _up(limit)] or [SIDES[0]]
    side = next((one for one in reached if one >= max(needed, USUAL)), reached[-1])
    reason = f"{pictures}; {why}"
    if needed > side and most is None:
        reason += f" (that would take {needed:,.0f}, more than is planned for)"
    elif most is not None and side < max(needed, USUAL):
        reason += "; larger ones would leave too few epochs"
    return Choice(_shape(side, fingerprint), reason)


def choose_fit(fingerprint: Fingerprint, size: tuple[int, int]) -> Choice:
    """Chooses how a picture is brought to the input's size.

    Args:
        fingerprint: Of the data.
        size: Height and width of the input.
    """
    low, _, high = fingerprint.aspect
    aspect = size[1] / size[0]
    if fingerprint.one_size and math.isclose(low, aspect):
        return Choice("pad", "all pictures have the input's shape: nothing is padded")
    if max(high / aspect, aspect / low) <= _ALIKE:
        return Choice(
            "stretch",
            f"nine in ten pictures are within {_ALIKE - 1:.0%} of the input's shape: stretching "
            "distorts less than augmentation does and leaves no black bars",
        )
    return Choice(
        "pad",
        f"width by height goes from {low:.2f} to {high:.2f}: shapes are kept, and what is left "
        "stays black",
    )


def choose_patch(fingerprint: Fingerprint, size: tuple[int, int]) -> Choice | None:
    """Chooses the patches that training sees, or ``None`` for whole pictures.

    Args:
        fingerprint: Of the data.
        size: Height and width of the input.
    """
    if not is_texture(fingerprint) or min(size) < PATCH or max(size) == PATCH:
        return None
    return Choice(
        (PATCH, PATCH),
        "training sees parts of the picture, each time others: more different examples of few "
        "pictures, in the memory of one part",
    )


def _needed(fingerprint: Fingerprint) -> tuple[float, str]:
    """Returns the longer side at which the smallest things are just large enough, and why."""
    if fingerprint.boxes is not None:
        small = fingerprint.boxes.small
        needed = _OBJECT / max(small, 1e-6)
        return needed, (
            f"nine in ten objects are at least {small:.0%} of the longer side wide and high, "
            f"and have {_OBJECT} pixels at {needed:,.0f}"
        )
    if fingerprint.masks is not None:
        thin = min(
            (one for one in fingerprint.masks.regions if one.thickness),
            key=lambda one: one.thickness,
        )
        needed = _STRIP * fingerprint.longer / thin.thickness
        return needed, (
            f"the thinnest class, {thin.name!r}, is {thin.thickness:.1f} pixels thick there and "
            f"keeps {_STRIP} of them at {needed:,.0f}"
        )
    return USUAL, f"{USUAL} is enough to tell most things by, and a quarter of the cost of twice it"


def _shape(side: int, fingerprint: Fingerprint) -> tuple[int, int]:
    """Returns height and width: in the pictures' proportions where they share them."""
    low, middle, high = fingerprint.aspect
    if high / low > _ALIKE:
        return side, side
    if middle >= 1:
        return _nearest(side / middle), side
    return side, _nearest(side * middle)


def _nearest(value: float) -> int:
    return max(_GRID, round(value / _GRID) * _GRID)


def _up(value: float) -> int:
    return math.ceil(value / _GRID) * _GRID
