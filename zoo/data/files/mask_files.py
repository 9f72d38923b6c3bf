"""Mask files: what their headers say, and reading those that are no plain PNG of ids."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.data.files.colours import Colours, colours_of
from zoo.data.files.example import Example
from zoo.data.files.pictures import Look
from zoo.data.files.runs import runs_of
from zoo.data.findings import Reason, UnfitMaskError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

MASKS = (".png", ".tif", ".tiff", ".gif", ".bmp", ".jpg", ".jpeg")
"""Endings of mask files, the better before the worse; a JPEG is met only to be refused."""

_LOSSY = ("JPEG", "MPO", "JPEG2000")
_PNG = b"\x89PNG\r\n\x1a\n"
# PNG's types of colour: gray, palette, gray with alpha.
_PLAIN = (0, 3, 4)


@dataclass(frozen=True)
class MaskFile:
    """A mask in a file of its own that is no plain PNG of ids; a `RenderedMask`.

    Ids are the numbers that stand in the file, as in a PNG: in TIFF and BMP, 1 bit a pixel
    gives 0 and 1. A palette gives its indices; in GIF and BMP, which know no gray, a palette of
    grays gives these. Colours whose three parts are alike are gray.

    Attributes:
        path: Where it is.
        name: What messages call it.
        colours: Which colour is which class; None where it holds ids.
    """

    path: str
    name: str
    colours: Colours | None = None

    def __str__(self) -> str:
        return self.name

    def render(self, size: tuple[int, int]) -> np.ndarray:
        """Reads it.

        Args:
            size: Height and width in pixels of the picture that it was drawn on.

        Returns:
            uint8 [h, w] of ids.

        Raises:
            ValueError: If it cannot be read, or holds what is no id or known colour.
        """
        pixels = read_pixels(self.path, colours=self.colours is not None)
        _check_size(pixels, size)
        if self.colours is not None:
            return self.colours.ids(pixels)
        return ids_in(pixels)


@dataclass(frozen=True)
class ObjectFile:
    """The pixels that are not 0 of a file with one object; a shape.

    Attributes:
        path: Where it is.
        name: What messages call it.
    """

    path: str
    name: str

    def runs(self, size: tuple[int, int]) -> np.ndarray:
        """Returns the lengths of its runs."""
        try:
            pixels = read_pixels(self.path)
            _check_size(pixels, size)
        except ValueError as error:
            raise ValueError(f"{self.name}, which {error}") from error
        return runs_of(pixels != 0 if pixels.ndim == 2 else (pixels != 0).any(-1))


def give_mask(
    example: Example, look: Look, path: Path, name: str, colours: Colours | None = None
) -> Example:
    """Gives a picture the mask in a file, or the reason why it has none.

    A mask that was drawn on a picture as stored, which its EXIF orientation turns, is turned
    with it.

    Args:
        example: The picture.
        look: Its header.
        path: The mask's file.
        name: What to call it.
        colours: Which colour is which class; None where masks hold ids.
    """
    kind, size = look_at_mask(path)
    why, turn = None, 1
    if kind in _LOSSY:
        text = f"has the mask {name}, which is a JPEG: its compression mixes classes at every "
        why = Reason("unreadable-mask", f"{text}edge; make masks anew as PNG")
    elif size != look.size and size == look.stored:
        turn = look.orientation
    elif size != look.size and all(size) and all(look.size):
        (height, width), (rows, columns) = look.size, size
        text = f"has {width}x{height} pixels, and its mask {name} {columns}x{rows}"
        why = Reason("mask-size", text)
    if why is not None:
        return replace(example, lacks={**example.lacks, "mask": why})
    plain = colours is None and kind in ("", "plain PNG")
    mask = str(path) if plain else MaskFile(str(path), name, colours)
    return replace(example, mask=mask, mask_orientation=turn)


def look_at_mask(path: Path) -> tuple[str, tuple[int, int]]:
    """Reads a mask's header.

    Args:
        path: The file.

    Returns:
        "plain PNG" for one that holds ids, else Pillow's name of its format, and height and
        width in pixels; "" and 0 where they are not known, which reading it explains.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with path.open("rb") as file:
            head = file.read(26)
        if len(head) == 26 and head.startswith(_PNG) and head[25] in _PLAIN:
            size = int.from_bytes(head[20:24]), int.from_bytes(head[16:20])
            return "plain PNG", size
        with Image.open(path) as image:
            return image.format or "", (image.height, image.width)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return "", (0, 0)


