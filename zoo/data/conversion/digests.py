"""Fingerprints of files' contents, remembered as long as a file looks untouched."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_MEMORY = "digests.json"
_BLOCK = 2**20
# A file changed within the clock's step looks untouched: one written this lately is read again.
_SETTLED_NS = 2 * 10**9


def digests_of(
    paths: Sequence[Path], folder: Path, progress: Callable[[], None] = lambda: None
) -> list[str]:
    """Returns a fingerprint (BLAKE2b, 128 bits) of each file's bytes.

    A file whose size and time of change are those remembered is not read again.

    Args:
        paths: Of the files.
        folder: Where what is known is remembered.
        progress: Called after each file.

    Returns:
        In hexadecimal; empty for a file that cannot be read.
    """
    known = _remembered(folder)

    def one(path: Path) -> tuple[str, list]:
        try:
            before = path.stat()
            seen = known.get(str(path), [])
            if seen[:2] == [before.st_size, before.st_mtime_ns]:
                return seen[2], seen
            digest = hashlib.blake2b(digest_size=16)
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        except OSError:
            return "", []
        entry = [before.st_size, before.st_mtime_ns, digest.hexdigest()]
        settled = time.time_ns() - before.st_mtime_ns > _SETTLED_NS
        return entry[2], entry if settled else []

    found = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (digest, entry) in zip(paths, pool.map(one, paths), strict=True):
            found.append(digest)
            if entry and known.get(str(path)) != entry:
                known[str(path)] = entry
            progress()
    _remember(folder, known)
    return found


def _remembered(folder: Path) -> dict[str, list]:
    try:
        found = json.loads((folder / _MEMORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(folder: Path, known: dict[str, list]) -> None:
    aside = folder / f".{_MEMORY}.{os.getpid()}"
    try:
        aside.write_text(json.dumps(known), encoding="utf-8")
        aside.replace(folder / _MEMORY)
    finally:
        aside.unlink(missing_ok=True)
