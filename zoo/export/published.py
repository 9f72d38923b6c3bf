"""What is published below a folder, and taking a version back. Imports no TensorFlow."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from zoo.errors import UserError, nearest
from zoo.export.card import read_card
from zoo.export.publish import flush
from zoo.tasks import TASKS
from zoo.versions import DENIED, version_number, versions

T = TypeVar("T")


@dataclass(frozen=True)
class PublishedVersion:
    """A version, and what its card says of it.

    Attributes:
        path: ``savedmodels/NAME/N``.
        state: ``"served"``: the newest, which servers serve; ``"older"``; ``"denied"``: taken
            back; ``"broken"``: there is no SavedModel in it, and servers fail to load it;
            ``"kept"``: below a broken one: a server that runs keeps it, one started now serves
            nothing.
        card: The model card; empty where there is none that can be read.
        size: Of all its files, in bytes.
    """

    path: Path
    state: str
    card: dict[str, Any]
    size: int

    def to_json(self) -> dict[str, Any]:
        """Returns plain values; what the card does not say is ``None``."""
        name, names = self._told("task", str), self._told("class_names", list)
        task, scores = TASKS.get(name or ""), self._told("scores", dict)
        return {
            "name": self.path.parent.name,
            "version": version_number(self.path.name.removesuffix(DENIED)),
            "state": self.state,
            "task": name,
            "classes": None if names is None else len(names),
            "score": (scores or {}).get(task.score) if task else None,
            "scores": scores,
            "bytes": self.size,
            "published": self._told("published", str) or _changed(self.path),
            "precision": self._told("precision", str),
            "tensorflow": (self._told("versions", dict) or {}).get("tensorflow"),
            "path": str(self.path),
        }

    def _told(self, key: str, kind: type[T]) -> T | None:
        # Whoever else writes cards may mean something else by a key.
        value = self.card.get(key)
        return value if isinstance(value, kind) else None


def models(root: Path) -> list[Path]:
    """Lists the folders of the models below a folder by name: those that hold a version.

    Args:
        root: ``savedmodels/``.

    Raises:
        UserError: If there is no such folder.
    """
    if not root.is_dir():
        raise UserError(f"nothing is published: there is no folder {root}; `zoo export` makes it")
    return sorted(path for path in root.iterdir() if path.is_dir() and _loadable(path))


def listed(root: Path) -> list[PublishedVersion]:
    """Lists what is published below a folder: by model, the newest version first.

    Args:
        root: ``savedmodels/``.

    Raises:
        UserError: If there is no such folder.
    """
    found = []
    for model in models(root):
        newest, *older = reversed(versions(model))
        served = is_served(model)
        found.append(_described(newest, "served" if served else "broken"))
        # Servers want the newest alone, and keep what they have until that is loaded.
        states = iter([] if served else ["kept"])
        for path in older:
            state = next(states, "older") if _is_savedmodel(path) else "broken"
            found.append(_described(path, state))
        found += [_described(path, "denied") for path in _denied(model)]
    return found


def is_served(model: Path) -> bool:
    """Returns whether a server can load the newest version of a model, the one that it wants.

    Args:
        model: ``savedmodels/NAME``, with a version.
    """
    return _is_savedmodel(versions(model)[-1])


def check_place(destination: Path) -> None:
    """Checks that versions may be published to a folder.

    Servers take a folder with a version in it for one model, and find no other in it.

    Args:
        destination: ``savedmodels/NAME``; need not exist.

    Raises:
        UserError: If there are models in it.
    """
    if destination.is_dir() and (found := models(destination)):
        raise UserError(
            f"{destination} holds models, such as {found[0].name}, which a version beside them "
            f"would hide from servers; publish to {destination / 'NAME'}"
        )


def roll_back(model: Path) -> tuple[Path, Path]:
    """Takes back the newest version of a model: servers go back to the one before.

    It is renamed to ``N.denied``, whose name is no number. A server notices within its time
    between polls, and needs no restart.

    Args:
        model: ``savedmodels/NAME``.

    Returns:
        The folder as it is called now, and the version that servers serve from now on.

    Raises:
        UserError: If there is no such model, no version that would serve in its place, or two
            folders are of the newest number.
    """
    found = versions(model)
    if not found:
        others = [path.name for path in models(model.parent)] if model.parent.is_dir() else []
        raise UserError(f"no version is published in {model}{nearest(model.name, others)}")
    *older, newest = found
    if not older:
        raise UserError(
            f"{newest} is the last version of {model.name}: without it servers would serve "
            "nothing; publish another first"
        )
    before = older[-1]
    if version_number(before.name) == version_number(newest.name):
        raise UserError(
            f"{before} and {newest} are one version to servers, which take either; remove the "
            "wrong one"
        )
    if not _is_savedmodel(before):
        raise UserError(
            f"{before}, which would serve in place of {newest}, holds no SavedModel; remove it"
        )
    denied = newest.with_name(f"{newest.name}{DENIED}")
    if denied.exists():
        raise UserError(f"{denied} is there already; move it away")
    newest.rename(denied)
    flush(model)
    return denied, before


def _loadable(model: Path) -> bool:
    return any(_is_savedmodel(path) for path in versions(model))


def _is_savedmodel(version: Path) -> bool:
    return (version / "saved_model.pb").is_file()


def _denied(model: Path) -> list[Path]:
    numbered = [
        (number, path)
        for path in model.iterdir()
        if path.name.endswith(DENIED)
        and (number := version_number(path.name.removesuffix(DENIED))) is not None
    ]
    return [path for _, path in sorted(numbered, reverse=True)]


def _described(version: Path, state: str) -> PublishedVersion:
    try:
        card = read_card(version)
    except UserError:
        # Somebody else's, or from before there were cards: it is published all the same.
        card = {}
    size = sum(path.lstat().st_size for path in version.rglob("*") if path.is_file())
    return PublishedVersion(version, state, card, size)


def _changed(path: Path) -> str:
    return datetime.fromtimestamp(os.stat(path).st_mtime, UTC).isoformat(timespec="seconds")
