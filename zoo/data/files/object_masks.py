"""Masks of one object each: which picture they belong to, and the mask that they make."""

import fnmatch
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from zoo.data.files.example import Example
from zoo.data.files.mask_files import MASKS, ObjectFile, look_at_mask
from zoo.data.files.pictures import Look, files_in, natural
from zoo.data.files.shapes import DrawnMask
from zoo.data.findings import Finding, Reason, decision, found_in

FOREGROUND = "foreground"


def object_files(
    pictures: Path, masks: Path, examples: Sequence[Example]
) -> tuple[dict[str, list[Path]], list[Path]]:
    """Finds the files of each picture's objects.

    A file belongs to the picture whose path without ending its own begins with, up to a sign
    that is no letter and no digit: of "cell" are `cell_0.png`, `cell/7.png` and `nuclei/cell.png`,
    not `cells.png`. Of several such pictures it is that of the longest name.

    Args:
        pictures: Folder of the pictures.
        masks: Folder of the objects' files.
        examples: The pictures.

    Returns:
        The files of each picture, by the picture's file; and those that are no picture's.
    """
    stems = {
        os.path.splitext(Path(one.path).relative_to(pictures).as_posix())[0]: one.file
        for one in examples
    }
    found: dict[str, list[Path]] = {}
    alone = []
    for path in files_in(masks, MASKS)[0]:
        file = _picture_of(os.path.splitext(path.relative_to(masks).as_posix())[0], stems)
        if file is None:
            alone.append(path)
        else:
            found.setdefault(file, []).append(path)
    return found, alone


def folder_each(
    places: Mapping[Path, Path], examples: Sequence[Example]
) -> tuple[dict[str, list[Path]], list[Path]]:
    """Finds the files of each picture's objects, where each picture has a folder of masks.

    Args:
        places: From the folder of one picture to that of its objects' files.
        examples: The pictures.

    Returns:
        As `object_files` does.
    """
    found, alone = {}, []
    file_of: dict[Path, list[str]] = {}
    for example in examples:
        file_of.setdefault(Path(example.path).parent, []).append(example.file)
    for pictures, masks in places.items():
        paths, files = files_in(masks, MASKS)[0], file_of.get(pictures, [])
        if len(files) == 1 and paths:
            found[files[0]] = paths
        else:
            alone += paths
    return found, alone


def _picture_of(name: str, stems: Mapping[str, str]) -> str | None:
    parts = name.split("/")
    for start in range(len(parts)):
        rest = "/".join(parts[start:])
        ends = [len(rest), *(match.start() for match in re.finditer(r"[^a-zA-Z0-9]", rest))]
        for end in sorted(ends, reverse=True):
            if rest[:end] in stems:
                return stems[rest[:end]]
    return None


def with_object_masks(
    root: Path,
    examples: Sequence[Example],
    looks: Sequence[Look],
    files: Mapping[str, Sequence[Path]],
    alone: Sequence[Path],
    classes: Mapping[str, str] | None,
) -> tuple[list[Example], dict[str, str], list[Finding]]:
    """Gives each picture a mask of all its objects, the smaller on top where they overlap.

    Args:
        root: Folder of the data set.
        examples: The pictures.
        looks: Their headers.
        files: The files of each picture's objects, in which what is not 0 is the object.
        alone: Files that are no picture's.
        classes: From patterns of the files' paths below `root`, or of their ends, to the names
            of classes, as in {"*/nuclei/*": "nucleus", "*_wall.png": "wall"}; None to call all
            of them foreground.

    Returns:
        The examples with their masks; the classes by the masks' ids as text, the background's 0
        first; and what was decided and found.
    """
    classes = {"*": FOREGROUND} if classes is None else classes
    names = list(dict.fromkeys(["background", *classes.values()]))
    masked, findings, unmatched = [], [], {}
    for example, look in zip(examples, looks, strict=True):
        shapes, why, turn = [], None, 1
        own = sorted(files.get(example.file, ()), key=lambda path: natural(str(path)))
        for path in own:
            name = path.relative_to(root).as_posix()
            label = _label(name, classes)
            if label is None:
                unmatched[name] = ""
                continue
            size = look_at_mask(path)[1]
            if size != look.size and size == look.stored:
                turn = look.orientation
            elif size != look.size and all(size) and all(look.size):
                (height, width), (rows, columns) = look.size, size
                text = f"has {width}x{height} pixels, and its mask {name} {columns}x{rows}"
                why = Reason("mask-size", text)
            shapes.append((ObjectFile(str(path), name), names.index(label)))
        if not own:
            why = Reason("missing-mask", "has no mask of an object")
        if why is not None:
            masked.append(replace(example, lacks={**example.lacks, "mask": why}))
            continue
        source = shapes[0][0].name if shapes else "of no object"
        more = f" and {len(shapes) - 1} more" if len(shapes) > 1 else ""
        drawn = DrawnMask(f"{source}{more}", shapes)
        masked.append(replace(example, mask=drawn, mask_orientation=turn))
    count = sum(map(len, files.values()))
    findings.append(
        decision(f"{count:,} masks of one object each, the smaller on top: {', '.join(names)}")
    )
    lonely = {path.relative_to(root).as_posix(): "" for path in alone}
    findings += found_in(lonely, "missing-picture", "masks without a picture", effect="left out")
    said = "masks that no pattern of object_classes matches"
    findings += found_in(unmatched, "other-files", said, effect="left out")
    return masked, {str(number): name for number, name in enumerate(names)}, findings


def _label(name: str, classes: Mapping[str, str]) -> str | None:
    for pattern, label in classes.items():
        if fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name, f"*/{pattern}"):
            return label
    return None
