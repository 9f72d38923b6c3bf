"""A picture's samples as its file has them, and the rule that brings them to 0..255."""

from dataclasses import dataclass, replace

import numpy as np

from zoo.amounts import plural
from zoo.values import MAX_PIXELS, Values, to_bytes

MAX_BYTES = 8 * MAX_PIXELS
"""The most memory that a picture's samples may claim: four channels of 16 bits."""

FLOATS: Values = (0.0, 1.0)

# Compression and resampling leave floats this little outside; it is no step of 0..255.
_SLACK = 0.5 / 255


class UnreadableError(Exception):
    """A picture that cannot be read; the message ends a sentence that begins with its name."""


@dataclass(frozen=True)
class Samples:
    """A picture as its file has it.

    Attributes:
        pixels: [h, w, c], upright: booleans, integers or floats.
        bits: How many of an unsigned integer's bits are in use; all where it does not say.
        remarks: What was chosen in reading it: of several pages the first, and the like.
    """

    pixels: np.ndarray
    bits: int | None = None
    remarks: tuple[str, ...] = ()

    @property
    def stored(self) -> str:
        """The samples' type for people: "16 bits", "32-bit floats"."""
        dtype = self.pixels.dtype
        if dtype.kind == "f":
            return f"{8 * dtype.itemsize}-bit floats"
        signed = "signed " if dtype.kind == "i" else ""
        bits = 1 if dtype.kind == "b" else self.bits or 8 * dtype.itemsize
        return f"{signed}{plural(bits, 'bit')}"

    @property
    def range(self) -> Values:
        """What becomes 0 and what 255 where nothing else is said."""
        dtype = self.pixels.dtype
        if dtype.kind == "f":
            return FLOATS
        if dtype.kind == "b":
            return (0.0, 1.0)
        if self.bits is not None and dtype.kind == "u":
            return (0.0, 2.0**self.bits - 1)
        limits = np.iinfo(dtype)
        return (float(limits.min), float(limits.max))

    @property
    def deep(self) -> bool:
        """Whether it has more than the 256 steps that are left of it."""
        return self.pixels.dtype.kind == "f" or self.range[1] - self.range[0] > 255

    def extremes(self) -> Values:
        """Returns the least and the greatest sample; NaN where none is a number."""
        pixels = self.pixels
        if pixels.dtype.kind == "f":
            finite = pixels[np.isfinite(pixels)]
            pixels = finite if finite.size else np.full(1, np.nan)
        return float(pixels.min()), float(pixels.max())

    def as_bytes(self, values: Values | None) -> np.ndarray:
        """Brings the samples to 0..255.

        Samples of up to 8 bits fill the range, so that 8 of them stay as they are; deeper ones
        are mapped from `values`, or else from the range of their type: 0 to 1 of floats.

        Args:
            values: What becomes 0 and what 255, of deep samples.

        Returns:
            uint8 [h, w, c].

        Raises:
            UnreadableError: If floats lie outside 0..1 and nothing is said of their range.
        """
        if self.pixels.dtype == np.uint8 and self.range == (0.0, 255.0):
            return self.pixels
        if self.pixels.dtype.kind == "f" and values is None:
            least, greatest = self.extremes()
            if least < -_SLACK or greatest > 1 + _SLACK:
                raise UnreadableError(
                    f"holds floats from {least:g} to {greatest:g}, which are taken as 0 to 1: "
                    "say what becomes 0 and what 255 with data.values, as in "
                    f"data.values=[{least:g}, {greatest:g}]"
                )
        chosen = values if values is not None and self.deep else self.range
        return to_bytes(self.pixels, chosen)

    def turned(self, orientation: int) -> "Samples":
        """Returns the samples turned upright, from an orientation as EXIF and TIFF count it."""
        pixels = self.pixels
        if orientation >= 5:
            pixels = pixels.transpose(1, 0, 2)
        if orientation in (3, 4, 7, 8):
            pixels = pixels[::-1]
        if orientation in (2, 3, 6, 7):
            pixels = pixels[:, ::-1]
        return replace(self, pixels=pixels)


def check_claim(height: int, width: int, channels: int, item_bytes: int) -> None:
    """Refuses a picture that claims too much, before memory is taken for it.

    Raises:
        UnreadableError: If it has no pixel, or more than the limits.
    """
    if min(height, width, channels) < 1:
        raise UnreadableError("has no pixels")
    if height * width > MAX_PIXELS:
        raise UnreadableError(f"claims more than {MAX_PIXELS:,} pixels")
    if height * width * channels * item_bytes > MAX_BYTES:
        raise UnreadableError(
            f"claims {channels:,} channels of {width}x{height} pixels, which is more than "
            f"{MAX_BYTES / 1e9:.1f} GB"
        )
