"""The last step of publishing: a folder filled aside becomes a version, whole or not at all.

A server takes any folder whose name is a number, at once and without looking whether it is
complete. So everything is written below a name that is no number, on the same file system,
flushed to the disk, and renamed. Nothing here imports TensorFlow.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from zoo.errors import PLACE_FAULTS, UserError
from zoo.versions import LARGEST, last_number

STAGED = ".tmp-"

_OLD = ".old-"

# What a rename says to whose target something is there already.
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}

T = TypeVar("T")


def publish(
    destination: Path, fill: Callable[[Path], T], version: int | None = None
) -> tuple[Path, T]:
    """Publishes what ``fill`` writes as a version below ``destination``.

    Killed at any moment it leaves no version or a whole one; what else it leaves, the next
    publishing removes. Several processes may publish to one place.

    Args:
        destination: ``savedmodels/NAME``; made if it is not there.
        fill: Called with a new, empty folder beside the versions; writes and verifies.
            What it raises leaves nothing published.
        version: The number; by default the next one.

    Returns:
        ``destination/N`` and what ``fill`` returned.

    Raises:
        UserError: If the place cannot be written to, or the version cannot be had.

    Example:
        >>> publish(Path("savedmodels/pets"), lambda folder: copy_model_to(folder))[0]
        PosixPath('savedmodels/pets/1')
    """
    with _staged(destination) as staged:
        check_version(destination, version)
        made = fill(staged)
        _sync(staged)
        return _rename(staged, destination, version), made


def replace(target: Path, fill: Callable[[Path], T]) -> T:
    """Publishes what ``fill`` writes as a folder, in place of what was published there before.

    What was there stays until the new one is whole and on the disk. Killed between the two
    renames that remain, nothing is there, never a part; the next publishing beside it puts back
    what was.

    Args:
        target: The folder; that around it is made if it is not there.
        fill: Called with a new, empty folder beside it; writes and verifies. What it raises
            leaves everything as it was.

    Returns:
        What ``fill`` returned.

    Raises:
        UserError: If the place cannot be written to.

    Example:
        >>> replace(Path("runs/pets/exported/onnx"), lambda folder: write_model_to(folder))
    """
    with _staged(target.parent) as staged:
        made = fill(staged)
        _sync(staged)
        # Named so that whoever finds it knows where it belongs.
        old = Path(f"{staged}{_OLD}{target.name}")
        while True:
            with contextlib.suppress(FileNotFoundError):
                target.rename(old)
            try:
                staged.rename(target)
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
                # Another process was quicker, and the later one stays.
                shutil.rmtree(old, ignore_errors=True)
                continue
            flush(target.parent)
            return made


@contextmanager
def _staged(destination: Path) -> Iterator[Path]:
    """Makes a folder below a destination to fill, and removes what is left of it."""
    try:
        _make(destination)
        with _alive(destination):
            staged = destination / f"{STAGED}{uuid.uuid4().hex[:12]}"
            try:
                staged.mkdir()
                yield staged
            finally:
                for left in destination.glob(f"{staged.name}*"):
                    _clear(left)
    except OSError as error:
        if error.errno not in PLACE_FAULTS:
            raise
        raise UserError(f"cannot publish to {destination}: {_reason(error)}") from error


def check_version(destination: Path, version: int | None) -> None:
    """Checks that a number can be published.

    Args:
        destination: ``savedmodels/NAME``.
        version: ``None`` for the next one.

    Raises:
        UserError: If the number is none, too large, or not larger than all before it: one
            that was given before a server may have loaded, and would not load again; a
            smaller one it would not serve.
    """
    last = last_number(destination)
    if version is None:
        version = last + 1
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise UserError(f"version {version!r} is no positive integer, and servers read no other")
    if version > LARGEST:
        raise UserError(
            f"version {version} is larger than {LARGEST}, the largest that servers read; publish "
            "to another folder"
        )
    if version <= last:
        raise UserError(
            f"version {version} cannot be published to {destination}: {last} was given already, "
            f"and servers take larger numbers only; leave the number out for {last + 1}"
        )


def _make(destination: Path) -> None:
    for place in (destination, *destination.parents):
        # A link to nowhere is there, and is no folder.
        if place.is_symlink() or place.exists():
            if not place.is_dir():
                what = "a link to nothing" if place.is_symlink() else "a file"
                raise UserError(
                    f"cannot publish to {destination}: {place} is {what}; remove it, or choose "
                    "another folder"
                )
            break
    destination.mkdir(parents=True, exist_ok=True)


@contextmanager
def _alive(destination: Path) -> Iterator[None]:
    """Shows others that somebody publishes here, and removes what the dead have left.

    All who publish share a lock on the folder, which the system takes from the dead: who gets
    it alone knows that every staged folder is a dead one's.
    """
    descriptor = os.open(destination, os.O_RDONLY)
    try:
        if _locked(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
            for left in destination.glob(f"{STAGED}*"):
                if left.is_dir() and not left.is_symlink():
                    _clear(left)
        _locked(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _clear(left: Path) -> None:
    """Removes what a publishing has left, or puts it back where nothing has taken its place."""
    name = left.name.partition(_OLD)[2]
    if name and not os.path.lexists(left.with_name(name)):
        left.rename(left.with_name(name))
    else:
        shutil.rmtree(left, ignore_errors=True)


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        # Held by others; or a file system without locks, where nobody's life is known.
        return False
    return True


def _sync(folder: Path) -> None:
    # The rename may reach the disk before the files do; a server would load a torn version.
    for path in [*folder.rglob("*"), folder]:
        flush(path)


def flush(path: Path) -> None:
    """Waits until a file, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename(staged: Path, destination: Path, version: int | None) -> Path:
    while True:
        # Again, since others may have published meanwhile.
        check_version(destination, version)
        target = destination / str(version or last_number(destination) + 1)
        try:
            # Linux' rename replaces an empty folder and refuses a full one: a version
            # that another process has published meanwhile is never touched.
            staged.rename(target)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            continue
        flush(destination)
        return target


def _reason(error: OSError) -> str:
    # h5py has its own words around the system's.
    return os.strerror(error.errno) if error.errno else str(error)
