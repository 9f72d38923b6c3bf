"""Numbers and sizes as people read them."""

from typing import Any


def in_bytes(size: int | None) -> str:
    """Returns a number of bytes for people, as ``1.5 MiB``; ``?`` if it is unknown."""
    if size is None:
        return "?"
    if size < 2**10:
        return f"{size} B"
    unit, scale = next(
        (one for one in (("KiB", 2**10), ("MiB", 2**20)) if size < 999.5 * one[1]), ("GiB", 2**30)
    )
    return f"{size / scale:.{0 if size >= 100 * scale else 1}f} {unit}"


def plural(number: int, noun: str) -> str:
    """Returns a count and its noun, as ``1 picture``, ``2,000 pictures`` or ``2 classes``."""
    ending = "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{'' if number == 1 else ending}"


def by(sizes: Any) -> str:
    """Returns sizes as ``32x32x3``, with ``?`` for those unknown."""
    return "x".join("?" if size is None else str(size) for size in sizes)


def square(pair: Any) -> str:
    """Returns two numbers as ``3x5``, two that are equal as one."""
    return f"{pair[0]:g}" if pair[0] == pair[1] else by(pair)


def count(number: int | None) -> str:
    """Returns a count in at most 6 characters, 0 as nothing, ``?`` if it is unknown."""
    if number is None:
        return "?"
    if number < 10_000:
        return str(number) if number else ""
    for unit, scale in (("k", 1e3), ("M", 1e6), ("G", 1e9)):
        if number < 1000 * scale * 0.9995 or unit == "G":
            return f"{number / scale:.{0 if number >= 100 * scale else 1}f}{unit}"
    return str(number)
