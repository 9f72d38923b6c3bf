"""Runs and models as one works with them in Python: train, load, evaluate, predict, export."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo import tasks
from zoo.adversarial import Attack
from zoo.errors import UserError
from zoo.evaluation.evaluate import Evaluation
from zoo.evaluation.report import write_report
from zoo.export.runtimes.convert import Converted
from zoo.export.runtimes.publish import EXPORTED, publish_formats, scorer_of
from zoo.export.savedmodel import Published, export
from zoo.export.server_files import write_server_files
from zoo.export.told import told_by
from zoo.inference import Predictor
from zoo.model import Model, evaluate_on, load_network
from zoo.training import examples
from zoo.training.catalogue import load_recipe
from zoo.training.files import write_text
from zoo.training.folder import RunFolder, new_run_path
from zoo.training.network import digest_of, publish, training_network
from zoo.training.recipe import Recipe
from zoo.training.resume import restore_chosen
from zoo.training.tf_config import CONFIG
from zoo.training.train import train as train_into
from zoo.training.watch import Watch

VERIFIED_PICTURES = 8


class Run:
    """A run folder and what can be done with it.

    Args:
        folder: ``runs/NAME``.

    Attributes:
        folder: Path of the run folder.

    Raises:
        UserError: If there is no run in the folder.

    Example:
        >>> run = zoo.train("quickstart", overrides={"epochs": 1})
        >>> run.evaluate().scores["mean_iou"]
    """

    def __init__(self, folder: Path | str):
        self._files = RunFolder(folder)
        self.folder = self._files.path
        self.recipe = self._files.recipe()
        self.class_names = tuple(self._files.data()["class_names"])

    @property
    def title(self) -> str:
        """What to call the run: its folder, and the recipe where that does not say it."""
        name, recipe = self.folder.name, self.recipe.name
        return name if name.startswith(recipe) else f"{recipe}, {name}"

    @property
    def history(self) -> list[dict[str, Any]]:
        """One dict an epoch: losses, metrics, rates."""
        return self._files.history()

    @property
    def model(self) -> keras.Model:
        """The network that the recipe publishes, so far: float32, stock layers, probabilities.

        Raises:
            UserError: If no epoch has been finished.
        """
        if self._files.model_file.is_file():
            return load_network(self._files.model_file)
        if not self._files.chosen.is_file():
            raise UserError(
                f"{self.folder} has no finished epoch yet; go on with `zoo train "
                f"{self.recipe.name} --run {self.folder} --resume`"
            )
        network = training_network(self.recipe, len(self.class_names))
        restore_chosen(self._files, network)
        return publish(network, self.recipe, len(self.class_names))

    @property
    def task(self) -> tasks.Task:
        """The recipe's task."""
        return tasks.get(self.recipe.task)

    def predictor(self, on_error: str = "row") -> Predictor:
        """Returns the model with everything around it; see :class:`zoo.inference.Predictor`."""
        preprocessing = self.recipe.preprocessing()
        return Predictor(self.model, self.task, preprocessing, self.class_names, on_error)

    def answering(self) -> Model:
        """Returns the run's model, ready to answer."""
        predictor = self.predictor()
        return Model(
            predictor.signatures,
            predictor.task,
            predictor.preprocessing,
            self.class_names,
            self.recipe,
            network=lambda: predictor.model,
        )

    def evaluate(
        self,
        split: str = "test",
        data: str | None = None,
        watch: Watch | None = None,
        attacks: Sequence[Attack] = (),
        restarts: int = 1,
    ) -> Evaluation:
        """Measures the run's model and writes the scores and the report into its folder.

        ``evaluation.json`` and ``report.html`` are the test split's; those of another split,
        and of a folder of other data, have its name: ``report_train.html``, ``report-NAME.html``.

        Args:
            split: Of the data set.
            data: Another folder than the one it was trained from.
            watch: Told what goes on.
            attacks: Under each of which the model is measured again.
            restarts: Of each attack.

        Example:
            >>> run.evaluate(attacks=[Attack(attack="fgsm", epsilon=8)]).robustness.scores
        """
        watch = watch or Watch()
        model = self.answering()
        result = evaluate_on(model, split, data, watch, attacks, restarts, self.folder.parent)
        assert model.network is not None
        result.network = digest_of(model.network())
        result.other = self._files.other(data, result.data["fingerprint"])
        text = json.dumps(result.to_json(), indent=2) + "\n"
        write_text(self._files.evaluation_file(split, result.other), text)
        write_report(
            self.report(split, result.other),
            title=self.title,
            recipe=self.recipe,
            history=self.history,
            evaluation=result,
            data=self._files.data(),
        )
        return result

    def report(self, split: str = "test", other: str = "") -> Path:
        """Returns where :meth:`evaluate` writes its page.

        Args:
            split: Of the data set.
            other: What the evaluation calls the data, if the run was trained on others.
        """
        return self._files.report_file(split, other)

    def export(
        self,
        to: Path | str | None = None,
        *,
        on_error: str = "row",
        version: int | None = None,
        license: str | None = None,
        precision: str = "float32",
        overlap: float | None = None,
        score: bool = False,
        watch: Watch | None = None,
    ) -> Published:
        """Publishes the run's model, verified, as the next version.

        Args:
            to: ``savedmodels/NAME``; by default of the recipe's title, and then what a
                server needs to serve all of ``savedmodels/`` is written there as well.
            on_error: ``"row"`` or ``"fail"``; see :class:`zoo.inference.Predictor`.
            version: The number; larger than all that were given before.
            license: Of the model, for its card: an SPDX identifier, as ``"CC-BY-4.0"``.
            precision: ``"float32"``, or ``"bfloat16"`` for a network that computes in it, with
                float32 in and out: faster where a processor has instructions for it, and less
                exact. Verified against the model in float32.
            overlap: For a signature ``tiled`` besides, of a segmentation; see
                :func:`zoo.export.graph.tiled.tiled`.
            score: Whether it is scored on the test split before it is published.
            watch: Told what goes on.

        Raises:
            CheckError: If what was exported answers otherwise or scores less; it is not published.
            UserError: If the place cannot be written to, or the version was given already.
        """
        watch, scorer, network = watch or Watch(), None, None
        destination = Path(to) if to else Path("savedmodels") / self.recipe.title
        if score:
            scorer = scorer_of(self.predictor(), self.recipe, watch, self.folder.parent)
        with watch.bar("exporting and verifying"):
            predictor = self.predictor(on_error)
            if precision != "float32":
                classes = len(self.class_names)
                network = publish(predictor.model, self.recipe, classes, precision)
            published = export(
                predictor,
                destination,
                self.example_pictures(),
                told=told_by(self._files, self.recipe, predictor.model, watch),
                license=license,
                version=version,
                network=network,
                overlap=overlap,
                scorer=scorer,
            )
        if to is None:
            write_server_files(destination.parent, watch.say)
        return published

    def convert(
        self, formats: Sequence[str], to: Path | str | None = None, **options: Any
    ) -> list[Converted]:
        """Publishes the run's model for other runtimes, into ``exported`` of its folder.

        Args:
            formats: Names, as ``"onnx"``, ``"litert"`` and ``"openvino"``.
            to: Another folder, in which each format has its own.
            **options: Of :func:`zoo.export.runtimes.publish.publish_formats`: ``int8``,
                ``score`` and others.

        Example:
            >>> run.convert(["litert"], int8=True, score=True)[-1].scored.scores
        """
        predictor, watch = self.predictor(), options.get("watch") or Watch()
        return publish_formats(
            predictor,
            self.recipe,
            formats,
            Path(to) if to else self.folder / EXPORTED,
            pictures=self.example_pictures(),
            told=told_by(self._files, self.recipe, predictor.model, watch),
            runs=self.folder.parent,
            **options,
        )

    def example_pictures(self, count: int = VERIFIED_PICTURES) -> list[bytes | np.ndarray]:
        """Returns pictures; see :func:`zoo.training.examples.example_pictures`."""
        return examples.example_pictures(self.recipe, count, self.folder.parent)


