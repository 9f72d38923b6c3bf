"""Going through folders, and saying in a sentence which of them cannot be read."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.data.places import hidden
from zoo.errors import UserError


def walk(
    folder: Path,
    unread: Callable[[OSError], None] | None = None,
    passed_over: Callable[[str], bool] = hidden,
) -> Iterator[tuple[str, list[str]]]:
    """Goes through a folder and those below it, each once, and links to folders as well.

    Args:
        folder: Where to begin.
        unread: Told of a folder that cannot be read, which is then passed over.
        passed_over: Says by its name whether a folder below is not gone through.

    Yields:
        Each folder, and the names of the files in it, hidden ones included.

    Raises:
        UserError: If a folder cannot be read, and nobody is to be told.
    """
    been: set[str] = set()
    for place, folders, names in os.walk(folder, onerror=unread or _refuse, followlinks=True):
        real = os.path.realpath(place)
        if real in been:
            folders.clear()
            continue
        been.add(real)
        folders[:] = sorted(name for name in folders if not passed_over(name))
        yield place, names


def _refuse(error: OSError) -> None:
    what = "folder" if os.path.isdir(error.filename) else "file"
    raise UserError(
        f"the {what} {error.filename} cannot be read ({error.strerror}), so that it is not "
        "known what it holds: permit reading it, or move it out of the data set"
    ) from error


@contextmanager
def readable() -> Iterator[None]:
    """Ends with a sentence whatever looks into a folder or file that may not be read.

    Raises:
        UserError: In place of the system's error.
    """
    try:
        yield
    except PermissionError as error:
        place = error.filename or ""
        # Other errors are of writing.
        if os.path.isdir(place) or (os.path.exists(place) and not os.access(place, os.R_OK)):
            _refuse(error)
        raise
