"""The state of a run as one file: whole or absent, and everything the next step depends on."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.errors import UserError
from zoo.training.files import write_whole


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        epoch: Epochs that are finished.
        step: Steps of the epoch after those that are finished.
        best_score: The best validation score so far.
        best_epoch: The epoch, counted from 1, that reached it; 0 before the first.
        seconds: Time spent training so far.
    """

    epoch: int = 0
    step: int = 0
    best_score: float = float("-inf")
    best_epoch: int = 0
    seconds: float = 0.0


def variables_of(
    network: keras.Model,
    optimizer: keras.Optimizer | None = None,
    update: Sequence[keras.Variable] = (),
) -> dict[str, Any]:
    """Returns every variable that training changes, by its place.

    Not by name: Keras numbers the names of a second network in a process on from the
    first's.

    Weights and optimizer slots, those of :class:`zoo.training.update.Update`, and the states
    of seed generators (dropout, noise), which a ``.keras`` file does not restore.
    """
    members = {
        "network": network.variables,
        "optimizer": optimizer.variables if optimizer is not None else [],
        "update": update,
    }
    return {
        f"{group}/{number:05d}": variable
        for group, variables in members.items()
        for number, variable in enumerate(variables)
    }


def save(path: Path, variables: Mapping[str, Any], progress: Progress) -> None:
    """Writes a checkpoint.

    Args:
        path: The file, ``.npz``.
        variables: As :func:`variables_of` returns them.
        progress: How far the run has come.
    """
    arrays = {name: variable.value.numpy() for name, variable in variables.items()}
    text = np.array(json.dumps(asdict(progress)))

    def write(aside: Path) -> None:
        np.savez(aside, progress=text, **arrays)  # pyright: ignore[reportArgumentType]

    write_whole(path, write)


def restore(path: Path, variables: Mapping[str, Any]) -> Progress:
    """Assigns a checkpoint's values to variables.

    Args:
        path: The file.
        variables: As :func:`variables_of` returns them; all of them must be in the file.

    Returns:
        How far the run had come.

    Raises:
        UserError: If the file is damaged or belongs to another network.
    """
    try:
        with path.open("rb") as stream, np.load(stream) as archive:
            values = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(
            f"checkpoint {path} cannot be read ({error}); delete it and train again"
        ) from error
    progress = Progress(**json.loads(str(values.pop("progress"))))
    for name, variable in variables.items():
        if name not in values or values[name].shape != tuple(variable.shape):
            raise UserError(
                f"checkpoint {path} belongs to another network: {name} is missing or of another "
                "shape; use the recipe it was made with"
            )
        variable.assign(values[name])
    return progress
