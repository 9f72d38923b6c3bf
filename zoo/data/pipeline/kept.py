"""Where decoded pictures are kept between epochs, by a stated budget."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf

from zoo.amounts import in_bytes
from zoo.errors import UserError

Batch = dict[str, tf.Tensor]
Kept = Literal["memory", "disk", "none"]
Cache = Literal["auto", "memory", "disk", "none"]
Allocate = Callable[[tuple[int, ...], np.dtype], np.ndarray]

# So much of the room that there is may be taken: others write to the disk, too.
_SHARE = 0.9


def place_for(
    cache: Cache,
    size: int,
    memory: int,
    disk: int,
    folder: Path | None,
    what: str,
) -> Kept:
    """Chooses where pictures are kept.

    Args:
        cache: What was asked for; "auto" for the first place whose budget suffices.
        size: What they take, in bytes.
        memory: The budget in memory, in bytes.
        disk: The budget on disk, in bytes.
        folder: Where on disk; None for nowhere.
        what: Name of the split, for messages.

    Raises:
        UserError: If a place was asked for by name that does not suffice.
    """
    if cache == "memory" and size > memory:
        raise UserError(
            f"the decoded pictures of {what} take {in_bytes(size)}, more than the budget in memory "
            f"of {in_bytes(memory)}; raise data.cache_gib, or use data.cache=auto"
        )
    if cache in ("auto", "memory") and size <= memory:
        return "memory"
    room = 0
    if folder is not None and cache in ("auto", "disk") and (size <= disk or cache == "disk"):
        room = int(_SHARE * _free(folder))
        if size <= min(disk, room):
            return "disk"
    if cache == "disk":
        has = (
            f"more than the budget on disk of {in_bytes(disk)}; raise data.cache_disk_gib"
            if size > disk
            else f"and {folder} has room for {in_bytes(room)}; make room"
        )
        raise UserError(
            f"the decoded pictures of {what} take {in_bytes(size)}, {has}, or use data.cache=auto"
        )
    return "none"


def _free(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def allocator(kept: Kept, folder: Path | None) -> Allocate | None:
    """Returns what makes the arrays to keep examples in; None where they are not kept."""
    if kept == "none":
        return None
    if kept == "memory" or folder is None:
        return np.empty

    def on_disk(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        size = max(1, int(np.prod(shape)) * dtype.itemsize)
        try:
            # Without a name: whatever ends the process, the system frees the room.
            with tempfile.TemporaryFile(dir=folder) as file:
                # All of it now: writing to a mapped file on a full disk kills the process.
                os.posix_fallocate(file.fileno(), 0, size)
                return np.memmap(file, dtype, "r+", shape=shape)
        except OSError as error:
            raise UserError(
                f"decoded pictures cannot be kept in {folder} ({error.strerror}); make room "
                "there, or set data.cache=none"
            ) from error

    return on_disk


def from_memory(arrays: dict[str, np.ndarray], chosen: np.ndarray) -> Callable[[tf.Tensor], Batch]:
    """Returns a function from positions to examples held in memory.

    Args:
        arrays: [n, ...] each; emptied.
        chosen: bool [n], which of them count.
    """
    tensors: Batch = {}
    for key in list(arrays):
        # One by one: until it is converted, an array is there twice.
        value = arrays.pop(key)
        # On the host: batches are gathered there and travel to a device one by one.
        with tf.device("CPU"):
            tensors[key] = tf.convert_to_tensor(value if chosen.all() else value[chosen])

    def gather(positions: tf.Tensor) -> Batch:
        return {key: tf.gather(value, positions) for key, value in tensors.items()}

    return gather


def from_disk(arrays: dict[str, np.ndarray], chosen: np.ndarray) -> Callable[[tf.Tensor], Batch]:
    """Returns a function from positions to examples in mapped files.

    Args:
        arrays: [n, ...] each.
        chosen: bool [n], which of them count.
    """
    places = np.flatnonzero(chosen)
    kinds = [tf.as_dtype(array.dtype) for array in arrays.values()]

    def fetch(positions: np.ndarray) -> list[np.ndarray]:
        return [np.asarray(array[places[positions]]) for array in arrays.values()]

    def gather(positions: tf.Tensor) -> Batch:
        found = tf.numpy_function(fetch, [positions], kinds)
        batch = {}
        for (key, array), value in zip(arrays.items(), found, strict=True):
            batch[key] = tf.ensure_shape(value, positions.shape + array.shape[1:])
        return batch

    return gather
