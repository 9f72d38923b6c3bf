"""What a server says of its models and versions, in one line each."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any


class Teller:
    """Tells lines, and goes on if nobody hears them.

    Args:
        tell: Told each line.
    """

    def __init__(self, tell: Callable[[str], Any]):
        self._tell = tell
        self._last: dict[str, str] = {}

    def say(self, line: str) -> None:
        """Says a line."""
        # Who is told may be gone, as behind a broken pipe: versions are looked for all the same.
        with suppress(Exception):
            self._tell(line)

    def say_once(self, key: str, line: str) -> None:
        """Says a line unless it is what was said last of a key."""
        if self._last.get(key) != line:
            self._last[key] = line
            self.say(line)

    def forget(self, key: str) -> None:
        """Lets what was said last of a key be said again."""
        self._last.pop(key, None)


def is_text(name: str) -> bool:
    """Returns whether a file's name can be written in UTF-8; files' names may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(path: str | Path) -> str:
    r"""Returns a path as text, its bytes that are no UTF-8 as ``\xe9``."""
    return os.fsencode(path).decode(errors="backslashreplace")
