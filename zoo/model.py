"""A model as one asks it: the served functions, exported or not, and what they mean."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from zoo import tasks
from zoo.adversarial import Attack
from zoo.answers import Answer
from zoo.asking import predict
from zoo.data import DataSet
from zoo.data.fingerprint import fingerprint
from zoo.errors import UserError
from zoo.evaluation.attacked import evaluate_attacked
from zoo.evaluation.evaluate import Evaluation, evaluate
from zoo.export.card import CARD, read_card
from zoo.models import FitSize
from zoo.models.weights.reading import MODEL_FILE, UNREADABLE
from zoo.preprocess import Preprocessing
from zoo.training.data import RUNS, open_data, place_of
from zoo.training.recipe import Recipe, parse_recipe
from zoo.training.watch import Watch
from zoo.versions import versions


@dataclass(frozen=True)
class Model:
    """A model that answers for pictures, exported or not.

    Attributes:
        signatures: The served functions by name.
        task: Of the model.
        preprocessing: Of the model.
        class_names: Of the model.
        recipe: It was trained with, where known.
        network: Gives the Keras model inside, of which gradients can be taken.
        owner: What must stay alive for the functions to work: the loaded SavedModel,
            whose variables its functions do not hold on to.
    """

    signatures: Mapping[str, Any]
    task: tasks.Task
    preprocessing: Preprocessing
    class_names: tuple[str, ...]
    recipe: Recipe | None = None
    network: Callable[[], keras.Model] | None = None
    owner: Any = None

    def predict(self, pictures, on_picture=lambda: None) -> list[Answer]:
        """Answers for paths, bytes or arrays; see :meth:`zoo.inference.Predictor.predict`."""
        return predict(self.signatures, pictures, self.preprocessing, on_picture)

    def evaluate(self, dataset: DataSet, split: str = "test", on_picture=lambda: None):
        """Measures the model on a split; see :func:`zoo.evaluation.evaluate.evaluate`."""
        return evaluate(
            self.signatures,
            self.task,
            self.preprocessing,
            self.class_names,
            dataset,
            split,
            on_picture,
        )


def load_savedmodel(path: Path) -> Model:
    """Loads a published model.

    Args:
        path: ``savedmodels/NAME`` for its newest version, or ``savedmodels/NAME/N``.

    Raises:
        UserError: If there is none.
    """
    version = path if (path / "saved_model.pb").is_file() else (versions(path) or [path])[-1]
    if not (version / "saved_model.pb").is_file():
        raise UserError(
            f"{path} is no run folder, SavedModel or .keras file; `zoo train` makes a run, "
            "`zoo export` a SavedModel"
        )
    card = read_card(version)
    try:
        described = (
            tasks.get(card["task"]),
            Preprocessing.from_json(card["preprocessing"]),
            tuple(card["class_names"]),
            parse_recipe(card["recipe"]) if card["recipe"] else None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{version / CARD} is none that `zoo export` wrote ({error}); publish the model again"
        ) from error
    try:
        loaded = tf.saved_model.load(str(version))
    # Nothing of the zoo runs in there: what a damaged graph makes of it may be any error.
    except Exception as error:
        raise UserError(
            f"{version} cannot be loaded as a SavedModel ({_first_line(error)}); publish the model "
            "again"
        ) from error
    return Model(
        loaded.signatures,
        *described,
        network=lambda: _network_beside(version),
        owner=loaded,
    )


def _network_beside(version: Path) -> keras.Model:
    if not (version / MODEL_FILE).is_file():
        raise UserError(
            f"{version} has no {MODEL_FILE}, and a served graph gives no gradients to attack by; "
            "evaluate the run folder, or publish it again with `zoo export`"
        )
    return load_network(version / MODEL_FILE)


def load_network(path: Path) -> keras.Model:
    """Loads a ``.keras`` file.

    Raises:
        UserError: If it is none.
    """
    # Named, not left to registration: a process that only loads has not imported it.
    own = {"FitSize": FitSize}
    try:
        network = keras.models.load_model(path, custom_objects=own, compile=False)
    except (*UNREADABLE, TypeError) as error:
        raise UserError(
            f"{path} cannot be loaded as a Keras model: {_first_line(error)}"
        ) from error
    if not isinstance(network, keras.Model):
        raise UserError(f"{path} holds no Keras model; give a file that model.save() wrote")
    return network


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _differentiable(model: Model) -> keras.Model:
    if model.network is None:
        raise UserError("this model gives no gradients to attack by; evaluate its run folder")
    return model.network()


def evaluate_on(
    model: Model,
    split: str,
    data: str | None,
    watch: Watch,
    attacks: Sequence[Attack] = (),
    restarts: int = 1,
    runs: Path = RUNS,
) -> Evaluation:
    """Measures a model on its recipe's data, or on another folder.

    Args:
        model: Carries its recipe.
        split: Of the data set.
        data: Another folder than the recipe's.
        watch: Told what goes on.
        attacks: Under each of which it is measured again.
        restarts: Of each attack.
        runs: Folder of the run folders, beside which converted pictures are kept.

    Raises:
        UserError: If the model's recipe is not known, the data are not there, or attacks are
            asked of a model without gradients.
    """
    if model.recipe is None:
        raise UserError("this model carries no recipe that names its data; evaluate its run folder")
    recipe = model.recipe.with_overrides({"data.path": data} if data else {})
    network = _differentiable(model) if attacks else None
    dataset = open_data(recipe, watch, runs)
    total = dataset.splits[split].length if split in dataset.splits else None
    with watch.bar(f"evaluating on {split}", total) as bar:
        result = model.evaluate(dataset, split, bar.advance)
    place = place_of(recipe)
    learnt = [dataset.splits[name] for name in ("train", "validation") if name in dataset.splits]
    result.data = {
        "source": recipe.data.source,
        "path": None if place is None else str(place),
        "fingerprint": fingerprint(learnt),
    }
    if network is not None:
        result.robustness = evaluate_attacked(
            network,
            model.task,
            model.preprocessing,
            model.class_names,
            dataset,
            split,
            attacks,
            loss_options=recipe.loss,
            # What training could hold, an attack can.
            batch_size=recipe.batch_size,
            restarts=restarts,
            watch=watch,
        )
    return result
