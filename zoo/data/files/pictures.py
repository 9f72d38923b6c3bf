"""Picture files: finding them, and what their headers say before any is decoded."""

import functools
import os
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.conversion import FOREIGN, foreign_header
from zoo.data.files.example import Example
from zoo.data.files.folders import walk
from zoo.data.findings import Finding, found_in
from zoo.data.places import hidden, resolved, zoo_folder
from zoo.data.untuned import untuned
from zoo.errors import UserError

# What a header may say, in the order of the numbers of `zoo.preprocess.read_header`.
KINDS_OF_PICTURES = ("", "JPEG", "PNG", "GIF", "BMP", "WebP")
_ENDINGS = {
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif"},
    "PNG": {".png"},
    "GIF": {".gif"},
    "BMP": {".bmp"},
    "WebP": {".webp"},
    **{name: set(kind.endings) for name, kind in FOREIGN.items()},
}
PICTURES = frozenset().union(*_ENDINGS.values())
FOLDERS_OF_PICTURES = ("images", "image", "imgs", "img", "pictures", "photos")
"""Usual names of the folder of pictures beside one of labels, the better before the worse."""

_EXIF_ORIENTATION = 0x0112


def find_root(path: Path | None, source: str, holds: str, endings: Sequence[str] = ()) -> Path:
    """Returns the folder of a data set, or the file that describes it.

    Args:
        path: As the user gave it; a relative one is also looked for under `$ZOO_DATA`.
        source: Name of the format, for messages.
        holds: What the folder has to hold, for messages: "a folder per class".
        endings: Of files that may be given instead of their folder, with dots, in small letters.

    Raises:
        UserError: If there is none.
    """
    if path is None:
        raise UserError(f"{source} needs the folder that holds {holds}: pass --data FOLDER")
    zoo = zoo_folder()
    # The explicit place first; a recipe's own place ("flowers") lies under $ZOO_DATA.
    places = [path] if path.is_absolute() or zoo is None else [path, zoo / path]
    for place in places:
        named = place.name.lower().endswith(tuple(endings))
        if os.path.isdir(place) or (os.path.isfile(place) and named):
            return resolved(place)
        if os.path.exists(place):
            raise UserError(f"{place} is a file; {source} needs {holds}")
    tried = " nor ".join(map(str, places))
    raise UserError(f"there is no folder {tried}; put {holds} there, or pass --data")


def folder_around(file: Path, fits: Callable[[Path], bool]) -> Path:
    """Returns the folder of the data set that a file describes: its own, or the one above.

    Args:
        file: As `find_root` gives it.
        fits: Whether what the file describes is found in a folder.

    Returns:
        The nearer one that fits; the file's own if none does.
    """
    return next((folder for folder in file.parents[:2] if fits(folder)), file.parent)


def find_folder(root: Path, given: str | None, usual: Sequence[str], what: str) -> Path:
    """Returns a folder inside a data set.

    Args:
        root: Folder of the data set.
        given: The folder's path below it; where it is not there, the end of the path is
            looked for, so that `root` may also be a folder further down.
        usual: Names to look for where none is given, in any case of letters.
        what: What is in it, for messages: "pictures".

    Raises:
        UserError: If there is none.
    """
    if given is not None:
        parts = Path(given).parts
        for start in range(max(1, len(parts))):
            folder = Path(os.path.normpath(root.joinpath(*parts[start:])))
            if os.path.isdir(folder) and folder.is_relative_to(root):
                return folder
        raise UserError(f"{root} has no folder {given!r}, which holds the {what}")
    own = {child.name.lower(): child for child in sorted(root.iterdir()) if child.is_dir()}
    for name in usual:
        if name.lower() in own:
            return own[name.lower()]
    raise UserError(
        f"{root} has no folder of {what} by a usual name ({', '.join(usual)}); "
        "name it in data.options"
    )


def only_folder(path: Path) -> Path | None:
    """Returns the one folder in a folder without pictures: archives are unpacked into such."""
    children = [child for child in path.iterdir() if not hidden(child.name)]
    folders = [child for child in children if child.is_dir()]
    if len(folders) != 1 or any(child.suffix.lower() in PICTURES for child in children):
        return None
    return folders[0]


def natural(name: str) -> tuple[tuple[tuple[int, int | str], ...], str]:
    """Returns a key that sorts names as people count: "2.png" before "10.png"."""
    parts = re.split(r"(\d+)", name)
    counted = tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts)
    # The name as well: "1.png" and "01.png" are in one order on every machine.
    return counted, name


def files_in(folder: Path, endings: Iterable[str]) -> tuple[list[Path], Counter[str]]:
    """Finds files by their endings, in a folder and those below it.

    Hidden files and folders, AppleDouble files (`._x.jpg`) among them, are passed over. Links
    to folders are followed, each folder is gone through once.

    Args:
        folder: Where to look.
        endings: With their dots, in small letters.

    Returns:
        The files in natural order, and how many others there are of each ending.

    Raises:
        UserError: If a folder cannot be read.
    """
    wanted, found, others = set(endings), [], Counter()
    for place, names in walk(folder):
        for name in names:
            if hidden(name):
                continue
            ending = os.path.splitext(name)[1].lower()
            if ending in wanted:
                found.append(Path(place, name))
            else:
                others[ending or "without an ending"] += 1
    return sorted(found, key=lambda path: natural(str(path.relative_to(folder)))), others


