"""A picture on disk and what is known of it before it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from zoo.data.findings import Finding, Reason

if TYPE_CHECKING:
    import numpy as np


class RenderedMask(Protocol):
    """A mask that is made by something else than reading one PNG: polygons, runs, colours.

    `str()` of it is what messages call it: "annotations.json", "masks/7/".
    """

    def render(self, size: tuple[int, int]) -> np.ndarray:
        """Makes the mask; always the same, and from several threads at once.

        Args:
            size: Height and width in pixels of the picture that it was drawn on.

        Returns:
            uint8 [h, w] of ids, of that size.

        Raises:
            ValueError: If it cannot be made; the message is the end of a sentence that begins
                with its name.
        """
        ...


@dataclass(frozen=True)
class Example:
    """A picture file with its labels.

    Attributes:
        name: Unlike any other's, for messages: the picture's path below the data set's
            folder, and which of its objects where there is an example for each.
        file: The picture's path below the data set's folder, parts joined by "/".
        path: Where the picture is.
        label: Name of its class.
        box: x_min, y_min, x_max, y_max as fractions 0..1 of the upright picture, or of the
            window.
        size: Height and width of the upright picture in pixels; 0 where it is not known.
        mask: Where its mask is, a PNG of ids; or what renders it, which takes `size`.
        mask_orientation: As EXIF counts: how the mask has to be turned with its picture.
        window: Part of the upright picture that is the example, in pixels: top, left,
            height, width. None for all of it.
        split: "train", "validation" or "test", where the format itself says so; else empty.
        group: What it stays together with where splits are made: a patient, a film. Empty
            where the format does not say.
        lacks: For each of "class", "box" and "mask" that it has not: why.
    """

    name: str
    file: str
    path: str
    label: str | None = None
    box: tuple[float, float, float, float] | None = None
    size: tuple[int, int] = (0, 0)
    mask: str | RenderedMask | None = None
    mask_orientation: int = 1
    window: tuple[int, int, int, int] | None = None
    split: str = ""
    group: str = ""
    lacks: Mapping[str, Reason] = field(default_factory=dict)

    def reason_against(self, targets: frozenset[str]) -> Reason | None:
        """Returns why it cannot be used for these targets; None if it can."""
        return next((why for target, why in self.lacks.items() if target in targets), None)


class Reader(Protocol):
    """What reads the pictures of examples."""

    @property
    def findings(self) -> Sequence[Finding]:
        """What is to be said of the pictures."""
        ...

    def reader(self, examples: Sequence[Example]) -> Callable[[Any], Any]:
        """Returns a function from an int64 scalar index to a picture, as `Split.read` gives it."""
        ...

    def fault(self, example: Example) -> Reason | None:
        """Says why a picture cannot be read; None where its bytes are for others to judge."""
        ...

    def as_stored(self, example: Example) -> bool:
        """Returns whether the reader hands on the bytes of the example's file as they are."""
        ...


class Store(Reader, Protocol):
    """Where the pictures of examples are that lie in no file of their own, as in one array."""

    def digests(self, examples: Sequence[Example]) -> list[bytes]:
        """Returns a hash of each picture as it is stored: equal ones are the same picture."""
        ...