def read_pixels(path: str, *, colours: bool = False) -> np.ndarray:
    """Reads a mask by its own library.

    Args:
        path: The file.
        colours: Whether to give what it looks like rather than the numbers that it holds.

    Returns:
        uint8 [h, w, 3] of colours, or an array [h, w] of numbers of any type.

    Raises:
        ValueError: If it cannot be read; the message is the end of a sentence.
    """
    import numpy as np
    from PIL import Image

    from zoo.preprocess import MAX_PIXELS

    try:
        with Image.open(path) as image:
            if image.format in _LOSSY:
                raise UnfitMaskError("unreadable-mask", "is a JPEG, which mixes classes at edges")
            if getattr(image, "n_frames", 1) > 1:
                raise UnfitMaskError("unreadable-mask", "holds several pictures")
            if image.width * image.height > MAX_PIXELS:
                raise UnfitMaskError("unreadable-mask", "claims more pixels than are read")
            image.load()
            if image.mode in ("RGB", "RGBA") or (colours and image.mode in ("1", "L", "P", "LA")):
                return np.asarray(image.convert("RGB"))
            if colours:
                raise UnfitMaskError("unreadable-mask", f"holds {image.mode}, and no colours")
            return np.asarray(_numbers(image))
    except UnfitMaskError:
        raise
    except Image.DecompressionBombError as error:
        raise UnfitMaskError("unreadable-mask", "claims more pixels than are read") from error
    except Exception as error:  # Whatever Pillow stumbles over in damaged pictures.
        raise UnfitMaskError("unreadable-mask", "is damaged, or no picture") from error


def _numbers(image: Image) -> Image:
    """Returns an image whose samples are the ids."""
    if image.mode == "LA":
        return image.getchannel(0)
    if image.mode == "P" and image.format in ("GIF", "BMP"):
        palette = image.getpalette() or []
        if all(len(set(palette[i : i + 3])) == 1 for i in range(0, len(palette), 3)):
            return image.convert("L")
    if image.mode in ("1", "L", "P", "I", "F") or image.mode.startswith("I;16"):
        return image
    raise UnfitMaskError("unreadable-mask", f"holds {image.mode}, neither ids nor colours")


def ids_in(pixels: np.ndarray) -> np.ndarray:
    """Returns the ids, uint8 [h, w], of a mask as `read_pixels` gives it.

    Raises:
        UnfitMaskError: If they are colours, or no whole numbers from 0 to 255.
    """
    import numpy as np

    if pixels.ndim == 3:
        if (pixels != pixels[..., :1]).any():
            found = colours_of(pixels)
            few = " and ".join(",".join(map(str, colour)) for colour in list(found)[:2])
            raise UnfitMaskError(
                "unreadable-mask",
                f"holds {len(found):,} colours, {few} among them; say in data.options.classes "
                "which class each is",
            )
        pixels = pixels[..., 0]
    with np.errstate(invalid="ignore"):
        unfit = (pixels < 0) | (pixels > 255) | (pixels % 1 != 0)
    if unfit.any():
        odd = pixels[unfit][0]
        raise UnfitMaskError(
            "unreadable-mask", f"holds {odd:g}, and ids are whole numbers from 0 to 255"
        )
    return pixels.astype(np.uint8)


def _check_size(pixels: np.ndarray, size: tuple[int, int]) -> None:
    height, width = pixels.shape[:2]
    if (height, width) != size:
        text = f"has {width}x{height} pixels, not {size[1]}x{size[0]}"
        raise UnfitMaskError("mask-size", text)
