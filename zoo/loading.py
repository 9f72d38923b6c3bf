"""A model from wherever it lies: a run folder, a SavedModel, a ``.keras`` file."""

from pathlib import Path
from typing import Any

from zoo import tasks
from zoo.errors import UserError
from zoo.inference import Predictor
from zoo.model import Model, load_network, load_savedmodel
from zoo.preprocess import Preprocessing
from zoo.run import Run


def load(path: Path | str) -> Model:
    """Loads a model that answers for pictures as the served one does.

    Args:
        path: A run folder, a SavedModel (``savedmodels/NAME`` for its newest version, or
            ``savedmodels/NAME/N``), or a ``.keras`` file, whose classes and preprocessing
            come from the run folder around it, or else are its class numbers and letterbox.

    Raises:
        UserError: If there is no model at the path.
    """
    path = Path(path)
    if (path / "recipe.json").is_file():
        return Run(path).answering()
    if path.suffix == ".keras":
        return _load_keras(path)
    return load_savedmodel(path)


def _load_keras(path: Path) -> Model:
    if (path.parent / "recipe.json").is_file():
        return Run(path.parent).answering()
    network = load_network(path)
    task = tasks.of_outputs(network.output_names)
    _, height, width, channels = network.inputs[0].shape
    if height is None or width is None:
        raise UserError(
            f"{path} takes any size and no recipe.json beside it says which; keep it in its run "
            "folder"
        )
    class_key = "mask" if "mask" in network.output_names else "class"
    outputs: Any = network.output
    count = outputs[class_key].shape[-1]
    preprocessing = Preprocessing((height, width), channels)
    names = tuple(str(number) for number in range(count))
    predictor = Predictor(network, task, preprocessing, names)
    signatures = predictor.signatures
    return Model(signatures, task, preprocessing, names, network=lambda: network)
