"""The numbered folders of a published model, read as TensorFlow Serving reads them.

A server looks at nothing but the names below ``savedmodels/NAME``: each that is an integer
(``absl::SimpleAtoi`` into an int64) is a version, the largest is served.
"""

import re
from pathlib import Path

LARGEST = 2**63 - 1
# What a version is called that was taken back.
DENIED = ".denied"

_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)[ \t\n\v\f\r]*")


def version_number(name: str) -> int | None:
    """Returns the version that a server sees in a folder's name, or ``None``.

    Args:
        name: Of a file or folder, without the path.

    Example:
        >>> version_number("007"), version_number("7.denied"), version_number("v7")
        (7, None, None)
    """
    match = _INTEGER.fullmatch(name)
    number = int(match[1]) if match else None
    return number if number is not None and -LARGEST - 1 <= number <= LARGEST else None


def versions(model: Path) -> list[Path]:
    """Lists the version folders of a model, oldest first.

    Of two names of one number, as ``1`` and ``001``, the plain one comes last.

    Args:
        model: ``savedmodels/NAME``; need not exist.
    """
    numbered = [
        (number, path.name == str(number), path)
        for path in (model.iterdir() if model.is_dir() else ())
        if (number := version_number(path.name)) is not None and path.is_dir()
    ]
    return [path for *_, path in sorted(numbered)]


def last_number(model: Path) -> int:
    """Returns the largest number that was ever given, as far as one can see; 0 for none.

    Versions that were taken back count, since a server does not load a number twice; so do
    files, since it goes by the name alone.

    Args:
        model: ``savedmodels/NAME``; need not exist.
    """
    names = [path.name for path in (model.iterdir() if model.is_dir() else ())]
    numbers = [version_number(name.partition(".")[0]) for name in names]
    return max([0, *(number for number in numbers if number is not None)])
