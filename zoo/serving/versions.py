"""Versions and models as folders show them, and where a version is in its life."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from zoo.serving.status import Code
from zoo.versions import version_number


class State(StrEnum):
    """Where a version is between being found and being gone."""

    START = "START"
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"


@dataclass(frozen=True)
class VersionStatus:
    """What is said of a version.

    Attributes:
        version: Its number.
        state: Where it is.
        code: OK, or why it is at its end.
        message: Likewise.
    """

    version: int
    state: State
    code: Code = Code.OK
    message: str = ""


def aspired(names: Iterable[str], versions: int = 1) -> dict[int, str]:
    """Returns the versions that are wanted of those that are there, newest first.

    Args:
        names: Of the children of a model's folder.
        versions: How many, the ``latest`` policy's ``num_versions``.

    Example:
        >>> aspired([".tmp-7", "6", "010", "v8"])
        {10: '010'}
    """
    found: dict[int, str] = {}
    for name in sorted(names):
        number = version_number(name)
        if number is not None and number >= 0:
            found.setdefault(number, name)
    newest = sorted(found, reverse=True)[:versions]
    return {number: found[number] for number in newest}


class Root(StrEnum):
    """What the folder that is served holds."""

    MODEL = "one model"
    MODELS = "a folder of models"


def what_is(root: Path) -> Root | None:
    """Returns what a folder holds, as far as its children show it; ``None`` if none does.

    A numbered child with the files of a version shows one model. One that is empty or being
    filled shows nothing: models have numbers for names, too.

    Args:
        root: Of the server.

    Raises:
        OSError: If it cannot be listed.
    """
    inside = [(child.name, _inside(child)) for child in children_of(root)]
    for name, (versions, files) in inside:
        if version_number(name) is not None and files and not versions:
            return Root.MODEL
    return Root.MODELS if any(versions for _, (versions, _) in inside) else None


def model_folders(root: Path, kind: Root) -> dict[str, Path]:
    """Returns the folders of the models that are served, by name.

    Args:
        root: Of the server.
        kind: What it holds.

    Raises:
        OSError: If it cannot be listed.
    """
    if kind is Root.MODEL:
        return {root.name: root}
    return {child.name: child for child in children_of(root)}


def children_of(folder: Path) -> list[Path]:
    """Returns the folders in a folder, by name, those aside that are hidden.

    Raises:
        OSError: If it cannot be listed: then nobody knows whether what was there is gone.
    """
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not _hidden(entry.name) and _is_folder(entry)]
    return [folder / name for name in sorted(names)]


def files_of(folder: Path) -> list[tuple[str, int, int]]:
    """Returns what shows that a version's files have changed."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((str(path), stat.st_size, stat.st_mtime_ns))
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # Of a link that cannot be followed now; whoever opens it is told why.
        return True


def _inside(folder: Path) -> tuple[bool, bool]:
    """Returns whether there are versions in a folder, and whether there is anything else."""
    try:
        names = [name for name in os.listdir(folder) if not _hidden(name)]
    except OSError:
        # It shows nothing now.
        return False, False
    numbered = [version_number(name) is not None for name in names]
    return any(numbered), not all(numbered)


def _hidden(name: str) -> bool:
    return name.startswith(".")
