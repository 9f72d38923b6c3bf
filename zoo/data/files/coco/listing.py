"""Reading COCO's JSON files: the lists images, annotations and categories."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from zoo.data.files.pictures import files_in
from zoo.data.findings import Finding
from zoo.errors import UserError, nearest

_LISTS = ("images", "annotations", "categories")
# One of the lists begins near the start of any such file, however long they are.
_HEAD = 65_536
# Pixels that no format's picture is longer than: more is no size.
_LONGEST = 2**32 - 1
_BEGINS = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')


class Mark(NamedTuple):
    """An object as it stands in the file.

    Attributes:
        number: Its id there; where that is no number, or another's, its place, from 1.
        name: Of its category; None where that is not among the categories.
        category: The id of its category, as written.
        crowd: Whether it is many objects, marked as one region.
        box: As written: x, y, width, height.
        segmentation: As written: polygons or run lengths.
    """

    number: int
    name: str | None
    category: Any
    crowd: bool
    box: Any
    segmentation: Any

    def __str__(self) -> str:
        return f"object {self.number}" + (f" ({self.name})" if self.name is not None else "")


@dataclass
class Listed:
    """A picture in the file.

    Attributes:
        file: Its file's name, as written.
        size: Height and width in pixels, where the file says so.
        marks: Its objects.
    """

    file: str
    size: tuple[int, int] | None
    marks: list[Mark] = field(default_factory=list)


@dataclass
class Listing:
    """What a file holds.

    Attributes:
        source: Its path below the data set's folder.
        names: Of the categories that an object has, by their ids.
        unused: Of those that none has.
        pictures: In its order.
        findings: What is wrong with it.
    """

    source: str
    names: Sequence[str]
    unused: Sequence[str]
    pictures: Sequence[Listed]
    findings: list[Finding]


def is_listing(path: Path) -> bool:
    """Says whether a file looks like one of COCO's, by its first 64 KiB."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and bool(_BEGINS.search(head))


def find_listings(
    root: Path, given: str | Sequence[str] | None
) -> tuple[list[Path], list[Finding]]:
    """Finds the JSON files of a data set.

    Args:
        root: Its folder.
        given: Their paths below it; None for all that look like COCO's. Among these
            `instances_*.json`, where there are such, are taken alone: COCO publishes its
            captions and key points beside them.

    Returns:
        The files, and which were passed over.

    Raises:
        UserError: If there is none.
    """
    if given is not None:
        names = [given] if isinstance(given, str) else list(given)
        paths = [root / name for name in names]
        for name, path in zip(names, paths, strict=True):
            if not os.path.isfile(path):
                known = [_below(root, one) for one in files_in(root, {".json"})[0]]
                raise UserError(f"{root} has no file {name!r}{nearest(name, known)}")
        return paths, []
    found = [path for path in files_in(root, {".json"})[0] if is_listing(path)]
    if not found:
        raise UserError(
            f"{root} has no JSON file that begins as COCO's do, with the lists "
            f"{', '.join(_LISTS)}; name it in data.options.annotations"
        )
    chosen = [path for path in found if path.name.startswith("instances")] or found
    over = [_below(root, path) for path in found if path not in chosen]
    text = f"passed over, beside {_below(root, chosen[0])}: {', '.join(over)}"
    return chosen, [Finding("other-files", "", text)] if over else []


def read_listing(root: Path, path: Path) -> Listing:
    """Reads a JSON file.

    Args:
        root: Folder of the data set.
        path: The file.

    Raises:
        UserError: If it is no JSON, or has not the three lists.
    """
    source = _below(root, path)
    try:
        content = json.loads(path.read_bytes(), object_hook=_compact)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no whole JSON ({error}); export it again") from error
    lists = {}
    for name in _LISTS:
        lists[name] = content.get(name) if isinstance(content, dict) else None
        if not isinstance(lists[name], list):
            raise UserError(
                f"{path} has no list {name!r}, as COCO's files of objects have; export it again, "
                "or name another in data.options.annotations"
            )
    findings: list[Finding] = []
    names = _names(lists["categories"])
    pictures = _pictures(source, lists["images"], findings)
    used = _fill(source, lists["annotations"], names, pictures, findings)
    return Listing(
        source=source,
        names=tuple(dict.fromkeys(name for name in names.values() if name in used)),
        unused=tuple(dict.fromkeys(name for name in names.values() if name not in used)),
        pictures=list({id(one): one for one in pictures.values()}.values()),
        findings=findings,
    )


