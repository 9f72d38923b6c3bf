"""The state of a run as one file: whole or absent, and everything the next step depends on."""

import errno
import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.errors import FaultError, UserError
from zoo.training.files import write_whole
from zoo.training.remembered import Memory
from zoo.training.replicas import EachDevice

# What the system, or a library in its stead, says of a file that is gone or damaged: an archive may
# point before its own beginning, and bz2 gives no number. For the rest no file is to blame.
_DAMAGE = (None, errno.EINVAL, errno.ENOENT)


class DamagedError(UserError):
    """A checkpoint that is cut short, altered or gone; who needs it says what to do."""


class NotFiniteError(Exception):
    """A state that holds what is no number: nothing to go on from."""


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        epoch: Epochs that are finished.
        step: Steps of the epoch after those that are finished.
        best_score: The best validation score so far.
        best_epoch: The epoch, counted from 1, that reached it; 0 before the first.
        seconds: Time spent training so far.
        epoch_began: What ``seconds`` was when the epoch under way began.
        waited: How long the steps of that epoch waited for batches.
        sums: What the losses of its steps add up to, by name.
        returns: How often the run went back because the loss was no longer a number.
        ended: Whether the epoch under way takes no further step, with some left or none: it is to
            be validated.
        lowered: What these returns have made of the learning rate in the phase under way; a
            factor beside what callbacks have made of it.
    """

    epoch: int = 0
    step: int = 0
    best_score: float = float("-inf")
    best_epoch: int = 0
    seconds: float = 0.0
    epoch_began: float = 0.0
    waited: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)
    returns: int = 0
    # From here on with what holds of a checkpoint of before there was such a field.
    ended: bool = False
    lowered: float = 1.0


def variables_of(
    network: keras.Model,
    optimizer: keras.Optimizer | None = None,
    others: Sequence[Any] = (),
) -> dict[str, Any]:
    """Returns every variable that training changes, by its place.

    Not by name: Keras numbers the names of a second network in a process on from the
    first's.

    Weights and optimizer slots, and the states of seed generators (dropout, noise), which a
    ``.keras`` file does not restore.

    Args:
        network: The one that is trained.
        optimizer: Its optimizer.
        others: What else there is: averages of the weights, sums of gradients, metrics.
    """
    members = {
        "network": network.variables,
        "optimizer": optimizer.variables if optimizer is not None else [],
        "others": others,
    }
    return {
        f"{group}/{number:05d}": variable
        for group, variables in members.items()
        for number, variable in enumerate(variables)
    }


def finite_values(variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns what variables hold, by their names.

    Args:
        variables: As :func:`variables_of` returns them.

    Raises:
        NotFiniteError: If a number in it is none.
    """
    arrays = {name: variable.value.numpy() for name, variable in variables.items()}
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise NotFiniteError(name)
    return arrays


def save(
    path: Path,
    variables: Mapping[str, Any],
    progress: Progress,
    previous: Path | None = None,
    *,
    write: bool = True,
) -> None:
    """Writes a checkpoint.

    Args:
        path: The file, ``.npz``.
        variables: As :func:`variables_of` returns them.
        progress: How far the run has come.
        previous: What becomes of the file that is there already, once the new one is whole.
        write: Whether to; several workers all read the variables, and one writes them.

    Raises:
        NotFiniteError: If a number in it is none; nothing is written.
        OSError: If it cannot be written; what was there stays.
    """
    arrays = finite_values(variables)
    if not write:
        return
    state = {"progress": asdict(progress), "digest": _digest(arrays)}

    def write_to(aside: Path) -> None:
        text = np.array(json.dumps(state))
        np.savez(aside, state=text, **arrays)  # pyright: ignore[reportArgumentType]

    write_whole(path, write_to, previous)


def read(path: Path) -> tuple[dict[str, np.ndarray], Progress]:
    """Reads a checkpoint.

    Args:
        path: The file.

    Returns:
        The values by name, and how far the run had come.

    Raises:
        DamagedError: If the file is damaged or absent.
        FaultError: If the system or the memory refused, which says nothing of the file.
    """
    try:
        return _content(path)
    except FaultError:
        raise
    # A bit that fell over may ask for another compression, a password, or memory without end:
    # what is raised then is zipfile's, zlib's, lzma's or NumPy's own, and none says all of it.
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in _DAMAGE:
            raise FaultError(f"{path} cannot be read ({error.strerror}); mend that") from error
        raise DamagedError(f"checkpoint {path} cannot be read ({error})") from error


def _content(path: Path) -> tuple[dict[str, np.ndarray], Progress]:
    try:
        with path.open("rb") as stream, np.load(stream) as archive:
            values = {name: archive[name] for name in archive.files}
        state = json.loads(str(values.pop("state")))
        if state["digest"] != _digest(values):
            raise ValueError("its content does not match its digest")
        return values, Progress(**state["progress"])
    except MemoryError as error:
        with zipfile.ZipFile(path) as archive:
            # An array that was altered into one without end no longer matches its checksum.
            if archive.testzip() is None:
                raise FaultError(
                    f"the memory does not suffice to read {path}; free some of it"
                ) from error
        raise


def restore(path: Path, variables: Mapping[str, Any]) -> Progress:
    """Assigns a checkpoint's values to variables.

    Args:
        path: The file.
        variables: As :func:`variables_of` returns them; all of them must be in the file.

    Returns:
        How far the run had come.

    Raises:
        DamagedError: If the file is damaged or absent; no variable is changed.
        FaultError: If it cannot be read for another reason.
        UserError: If it belongs to another network.
    """
    values, progress = read(path)
    for name, variable in variables.items():
        if not _fits(variable, values[name].shape if name in values else None):
            raise UserError(
                f"checkpoint {path} belongs to another network: {name} is missing or of another "
                "shape; use the recipe it was made with"
            )
    for name, variable in variables.items():
        variable.assign(values.get(name))
    return progress


def _fits(variable: Any, shape: tuple[int, ...] | None) -> bool:
    if isinstance(variable, EachDevice | Memory):
        return variable.fits(shape)
    return shape == tuple(variable.shape)


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape} ".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
