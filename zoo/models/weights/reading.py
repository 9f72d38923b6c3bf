"""Where weights lie, and how they are read: the arrays of each layer, by the layer's name.

Nothing is built to read them, and no code that a file may carry is run.
"""

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

from zoo.errors import UserError
from zoo.versions import versions

# What a run folder and a published version keep their Keras model in.
MODEL_FILE = "model.keras"
_KNOWN = "give a .keras or .weights.h5 file, a run folder, or a SavedModel that `zoo export` wrote"
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
"""What comes of files that were cut short, or are no such files."""


def find(source: str | Path) -> Path:
    """Returns the file that holds the weights of a source.

    Args:
        source: A ``.keras`` or ``.weights.h5`` file, a run folder, or a SavedModel:
            ``savedmodels/NAME`` for its newest version or ``savedmodels/NAME/N``.

    Raises:
        UserError: If there is no such file.
    """
    if not isinstance(source, str | Path):
        raise UserError(f"weights={source!r} is no path; {_KNOWN}")
    path = Path(source)
    if path.is_dir():
        return _of_folder(path)
    if not path.is_file():
        raise UserError(f"weights={str(source)!r} is no file; {_KNOWN}")
    if path.suffix != ".keras" and not path.name.endswith(".weights.h5"):
        raise UserError(f"weights={str(source)!r} is of no known kind; {_KNOWN}")
    return path


def _of_folder(folder: Path) -> Path:
    home = (versions(folder) or [folder])[-1]
    for place in (folder, home):
        if (place / MODEL_FILE).is_file():
            return place / MODEL_FILE
    if (home / "saved_model.pb").is_file():
        raise UserError(
            f"weights={str(folder)!r} is a SavedModel without {MODEL_FILE} beside it; export its "
            "run again, or give the run"
        )
    if (folder / "recipe.json").is_file():
        raise UserError(
            f"weights={str(folder)!r} is a run without {MODEL_FILE}; train it to the end first"
        )
    raise UserError(f"weights={str(folder)!r} is a folder without {MODEL_FILE}; {_KNOWN}")


def read(path: Path) -> dict[str, list[Any]]:
    """Returns the NumPy arrays of each layer that has any, by its name.

    Args:
        path: A file as :func:`find` returns it.

    Raises:
        UserError: If the file is damaged or something else.
    """
    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                return _read_h5(io.BytesIO(archive.read("model.weights.h5")))
        return _read_h5(path)
    except UNREADABLE as error:
        reason = " ".join(str(error).split())
        raise UserError(f"weights={str(path)!r} cannot be read ({reason}); {_KNOWN}") from error


def _read_h5(file: Any) -> dict[str, list[Any]]:
    # h5py comes with Keras, whose own loading goes by the order of the layers, not their names.
    import h5py

    with h5py.File(file) as opened:
        return _arrays(opened["layers"])


def _arrays(layers: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for layer in layers.values():
        variables = layer["vars"]
        if len(variables):
            found[variables.attrs["name"]] = [
                variables[str(index)][()] for index in range(len(variables))
            ]
        # A model inside a model: its layers are listed as if they were the outer one's.
        if "layers" in layer:
            found |= _arrays(layer["layers"])
    return found