def _compact(entry: dict[str, Any]) -> dict[str, Any]:
    """Holds the numbers of shapes as arrays: as lists they take four times the memory."""
    parts = entry.get("segmentation")
    if isinstance(parts, list):
        entry["segmentation"] = [_array(part, float, int) for part in parts]
    if isinstance(entry.get("counts"), list):
        entry["counts"] = _array(entry["counts"], int)
    return entry


def _array(numbers: Any, *types: type) -> Any:
    """Returns a list of numbers of some types, the widest first, as an array of that.

    Anything else is returned as it is: what is wrong with it is said later.
    """
    import numpy as np

    if not isinstance(numbers, list) or not set(map(type, numbers)) <= set(types):
        return numbers
    try:
        return np.array(numbers, types[0])
    except OverflowError:
        return numbers


def _names(categories: Sequence[Any]) -> dict[str, str]:
    """Returns each category's name by its id as text, in the order of the ids."""
    entries = [entry for entry in categories if isinstance(entry, dict) and "id" in entry]
    entries.sort(key=lambda entry: _order(entry["id"]))
    return {
        str(entry["id"]): str(entry.get("name") or "").strip() or str(entry["id"])
        for entry in entries
    }


def _order(number: Any) -> tuple[bool, float, str]:
    is_number = isinstance(number, int | float)
    return not is_number, number if is_number else 0, str(number)


def _pictures(source: str, images: Sequence[Any], findings: list[Finding]) -> dict[str, Listed]:
    """Returns the pictures by their ids as text; an id that two have is the first's."""
    found: dict[str, Listed] = {}
    files: dict[str, Listed] = {}
    for place, entry in enumerate(images, 1):
        entry = entry if isinstance(entry, dict) else {}
        number, file = entry.get("id"), entry.get("file_name")
        what = f"image {number if number is not None else f'number {place}'}"
        if number is None or not isinstance(file, str) or not file.strip():
            why = f"{what} has no {'file_name' if number is not None else 'id'}"
            findings.append(_left_out("unreadable-annotation", source, why))
            continue
        if str(number) in found:
            why = f"{what} ({file}) has the id of {found[str(number)].file}"
            findings.append(_left_out("ambiguous-annotation", source, why))
            continue
        if file in files:
            # Its objects are annotated of the same picture all the same.
            why = f"{source}: {file} is listed twice, taken as one"
            findings.append(Finding("ambiguous-annotation", file, why, "mended"))
        else:
            files[file] = Listed(file, _size(entry))
        found[str(number)] = files[file]
    return found


def _size(entry: Mapping[str, Any]) -> tuple[int, int] | None:
    sides = [entry.get("height"), entry.get("width")]
    try:
        height, width = (int(side) for side in sides if side is not None)
    except (TypeError, ValueError, OverflowError):
        return None
    return (height, width) if 0 < height <= _LONGEST and 0 < width <= _LONGEST else None


def _fill(
    source: str,
    annotations: Sequence[Any],
    names: Mapping[str, str],
    pictures: Mapping[str, Listed],
    findings: list[Finding],
) -> set[str]:
    """Gives each picture its objects; returns the names of the categories that one has."""
    used = set()
    numbers: set[int] = set()
    alone = "annotations left out, of an image that is not listed"
    for place, entry in enumerate(annotations, 1):
        if not isinstance(entry, dict):
            why = f"entry {place} of its annotations is none"
            findings.append(_left_out("unreadable-annotation", source, why))
            continue
        own = entry.get("id")
        number = own if isinstance(own, int) and own not in numbers else place
        # Examples of one object each are told apart by it.
        while number in numbers:
            number += 1
        numbers.add(number)
        picture = pictures.get(str(entry.get("image_id")))
        if picture is None:
            detail = f"object {number}, image {entry.get('image_id')}"
            text = f"{alone}: {source} ({detail})"
            kind = "missing-picture"
            findings.append(Finding(kind, source, text, "left out", alone, detail))
            continue
        category = entry.get("category_id")
        name = names.get(str(category))
        crowd = entry.get("iscrowd") in (1, True, "1")
        box, segmentation = entry.get("bbox"), entry.get("segmentation")
        picture.marks.append(Mark(number, name, category, crowd, box, segmentation))
        used.add(name)
    return used


def _left_out(kind: str, source: str, why: str) -> Finding:
    return Finding(kind, source, f"left out of {source}: {why}", "left out")


def _below(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
