"""IDX files: a number of the type, the shape, and the numbers, high bytes first."""

import gzip
import math
import re
import zlib
from collections.abc import Sequence
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from zoo.data.files.array_set import Part
from zoo.data.files.pictures import PICTURES
from zoo.data.files.splits import SPLIT_FOLDERS
from zoo.data.findings import Finding, found_in
from zoo.data.memory import check_claim
from zoo.data.places import hidden
from zoo.errors import UserError

DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""The types of numbers that there are, by their number in a file's head."""

_PACKED = b"\x1f\x8b"
_MOST_SIDES = 8
_PICTURES = re.compile(r"(?<![a-z])(images?|pictures?|x)(?![a-z])")
_LABELS = re.compile(r"(?<![a-z])(labels?|targets?|y)(?![a-z])")
_SPLITS = {**SPLIT_FOLDERS, "t10k": "test"}


def idx_files(folder: Path) -> list[Path]:
    """Returns the IDX files in a folder, told by their first bytes, by name."""
    return [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() not in PICTURES
        and not hidden(path.name)
        and path.is_file()
        and shape_of(path)
    ]


def shape_of(path: Path) -> tuple[int, ...]:
    """Returns the shape that a file's head says; empty where it is no IDX file."""
    try:
        with _opened(path) as file:
            return _head(file)[1]
    except (OSError, EOFError, zlib.error, ValueError):
        return ()


def _opened(path: Path) -> BufferedIOBase:
    with path.open("rb") as file:
        packed = file.read(2) == _PACKED
    return gzip.open(path) if packed else path.open("rb")


def _head(file: BufferedIOBase) -> tuple[np.dtype, tuple[int, ...]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES:
        raise ValueError("is no IDX file")
    if not 1 <= magic[3] <= _MOST_SIDES:
        raise ValueError("is no IDX file")
    sides = file.read(4 * magic[3])
    if len(sides) < 4 * magic[3]:
        raise ValueError("is cut short")
    return np.dtype(DTYPES[magic[2]]), tuple(np.frombuffer(sides, ">u4").tolist())


def read_idx(path: Path) -> np.ndarray:
    """Reads an IDX file; one that is not packed is mapped, not read.

    Args:
        path: Of the file, packed with gzip or not, whatever its name.

    Raises:
        UserError: If it is damaged.
    """
    try:
        with _opened(path) as file:
            dtype, shape = _head(file)
            count = math.prod(shape)
            packed = isinstance(file, gzip.GzipFile)
            remedy = "unpack it with gunzip, which lets it be read piece by piece"
            check_claim(str(path), shape, dtype.itemsize, remedy=remedy if packed else None)
            if not packed:
                if path.stat().st_size != file.tell() + count * dtype.itemsize or not count:
                    raise ValueError("is cut short, or longer than its head says")
                return np.memmap(path, dtype, "r", file.tell(), shape)
            # One more than there should be, so that what is too long is seen.
            data = file.read(count * dtype.itemsize + 1)
    except UserError:
        raise
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise UserError(f"{path} cannot be read as IDX ({error}); get it again") from error
    if len(data) != count * dtype.itemsize or not count:
        raise UserError(f"{path} is cut short, or longer than its head says; get it again")
    return np.frombuffer(data, dtype).reshape(shape)


def parts_of(paths: Sequence[Path]) -> tuple[list[Part], list[Finding]]:
    """Pairs files of pictures with those of their labels, and reads both.

    Args:
        paths: Of the IDX files.

    Returns:
        A part for each file of pictures, and the files that are not used.

    Raises:
        UserError: If pictures have no labels, two are the same split, or a file is damaged.
    """
    shapes = {path: shape_of(path) for path in paths}
    labels = {_key(path): path for path, shape in shapes.items() if len(shape) == 1}
    parts: list[Part] = []
    used: set[Path] = set()
    for path, shape in shapes.items():
        if len(shape) < 3:
            continue
        partner = labels.get(_key(path))
        if partner is None and len(paths) == 2 and len(labels) == 1:
            partner = next(iter(labels.values()))
        if partner is None:
            raise UserError(
                f"{path} holds pictures, and there are no labels for them; they lie in a file of "
                f"its name with 'labels' for 'images'"
            )
        split = _split_of(path)
        for other in parts:
            if other.split == split:
                where = f"are both of the split {split}" if split else "name no split"
                raise UserError(f"{other.name} and {path.name} {where}; remove one, or rename it")
        parts.append(Part(path.name, split, read_idx(path), read_idx(partner)))
        used |= {path, partner}
    alone = {path.name: "" for path in paths if path not in used}
    return parts, found_in(alone, "other-files", "IDX files that are not used")


def _key(path: Path) -> str:
    """Returns a name without what tells pictures from labels."""
    name = path.name.lower().removesuffix(".gz")
    return re.sub(r"idx\d", "idx", _PICTURES.sub("", _LABELS.sub("", name)))


def _split_of(path: Path) -> str:
    words = re.split(r"[^a-z0-9]+", path.name.lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), "")
