"""Converted pictures on disk: an ArrayRecord and what is known of each record.

A store is a folder named for its key. It is written aside, synced and renamed into place, so
that it is whole or not there at all, whenever the process is killed; one process writes at a
time.
"""

import contextlib
import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from zoo.errors import UserError

_RECORDS = "pictures.array_record"
_MANIFEST = "manifest.json"
_ASIDE = ".tmp-"
_LOCK = ".lock"


@dataclass(frozen=True)
class Entry:
    """What is known of a converted picture.

    Attributes:
        file: Its path below the data set's folder.
        channels: Of the pixels; 0 where it could not be read.
        stored: The type of its samples, for people: "16 bits".
        deep: Whether it had more than the 256 steps that are left of it.
        range: What became 0 and what 255.
        extremes: Its least and greatest sample.
        remarks: What was chosen in reading it.
        reason: Why it could not be read, as the end of a sentence; empty where it was.
    """

    file: str
    channels: int = 0
    stored: str = ""
    deep: bool = False
    range: tuple[float, float] = (0.0, 0.0)
    extremes: tuple[float, float] = (0.0, 0.0)
    remarks: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Store:
    """A finished store.

    Attributes:
        entries: One a record, in order.
        records: The ArrayRecord.
    """

    entries: tuple[Entry, ...]
    records: Path


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lets one process at a time write stores into a folder; the others wait here.

    Raises:
        UserError: If the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("w")
    except OSError as error:
        raise UserError(
            f"cannot write to {folder} ({error.strerror}), where converted pictures are kept; "
            "run where there is a folder of yours"
        ) from error
    with lock:
        # Held by the process, not by the file: if it is killed, the next one goes on.
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def find_store(folder: Path, key: str) -> Store | None:
    """Returns the store of a key, if it is there and whole."""
    place = folder / key
    try:
        manifest = json.loads((place / _MANIFEST).read_text(encoding="utf-8"))
        entries = tuple(_entry(values) for values in manifest["entries"])
        whole = (place / _RECORDS).stat().st_size == manifest["bytes"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Store(entries, place / _RECORDS) if whole else None


def _entry(values: dict) -> Entry:
    for name in ("range", "extremes", "remarks"):
        values[name] = tuple(values[name])
    return Entry(**values)


def write_store(
    folder: Path,
    key: str,
    records: Iterable[tuple[bytes, Entry]],
    progress: Callable[[], None] = lambda: None,
) -> Store:
    """Writes a store; to be called under `locked`.

    Args:
        folder: Of all stores.
        key: Of this one.
        records: Each record's bytes, with what is known of it.
        progress: Called after each record.

    Raises:
        UserError: If the disk is full or refuses; nothing is left of what was written.
    """
    from array_record.python.array_record_module import ArrayRecordWriter

    # Nobody else writes here now: what stands aside was left by a process that was killed.
    for stale in folder.glob(f"{_ASIDE}*"):
        shutil.rmtree(stale, ignore_errors=True)
    aside = folder / f"{_ASIDE}{uuid.uuid4().hex[:12]}"
    try:
        aside.mkdir()
        # Of groups of one, as they are read one by one; PNGs do not compress any further.
        writer = ArrayRecordWriter(str(aside / _RECORDS), "group_size:1,zstd:1")
        entries = []
        try:
            for data, entry in records:
                writer.write(data)
                entries.append(entry)
                progress()
        finally:
            writer.close()
        size = (aside / _RECORDS).stat().st_size
        text = json.dumps({"bytes": size, "entries": [asdict(entry) for entry in entries]})
        (aside / _MANIFEST).write_text(text, encoding="utf-8")
        for path in (aside / _RECORDS, aside / _MANIFEST, aside):
            _sync(path)
        place = folder / key
        shutil.rmtree(place, ignore_errors=True)
        aside.rename(place)
        _sync(folder)
    except (OSError, RuntimeError) as error:
        # Riegeli's errors come as RuntimeError: "write() failed: No space left on device; ...".
        reason = getattr(error, "strerror", None) or str(error).partition(";")[0]
        raise UserError(
            f"the pictures that have to be converted cannot be written to {folder} "
            f"({reason.removeprefix('write() failed: ')}); make room there, or run elsewhere"
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Store(tuple(entries), place / _RECORDS)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
