"""Loading weights into a model by the names of its layers."""

from pathlib import Path
from typing import Any

import keras

from zoo.errors import UserError


def load_weights(model: keras.Model, path: str | Path) -> None:
    """Copies the weights of a file into the layers of the same names.

    Args:
        model: The model; it is changed only if everything fits.
        path: A ``.keras`` or a ``.weights.h5`` file.

    Raises:
        UserError: If the file is missing or unreadable, or if a layer of the model or of the
            file has no counterpart of the same shapes; all of them are listed.
    """
    found = _read(Path(path))
    wanted = {layer.name: layer for layer in model.layers if layer.weights}
    wrong = [f"{name} is not in the model" for name in found if name not in wanted]
    for name, layer in wanted.items():
        have = [tuple(weight.shape) for weight in layer.weights]
        if name not in found:
            wrong.append(f"{name} is not in the file")
        elif (given := [tuple(value.shape) for value in found[name]]) != have:
            wrong.append(f"{name} has shapes {given} in the file and {have} in the model")
    if wrong:
        raise UserError(
            f"the weights in {path} do not fit the model ({'; '.join(wrong)}); build the model "
            "with the options that the file was made with"
        )
    for name, layer in wanted.items():
        layer.set_weights(found[name])


def _read(path: Path) -> dict[str, list[Any]]:
    """The arrays of each layer that has any, by its name."""
    if not path.is_file():
        raise UserError(f"weights={str(path)!r} is no file; give a .keras or .weights.h5 file")
    try:
        if path.suffix == ".keras":
            model: Any = keras.models.load_model(path, compile=False)
            return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
        if path.name.endswith(".weights.h5"):
            return _read_h5(path)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"weights={str(path)!r} cannot be read ({error}); give a .keras or .weights.h5 file"
        ) from error
    raise UserError(f"weights={str(path)!r} is of no known kind; give a .keras or .weights.h5 file")


def _read_h5(path: Path) -> dict[str, list[Any]]:
    # h5py comes with Keras, whose own loading goes by the order of the layers, not their names.
    import h5py

    with h5py.File(path) as file:
        layers: Any = file["layers"]
        variables = [layer["vars"] for layer in layers.values()]
        return {
            group.attrs["name"]: [group[str(index)][()] for index in range(len(group))]
            for group in variables
            if len(group)
        }
