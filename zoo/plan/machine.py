"""What the machine offers a plan."""

import os
import subprocess
from pathlib import Path

import psutil

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_QUERY = ("nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits")


def memory() -> int:
    """Returns the bytes that training may share: the smallest GPU's, else the machine's.

    All there are, not those that happen to be free, so that the plan is the same tomorrow. A
    container's limit counts where it is lower.
    """
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU") and (found := _gpu_memory()):
        return found
    limits = [_number(Path(limit)) for limit in _CGROUP_LIMITS]
    return min([psutil.virtual_memory().total, *(limit for limit in limits if limit)])


def busy() -> str:
    """Returns a sentence if other work makes what is timed here look slow, else nothing."""
    # Where there is no such number, as on Windows, nothing is said.
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    cores = os.cpu_count() or 1
    if load <= cores / 2:
        return ""
    return (
        f"other work keeps this machine busy (load {load:.1f} on {cores} cores): training seems "
        "slower than it will be, and epochs are planned for that; plan again when it is quiet"
    )


def _gpu_memory() -> int | None:
    try:
        answer = subprocess.run(_QUERY, capture_output=True, text=True, check=True, timeout=10)
        return min(int(line) for line in answer.stdout.splitlines()) * 2**20
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
