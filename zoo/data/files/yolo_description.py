"""What a YOLO set's `data.yaml` says: names of the classes, and where the splits are."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from zoo.data.files.names import parts_to_drop, said_of_parts, without
from zoo.data.files.pictures import PICTURES, files_in
from zoo.data.findings import Finding, decision, found_in
from zoo.errors import UserError

_KEYS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}
# More classes without names are a slip of the file's.
_MOST_NUMBERED = 100_000
_NAME_FILES = ("classes.txt", "obj.names", "labels/classes.txt", "images/classes.txt")


@dataclass
class Description:
    """Where a set's pictures are and what its classes are called.

    Attributes:
        root: Folder that their paths are told from; some may lie outside of it.
        source: Where the names stand, for messages.
        names: Of each class by its number; empty where there are none.
        pictures: The paths of each split's pictures, in natural order, each the root and what
            follows it, `..` included; empty where nothing says what they are.
        findings: What was decided and found.
        key_points: How many numbers of key points follow the box in each line of the labels.
    """

    root: Path
    source: str = ""
    names: Mapping[int, str] = field(default_factory=dict)
    pictures: dict[str, list[Path]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    key_points: int = 0


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
    description.key_points = _key_points(path, content)
    if description.key_points:
        said = f"{path.name} says kpt_shape: of each object the box is taken, no key point"
        description.findings.append(decision(said))
    root = description.root
    dropped = _foreign_parts(path, root, _paths(path, content, "train"))
    if dropped:
        description.findings.append(said_of_parts(path.name, dropped))
    places: dict[str, list[Path]] = {}
    for key, split in _KEYS.items():
        for text in _paths(path, content, key):
            place = _place(path, root, text) or _place_below(path, root, text, dropped)
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
        text = path.read_text(encoding="utf-8-sig")
        content = yaml.safe_load(text)
        if isinstance(content, dict) and content.get("names"):
            # By YAML 1.1 the names "no" and "1.10" are false and 1.1.
            texts = yaml.load(text, yaml.BaseLoader)
            content["names"] = texts.get("names", content["names"])
    except RecursionError as error:
        raise UserError(f"{path} is no YAML that can be read (too deep); repair it") from error
    # Damaged text makes the parser raise whatever Python does of its parts.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} is no YAML that can be read ({reason}); repair it") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} does not describe a YOLO set; it has to hold names: and train:")
    return {key: value for key, value in content.items() if isinstance(key, str)}


def _paths(path: Path, content: Mapping[str, Any], key: str) -> list[str]:
    given = content.get(key)
    several = given if isinstance(given, list) else [] if given is None else [given]
    for one in several:
        if not isinstance(one, str):
            raise UserError(
                f"{path} has {one!r} as {key}, which is no path; write one, in quotes if it looks "
                'like a number or a date, as in "2017"'
            )
    return several


def _root(path: Path, content: Mapping[str, Any]) -> Path:
    given = (_paths(path, content, "path") or ["."])[0]
    places = [path.parent / os.path.expanduser(given), path.parent]
    return next(place for place in places if os.path.isdir(place)).resolve()


def _names(path: Path, content: Mapping[str, Any]) -> dict[int, str]:
    names = content.get("names")
    by_number = dict(enumerate(names)) if isinstance(names, list) else names
    if isinstance(by_number, dict) and all(_number(key) is not None for key in by_number):
        for number, name in by_number.items():
            if name in (None, "") or isinstance(name, (list, dict)):
                raise UserError(
                    f"{path} has {name!r} as the name of class {number}; write a word, as in "
                    "names: [cat, dog]"
                )
        return {_number(key) or 0: str(name) for key, name in by_number.items()}
    count = _number(content.get("nc"))
    if names is None and count:
        return {number: str(number) for number in range(count)}
    raise UserError(
        f"{path} has no names of classes; write them as names: [cat, dog], or number by number"
    )


def _key_points(path: Path, content: Mapping[str, Any]) -> int:
    """Returns how many numbers say the key points of an object; 0 where it has none."""
    given = content.get("kpt_shape")
    if given is None:
        return 0
    counts = [_number(one) or 0 for one in given] if isinstance(given, list) else []
    if len(counts) != 2 or not all(counts):
        raise UserError(
            f"{path} has {given!r} as kpt_shape; write the number of key points and of the numbers "
            "of each, as in kpt_shape: [17, 3]"
        )
    return math.prod(counts)


def _number(given: Any) -> int | None:
    """Returns the number of a class, or of all of them; None where it is none."""
    if isinstance(given, str) and given.isdecimal() and len(given) <= len(str(_MOST_NUMBERED)):
        given = int(given)
    return given if isinstance(given, int) and 0 <= given <= _MOST_NUMBERED else None


def _place(path: Path, root: Path, text: str) -> Path | None:
    plain = Path(text.replace("\\", "/"))
    # Roboflow writes "../train/images" of folders that lie beside the file.
    parts = [part for part in plain.parts if part != ".."]
    places = [root / plain, path.parent / plain, path.parent.joinpath(*parts)]
    return next((place.resolve() for place in places if os.path.exists(place)), None)


def _place_below(path: Path, root: Path, text: str, dropped: int) -> Path | None:
    """Looks for a place by what is left of its path, where parts of it are dropped."""
    below = without(_plain(text), dropped) if dropped else ""
    return _place(path, root, below) if below else None


def _foreign_parts(path: Path, root: Path, texts: Sequence[str]) -> int:
    """Returns how many parts of paths are of another machine, where none of them is here."""
    if any(_place(path, root, text) for text in texts):
        return 0
    return parts_to_drop(list(map(_plain, texts)), lambda text: text and _place(path, root, text))


def _plain(text: str) -> str:
    return "/".join(part for part in re.split(r"[\\/]", text) if part not in ("", ".", ".."))


def _pictures(place: Path, description: Description) -> list[Path]:
    root = description.root
    if place.is_dir():
        return _told_from(root, files_in(place, PICTURES)[0])
    lines = place.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    names = [line.strip().replace("\\", "/") for line in lines if line.strip()]

    def find(name: str) -> Path | None:
        # Relative to the list's folder if it begins with a dot, else to the set's.
        either = (place.parent / name, root / name)
        return next((one for one in either if os.path.isfile(one)), None)

    dropped = parts_to_drop(names, find)
    if dropped:
        description.findings.append(said_of_parts(place.name, dropped))
    found = {name: find(without(name, dropped)) for name in names}
    gone = {name: "" for name, picture in found.items() if picture is None}
    description.findings += found_in(
        gone, "missing-picture", f"listed in {place.name} and not there", effect="left out"
    )
    return _told_from(root, [picture for picture in found.values() if picture is not None])


def _told_from(root: Path, pictures: Sequence[Path]) -> list[Path]:
    """Writes where pictures are as `root` and what follows it, so that one has one path.

    A link to a picture stays as it is: its labels lie where the link says, not beside what it
    leads to.

    Args:
        root: Resolved, so that `..` behind it leads to where it seems to lead.
        pictures: By their absolute paths.
    """
    folders: dict[Path, Path] = {}
    for folder in dict.fromkeys(picture.parent for picture in pictures):
        written = _without_dots(folder)
        tops = (top for top in (written, *written.parents) if top.resolve() == root)
        # As where a home is a link: the set's own folder by another name.
        top = next(tops, None)
        below = os.path.relpath(written, root) if top is None else written.relative_to(top)
        folders[folder] = root / below
    return [folders[picture.parent] / picture.name for picture in pictures]


def _without_dots(folder: Path) -> Path:
    """Resolves a path as far as its last `..`, before which links count."""
    parts = folder.parts
    last = max((at for at, part in enumerate(parts) if part == ".."), default=-1) + 1
    return Path(*parts[:last]).resolve().joinpath(*parts[last:]) if last else folder