def train(
    recipe: str | Path | Recipe,
    overrides: Mapping[str, Any] | None = None,
    *,
    run: Path | str | None = None,
    resume: bool = False,
    watch: Watch | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    cluster: str | None = None,
) -> Run:
    """Trains a recipe.

    Args:
        recipe: A path, a shipped name, or a recipe made in Python.
        overrides: Values by field, dotted for fields of a section.
        run: The run folder; by default a new ``runs/NAME``.
        resume: Go on from the last checkpoint, if the folder holds one.
        watch: Told what goes on; by default progress on standard error.
        callbacks: Keras' or such as Keras' are: ``keras.callbacks.EarlyStopping``,
            ``ReduceLROnPlateau``, ``LambdaCallback``, ``TensorBoard`` (for which the package
            tensorboard is to be installed) and others that look at the logs, stop the run or
            set the learning rate. What they remember is saved with the run. Several workers ask
            each its own.
        cluster: ``"slurm"`` for the tasks of a Slurm job step. Where ``TF_CONFIG`` is set it
            says who else trains, and which of them this process is.

    Returns:
        The run, trained.

    Raises:
        UserError: For anything in recipe, data or folder that keeps it from training.
        WorkerLostError: When another worker is gone.

    Example:
        >>> run = zoo.train("quickstart", overrides={"epochs": 1})
        >>> run.history[0]["validation_mean_iou"]
    """
    loaded = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    loaded = loaded.with_overrides(overrides or {})
    if run is None and (cluster or os.environ.get(CONFIG)):
        raise UserError(
            "the workers of a cluster have to be told one run folder for all; give --run"
        )
    folder = RunFolder(run or new_run_path(loaded.title))
    train_into(
        loaded, folder, resume=resume, watch=watch or Watch(), callbacks=callbacks, cluster=cluster
    )
    return Run(folder.path)