@dataclass(frozen=True)
class Look:
    """What a picture's header says.

    Attributes:
        kind: "JPEG", "PNG", "GIF", "BMP", "WebP", "TIFF", "NumPy"; empty where the
            bytes are none of them.
        stored: Height and width as stored, in pixels; 0 where the header does not say.
        orientation: 1 to 8, as EXIF defines it.
    """

    kind: str
    stored: tuple[int, int]
    orientation: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the upright picture, in pixels."""
        height, width = self.stored
        return (width, height) if self.orientation >= 5 else (height, width)


def look_at(paths: Sequence[Path]) -> list[Look]:
    """Reads the headers of pictures, in parallel, by the code that decodes them later.

    A file that cannot be opened looks like one that is no picture; reading the pictures
    names it.

    Args:
        paths: Of the pictures.
    """
    looks = [Look("", (0, 0), 1)] * len(paths)
    if not paths:
        return looks
    import tensorflow as tf

    header_of = _header_reader()
    data = (
        tf.data.Dataset.from_tensor_slices([os.fsencode(path) for path in paths])
        .enumerate()
        .map(lambda index, path: (index, *header_of(path)), num_parallel_calls=tf.data.AUTOTUNE)
        .ignore_errors()
        .batch(256)
    )
    for indices, kinds, sizes, orientations in untuned(data).as_numpy_iterator():
        rows = zip(indices, kinds, sizes.tolist(), orientations, strict=True)
        for index, kind, size, orientation in rows:
            looks[index] = Look(KINDS_OF_PICTURES[kind], tuple(size), int(orientation))
    for index, look in enumerate(looks):
        if not look.kind:
            looks[index] = Look(*foreign_header(paths[index]))
    return looks


@functools.cache
def _header_reader() -> Callable[[Any], Any]:
    import tensorflow as tf

    from zoo.preprocess import read_header

    # Traced once: tracing takes longer than reading a small set's headers.
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
    def header_of(path):
        return tuple(read_header(tf.io.read_file(path)))

    return header_of


def examples_in(root: Path, folder: Path) -> tuple[list[Example], list[Look], list[Finding]]:
    """Finds the pictures of a folder and those below it, and reads their headers.

    Args:
        root: Folder of the data set.
        folder: `root` or a folder below it.

    Returns:
        An example of each picture, without labels, in natural order; their headers; and what
        is odd.
    """
    paths, others = files_in(folder, PICTURES)
    examples, looks, findings = examples_of(root, paths)
    if others and folder != root:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(others.items()))
        place = folder.relative_to(root).as_posix()
        text = f"passed over in {place}, being no pictures: {kinds}"
        findings.append(Finding("other-files", place, text))
    return examples, looks, findings


def examples_of(
    root: Path, paths: Sequence[Path]
) -> tuple[list[Example], list[Look], list[Finding]]:
    """Makes examples of pictures as `examples_in` does, of those that are given.

    Args:
        root: Folder of the data set.
        paths: Of pictures below it.
    """
    looks = look_at(paths)
    files = [path.relative_to(root).as_posix() for path in paths]
    examples = [
        Example(name=file, file=file, path=str(path), size=look.size)
        for file, path, look in zip(files, paths, looks, strict=True)
    ]
    return examples, looks, oddities(paths, files, looks)


def oddities(paths: Sequence[Path], names: Sequence[str], looks: Sequence[Look]) -> list[Finding]:
    """Says what is odd about pictures that are read all the same.

    Args:
        paths: Of the pictures.
        names: What to call them.
        looks: Their headers.
    """
    misnamed, turned, undefined = {}, {}, {}
    for path, name, look in zip(paths, names, looks, strict=True):
        if look.kind and path.suffix.lower() not in _ENDINGS[look.kind]:
            misnamed[name] = look.kind
        if look.orientation != 1:
            turned[name] = ""
        elif look.kind == "JPEG" and (value := _claimed_orientation(path)) not in (None, 1):
            undefined[name] = str(value)
    other = "named for another format than they hold, read as what they are"
    upright = "stored turned or mirrored, set upright by their EXIF orientation"
    unknown = "with an EXIF orientation that there is not, taken as upright"
    return [
        *found_in(misnamed, "extension-mismatch", other, effect="mended"),
        *found_in(turned, "orientation-turned", upright),
        *found_in(undefined, "orientation-invalid", unknown, effect="mended"),
    ]


def _claimed_orientation(path: Path) -> int | None:
    from PIL import Image

    # Pillow warns of damaged EXIF, which says nothing about the orientation.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path) as picture:
                return picture.getexif().get(_EXIF_ORIENTATION)
        except Exception:  # Whatever it stumbles over in damaged or giant pictures.
            return None
