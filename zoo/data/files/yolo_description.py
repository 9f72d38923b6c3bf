"""What a YOLO set's `data.yaml` says: names of the classes, and where the splits are."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from zoo.data.files.pictures import PICTURES, files_in
from zoo.data.findings import Finding, decision, found_in
from zoo.errors import UserError

_KEYS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}
_NAME_FILES = ("classes.txt", "obj.names", "labels/classes.txt", "images/classes.txt")


@dataclass
class Description:
    """Where a set's pictures are and what its classes are called.

    Attributes:
        root: Folder that holds all of them.
        source: Where the names stand, for messages.
        names: Of each class by its number; empty where there are none.
        pictures: The paths of each split's pictures, in natural order; empty where nothing says
            what they are.
        findings: What was decided and found.
    """

    root: Path
    source: str = ""
    names: Mapping[int, str] = field(default_factory=dict)
    pictures: dict[str, list[Path]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def find_description(folder: Path) -> Path | None:
    """Returns the one YAML file in a folder that describes a YOLO set, `data.yaml` first."""
    found = sorted(
        (path for path in folder.iterdir() if path.suffix.lower() in (".yaml", ".yml")),
        key=lambda path: (path.stem.lower() != "data", path.name),
    )
    return next((path for path in found if is_description(path)), None)


def is_description(path: Path) -> bool:
    """Says whether a YAML file names classes and pictures to train on."""
    try:
        content = _load(path)
    except UserError:
        return False
    return {"names", "train"} <= content.keys() or {"nc", "train"} <= content.keys()


def describe(path: Path) -> Description:
    """Reads a `data.yaml`.

    Args:
        path: Of the file.

    Raises:
        UserError: If it is no such file, or what it names to train on is not there.
    """
    content = _load(path)
    description = Description(_root(path, content), path.name, _names(path, content))
    places: dict[str, list[Path]] = {}
    for key, split in _KEYS.items():
        given = content.get(key)
        for text in [given] if isinstance(given, str) else given or ():
            place = _place(path, description.root, str(text))
            if place is not None:
                places.setdefault(split, []).append(place)
                continue
            if split == "train":
                raise UserError(f"{path} names {text!r} as train, which is not there; put it there")
            said = decision(f"{path.name} names {text!r} as {split}, which is not there")
            description.findings.append(said)
    if "train" not in places:
        raise UserError(f"{path} does not say which pictures to train on; add train: FOLDER")
    for split in ("validation", "test"):
        if places.get(split) == places["train"]:
            del places[split]
            said = decision(f"{path.name} names the same as train and as {split}: it is train")
            description.findings.append(said)
    everything = [place for some in places.values() for place in some]
    top = os.path.commonpath([description.root, *(place.parent for place in everything)])
    description.root = Path(top)
    for split, some in places.items():
        found = [picture for place in some for picture in _pictures(place, description)]
        description.pictures[split] = list(dict.fromkeys(found))
    return description


def named_classes(root: Path) -> tuple[str, dict[int, str]]:
    """Returns the file of classes' names, a name a line, of a set without `data.yaml`.

    Args:
        root: Folder of the data set.

    Returns:
        The file's name, and the names; both empty where there is none.
    """
    for name in _NAME_FILES:
        if (root / name).is_file():
            text = (root / name).read_text(encoding="utf-8-sig", errors="replace")
            names = [line.strip() for line in text.splitlines() if line.strip()]
            return name, dict(enumerate(names))
    return "", {}


def _load(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} is no YAML that can be read ({reason}); repair it") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} does not describe a YOLO set; it has to hold names: and train:")
    return {str(key): value for key, value in content.items()}


def _root(path: Path, content: Mapping[str, Any]) -> Path:
    given = Path(str(content.get("path") or ".")).expanduser()
    places = [path.parent / given, path.parent]
    return next(place for place in places if place.is_dir()).resolve()


def _names(path: Path, content: Mapping[str, Any]) -> dict[int, str]:
    names = content.get("names")
    if isinstance(names, Sequence) and not isinstance(names, str):
        return {number: str(name) for number, name in enumerate(names)}
    if isinstance(names, Mapping) and all(str(key).isdecimal() for key in names):
        return {int(key): str(name) for key, name in names.items()}
    if names is None and str(content.get("nc", "")).isdecimal():
        return {number: str(number) for number in range(int(content["nc"]))}
    raise UserError(
        f"{path} has no names of classes; write them as names: [cat, dog], or number by number"
    )


def _place(path: Path, root: Path, text: str) -> Path | None:
    plain = Path(text.replace("\\", "/"))
    # Roboflow writes "../train/images" of folders that lie beside the file.
    parts = [part for part in plain.parts if part != ".."]
    places = [root / plain, path.parent / plain, path.parent.joinpath(*parts)]
    return next((place.resolve() for place in places if place.exists()), None)


def _pictures(place: Path, description: Description) -> list[Path]:
    if place.is_dir():
        return files_in(place, PICTURES)[0]
    found, gone = [], {}
    for line in place.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        name = line.strip().replace("\\", "/")
        if not name:
            continue
        # Relative to the list's folder if it begins with a dot, else to the set's.
        either = [place.parent / name, description.root / name]
        picture = next((one for one in either if one.is_file()), None)
        if picture is None:
            gone[name] = ""
            continue
        found.append(picture.resolve())
    description.findings += found_in(
        gone, "missing-picture", f"listed in {place.name} and not there", effect="left out"
    )
    return found
