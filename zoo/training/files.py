"""Writing files so that a reader sees the old content or the new, never a part; and reading them.

Imports no TensorFlow.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from zoo.errors import UserError

T = TypeVar("T")


def write_whole(path: Path, write: Callable[[Path], None], previous: Path | None = None) -> None:
    """Writes a file aside and renames it into place.

    Args:
        path: The file; its folder must exist.
        write: Called with the temporary path, beside ``path`` and of the same suffix.
        previous: Where to, in the same folder, the file goes that is there already; ``None`` to
            replace it.
    """
    aside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(aside)
        with aside.open("rb") as stream:
            os.fsync(stream.fileno())
        if previous is not None and path.exists():
            path.replace(previous)
        aside.replace(path)
        _settle(path.parent)
    except OSError as error:
        # The system names no file where it is a write that failed.
        error.filename = error.filename or str(path)
        raise
    finally:
        aside.unlink(missing_ok=True)


def sweep(path: Path) -> None:
    """Removes what those who died while they wrote a file left beside it.

    Args:
        path: The file; nobody may be writing it.
    """
    for aside in path.parent.glob(f".{path.stem}.*{path.suffix}"):
        if aside.name.removeprefix(f".{path.stem}.").removesuffix(path.suffix).isdigit():
            aside.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """Makes what was renamed in a folder outlast a loss of power."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def write_text(path: Path, text: str) -> None:
    """Writes a text file, whole or not at all."""

    def write(aside: Path) -> None:
        aside.write_text(text, encoding="utf-8")

    write_whole(path, write)


def read_as(path: Path, parse: Callable[[str], T], remedy: str) -> T:
    """Returns what a text file holds.

    Args:
        path: The file.
        parse: Makes it of the text, and refuses text that is none by a ``ValueError`` or
            ``TypeError``.
        remedy: What to do about a file that is damaged, as a clause.

    Raises:
        UserError: If the file is damaged.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}); {remedy}") from error


def json_object(text: str) -> dict[str, Any]:
    """Returns an object of JSON.

    Raises:
        ValueError: If the text is no JSON.
        TypeError: If it is another value than an object.
    """
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError("it holds no object")
    return found
