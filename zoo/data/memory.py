"""The memory of the machine, and whether an array fits into it before any is taken."""

import math
from collections.abc import Sequence
from pathlib import Path

import psutil

from zoo.amounts import in_bytes
from zoo.errors import UserError
from zoo.values import MAX_PIXELS

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def machine_memory() -> int:
    """Returns the machine's bytes, or a container's limit where that is lower."""
    limits = [_number(Path(limit)) for limit in _CGROUP_LIMITS]
    return min([psutil.virtual_memory().total, *(limit for limit in limits if limit)])


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def check_claim(what: str, shape: Sequence[int], itemsize: int, *, remedy: str | None) -> None:
    """Refuses an array whose head claims more than can be read, as that of a bomb does.

    Args:
        what: Names it: "set.npz holds x, which".
        shape: As the head has it; of three sides or more, the second and third are a picture's.
        itemsize: Bytes of a number.
        remedy: What to do about an array that does not fit into memory; None for one that is
            read piece by piece.

    Raises:
        UserError: If its pictures have more pixels than any that is decoded, or the array is
            larger than the memory that is free.
    """
    sides = shape[1:3]
    if len(sides) == 2 and math.prod(sides) > MAX_PIXELS:
        raise UserError(
            f"{what} claims pictures of {sides[1]}x{sides[0]} pixels, more than {MAX_PIXELS:,}; "
            "save smaller ones"
        )
    size = math.prod(shape) * itemsize
    free = min(machine_memory(), psutil.virtual_memory().available)
    if remedy is not None and size > free:
        raise UserError(
            f"{what} claims {in_bytes(size)}, more than the {in_bytes(free)} of memory that are "
            f"free; {remedy}"
        )
