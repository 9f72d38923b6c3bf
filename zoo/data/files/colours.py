"""Masks in which classes are colours: which colour is which class."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.amounts import plural
from zoo.data.findings import UnfitMaskError, named
from zoo.errors import UserError

if TYPE_CHECKING:
    import numpy as np

Colour = tuple[int, int, int]

LABEL_MAPS = ("labelmap.txt", "class_dict.csv", "label_colors.txt")
"""Files that say which colour is which class: CVAT's, and those of CamVid."""

_BETWEEN = r"[ \t]*[,; \t][ \t]*"
_NUMBERS = _BETWEEN.join(rf"(?P<{part}>\d{{1,3}})" for part in ("red", "green", "blue"))
_TRIPLE = re.compile(rf"[(\[]?\s*{_NUMBERS}\s*[)\]]?")
_HEX = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_NAME_FIRST = re.compile(rf"(?P<name>.*?)[ \t]*[:,;\t][ \t]*{_NUMBERS}\b.*")
_NAME_LAST = re.compile(rf"{_NUMBERS}[ \t,;:]+(?P<name>.+)")
# As many colours as this were mixed, by smoothing or by JPEG.
_MIXED = 32
_IGNORED = -1


def colour_in(text: str) -> Colour | None:
    """Returns the colour that a text is: "255,0,0" or "#ff0000"; None if it is none.

    Example:
        >>> colour_in("#ff0080")
        (255, 0, 128)
    """
    text = text.strip()
    if match := _HEX.fullmatch(text):
        red, green, blue = (int(part, 16) for part in match.groups())
        return red, green, blue
    if match := _TRIPLE.fullmatch(text):
        red, green, blue = map(int, match.groups())
        return (red, green, blue) if max(red, green, blue) <= 255 else None
    return None


@dataclass(frozen=True)
class Colours:
    """Which colour is which class.

    Attributes:
        names: Of the classes, in the order of their numbers.
        numbers: For each colour the number of its class, -1 to be ignored.
    """

    names: tuple[str, ...]
    numbers: Mapping[Colour, int]

    @property
    def classes(self) -> dict[str, str]:
        """The classes by the ids that `ids` gives, as text."""
        return {str(number): name for number, name in enumerate(self.names)}

    def ids(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the classes of pixels.

        Args:
            pixels: uint8 [h, w, 3].

        Returns:
            uint8 [h, w], 255 where it is ignored.

        Raises:
            UnfitMaskError: If there is a colour of no class; names the most frequent.
        """
        import numpy as np

        from zoo.preprocess import IGNORE

        known = np.array([_packed(colour) for colour in self.numbers], np.int64)
        order = np.argsort(known)
        numbers = np.array(list(self.numbers.values()))[order]
        ids = np.where(numbers == _IGNORED, IGNORE, numbers).astype(np.uint8)
        packed = pixels.astype(np.int64) @ (1 << 16, 1 << 8, 1)
        places = np.minimum(np.searchsorted(known[order], packed), len(known) - 1)
        unknown = known[order][places] != packed
        if unknown.any():
            counts = colours_of(pixels[unknown][None])
            text = f"holds {plural(len(counts), 'unknown colour')} in "
            text += f"{plural(int(unknown.sum()), 'pixel')}, {_said(counts)}"
            if len(counts) > _MIXED:
                text += ", as smoothing or JPEG compression mixes them"
            raise UnfitMaskError("mask-unknown-id", f"{text} (known: {self.text()})")
        return ids[places]

    def text(self) -> str:
        """Returns the colours that there may be, for messages."""
        return "; ".join(
            f"{','.join(map(str, colour))} {'ignored' if n == _IGNORED else self.names[n]}"
            for colour, n in self.numbers.items()
        )


def colours_from(classes: Mapping[str, str], ignore: Iterable[int | str]) -> Colours | None:
    """Returns which colour is which class; None where the classes are of ids.

    Args:
        classes: From colours to names, as in {"255,0,0": "road", "#00ff00": "car"}; colours of
            one name are one class.
        ignore: Colours that are neither trained on nor scored.

    Raises:
        UserError: If some are colours and others are not, or there are too many.
    """
    keys = [*classes, *map(str, ignore)]
    if not any(colour_in(key) for key in keys):
        return None
    for key in keys:
        if colour_in(key) is None:
            raise UserError(
                f"classes and ignore name colours, and {key!r} is none; write it as 255,0,0 or "
                "#ff0000, each number up to 255"
            )
    names = tuple(dict.fromkeys(classes.values()))
    if len(names) > 255:
        raise UserError(f"masks hold at most 255 classes, not {len(names)}")
    numbers = {colour_in(key) or (0, 0, 0): names.index(name) for key, name in classes.items()}
    for key in map(str, ignore):
        colour = colour_in(key) or (0, 0, 0)
        if colour in numbers:
            raise UserError(f"colour {key} is the class {names[numbers[colour]]!r} and ignored")
        numbers[colour] = _IGNORED
    return Colours(names, numbers)


def read_label_map(path: Path) -> dict[str, str]:
    """Reads which colour is which class.

    Args:
        path: A line a class, its name and three numbers: `car:0,0,142::` as CVAT writes,
            `Car,64,0,128` or `64 0 128 Car`.

    Returns:
        From colours as text to names.

    Raises:
        UserError: If there is no such line in it.
    """
    found: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no UTF-8 text ({error.reason})") from error
    for line in lines:
        line = line.strip()
        match = _NAME_LAST.fullmatch(line) or _NAME_FIRST.fullmatch(line)
        if match is None or line.startswith("#"):
            continue
        colour = ",".join(str(int(match[part])) for part in ("red", "green", "blue"))
        if colour_in(colour):
            found[colour] = match["name"].strip()
    if not found:
        raise UserError(
            f"{path} names no colours; write a line for each class, as in road:128,64,128"
        )
    return found


def colours_of(pixels: np.ndarray) -> dict[Colour, int]:
    """Returns how often each colour occurs, the most frequent first.

    Args:
        pixels: uint8 [h, w, 3].
    """
    import numpy as np

    packed, counts = np.unique(pixels.astype(np.int64) @ (1 << 16, 1 << 8, 1), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {
        (int(one) >> 16, int(one) >> 8 & 255, int(one) & 255): int(count)
        for one, count in zip(packed[order], counts[order], strict=True)
    }


def _packed(colour: Colour) -> int:
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def _said(counts: Mapping[Colour, int]) -> str:
    said = [",".join(map(str, colour)) for colour in counts]
    few: Sequence[str] = said[:5]
    return named(few) + (" and others" if len(said) > len(few) else "")
