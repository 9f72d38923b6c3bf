"""Versions and models as folders show them, and where a version is in its life."""

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


def model_folders(root: Path) -> dict[str, Path]:
    """Returns the models of a folder: itself, if its children are versions, or its children."""
    children = children_of(root)
    for child in children:
        # A folder named 10 that holds versions is a model of that name.
        if version_number(child.name) is not None and not _versions_in(child):
            return {root.name: root}
    return {child.name: child for child in children if not child.name.startswith(".")}


def children_of(folder: Path) -> list[Path]:
    """Returns the folders in a folder, by name; none of one that is gone."""
    try:
        return sorted(child for child in folder.iterdir() if child.is_dir())
    except OSError:
        # Gone, or renamed, while it was looked at: as if it had been gone before.
        return []


def _versions_in(folder: Path) -> bool:
    return any(version_number(child.name) is not None for child in children_of(folder))
