"""NumPy's `.npz` archives: which arrays are what, read without running anything."""

import math
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from zoo.data.files.array_labels import texts
from zoo.data.files.array_set import Part
from zoo.data.files.splits import SPLIT_FOLDERS
from zoo.data.findings import Finding, decision
from zoo.data.memory import check_claim
from zoo.errors import UserError

_KINDS = {
    "images": "x image images img imgs picture pictures data",
    "labels": "y label labels target targets class",
    "boxes": "box boxes bbox bboxes",
    "masks": "mask masks segmentation segmentations",
    "names": "classes names classnames labelnames",
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words.split()}
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_LOCAL_HEAD = 30
_DAMAGED = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Reads the arrays of an archive; those that are not compressed are mapped, not read.

    Args:
        path: Of the archive. Python objects in it are refused, never unpickled.

    Returns:
        The arrays by name, in the order of the archive.

    Raises:
        UserError: If it is damaged, or holds Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                member.filename.removesuffix(".npy"): _array(path, archive, member)
                for member in archive.infolist()
                if member.filename.endswith(".npy")
            }
    except UserError:
        raise
    except _DAMAGED as error:
        raise UserError(f"{path} cannot be read as .npz ({error}); save it again") from error


def _array(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"{member.filename} is of the unknown version {version}")
        try:
            shape, columns_first, dtype = _HEADERS[version](file)
        except Exception as error:  # Of whatever Python's parser stumbles over.
            raise ValueError(f"the head of {member.filename} is damaged") from error
        if dtype.hasobject:
            raise UserError(
                f"{path} holds Python objects as {member.filename.removesuffix('.npy')}, which are "
                "not read; save arrays of numbers"
            )
        begins, count = file.tell(), math.prod(shape)
        if member.file_size != begins + count * dtype.itemsize:
            raise ValueError(f"{member.filename} is cut short, or longer than its head says")
        order = "F" if columns_first else "C"
        mapped = member.compress_type == zipfile.ZIP_STORED and count
        what = f"{path} holds {member.filename.removesuffix('.npy')}, which"
        remedy = "save it by numpy.savez, uncompressed, which is read piece by piece"
        check_claim(what, shape, dtype.itemsize, remedy=None if mapped else remedy)
        if mapped:
            return np.memmap(path, dtype, "r", _offset(path, member) + begins, shape, order)
        data = file.read()
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def _offset(path: Path, member: zipfile.ZipInfo) -> int:
    """Returns where a member's bytes begin in the file."""
    with path.open("rb") as file:
        file.seek(member.header_offset)
        head = file.read(_LOCAL_HEAD)
    # The lengths of the name and of the extra field, which may differ from the directory's.
    name, extra = struct.unpack("<HH", head[26:30])
    return member.header_offset + _LOCAL_HEAD + name + extra


def parts_of(
    arrays: Mapping[str, np.ndarray], where: str, split: str = ""
) -> tuple[list[Part], Sequence[str], list[Finding]]:
    """Tells by their names which arrays are pictures, labels, boxes and masks, of which split.

    Args:
        arrays: By name: x_train and y_train, images and labels, train_images and train_masks.
        where: What they are in, for messages.
        split: Which split all of them are; empty to tell it by the names.

    Returns:
        A part for each array of pictures, the names of the classes, and what was decided.

    Raises:
        UserError: If there are no pictures, or two arrays are the same.
    """
    told: dict[str, dict[str, str]] = {}
    unused = []
    for name in arrays:
        kind, of_split = _told(name)
        if kind is None:
            unused.append(name)
            continue
        of_split = of_split or split
        other = told.setdefault(of_split, {}).setdefault(kind, name)
        if other != name:
            raise UserError(
                f"{where} holds {other} and {name}, both {kind}{of_split and ' of ' + of_split}; "
                "leave one out"
            )
    names = next((one.pop("names") for one in told.values() if "names" in one), None)
    parts, said = [], []
    for of_split, kinds in told.items():
        if "images" not in kinds:
            unused += kinds.values()
            continue
        found = {kind: arrays[name] for kind, name in kinds.items()}
        pictures, labels = found["images"], found.get("labels")
        if labels is not None and "masks" not in found and labels.shape[:3] == pictures.shape[:3]:
            # As many numbers as a picture has pixels: what is called y is a mask.
            found["masks"] = found.pop("labels")
        title = kinds["images"] if not split else f"{where} {kinds['images']}"
        parts.append(Part(title, of_split, **found))
        also = [f"{name} as {kind}" for kind, name in kinds.items()]
        said.append(decision(f"{where}: {', '.join(also)}{of_split and ' of ' + of_split}"))
    if not parts:
        raise UserError(
            f"{where} holds {', '.join(arrays) or 'nothing'}, and no pictures: call the arrays "
            "x_train and y_train, or images and labels, boxes or masks"
        )
    if unused:
        said.append(Finding("other-files", "", f"{where}: not used: {', '.join(unused)}"))
    return parts, texts(arrays[names], where, "names of classes") if names else [], said


def _told(name: str) -> tuple[str | None, str]:
    """Returns what an array's name says it is, and of which split."""
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if word]
    split = next((SPLIT_FOLDERS[word] for word in words if word in SPLIT_FOLDERS), "")
    rest = "".join(word for word in words if word not in SPLIT_FOLDERS)
    return _KIND_OF.get(rest), split
