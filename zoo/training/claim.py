"""One process at a time in a run folder, from before it reads the data until it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from zoo.errors import UserError

_NAME = ".claim"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder; the system frees what a dead one claimed.

    Makes the folder, and takes it away again where nothing came into it.

    Args:
        folder: To claim.

    Raises:
        UserError: If a living process has it, or its file system knows no claims.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    with _taken(folder) as claim:
        claim.truncate(0)
        claim.write(f"{os.getpid()}\n")
        claim.flush()
        try:
            yield
        finally:
            with suppress(OSError):
                _leave(folder, made)


def _taken(folder: Path) -> IO[str]:
    path = folder / _NAME
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            # For reading and writing: the claim of another is not to be emptied.
            claim = path.open("a+", encoding="ascii")
        except FileNotFoundError:
            # Whoever had it took the folder away in this moment.
            continue
        try:
            _lock(claim, folder)
            if _is_at(path, claim):
                return claim
        except BaseException:
            claim.close()
            raise
        claim.close()


def _is_at(path: Path, claim: IO[str]) -> bool:
    """Says whether a file is still there: a claim on one taken away keeps nobody out."""
    try:
        return os.path.samestat(path.stat(), os.fstat(claim.fileno()))
    except FileNotFoundError:
        return False


def _lock(claim: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        claim.seek(0)
        number = claim.read().strip()
        who = f"process {number}" if number else "another process"
        raise UserError(
            f"{folder} is in use: {who} trains there; wait for it, stop it, or choose another --run"
        ) from None
    except OSError as error:
        raise UserError(
            f"{folder} cannot be kept from other processes: its file system has no locks "
            f"({error.strerror}); mount it with them (of Lustre: -o flock), or choose another --run"
        ) from error


def _leave(folder: Path, made: list[Path]) -> None:
    """Takes away what held nothing but the claim."""
    if [path.name for path in folder.iterdir()] != [_NAME]:
        return
    (folder / _NAME).unlink()
    for place in made:
        place.rmdir()
