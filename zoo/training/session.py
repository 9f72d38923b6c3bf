"""Everything a run holds in memory while it trains, checked and built."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from zoo import models, tasks
from zoo.data import DataSet, sentences
from zoo.data.fingerprint import fingerprint
from zoo.data.pipeline import WHOLE, Part, Prepared, evaluation_batches, training_batches
from zoo.errors import UserError, keyword_options
from zoo.training.class_weights import balance_loss, check_loss
from zoo.training.cluster import Group, local_group
from zoo.training.data import RUNS, open_data, prepare
from zoo.training.lines import adversarial_notes, left_out_notes
from zoo.training.loop import Loop, OnSteps
from zoo.training.memory import check_batch, fitting, memory, memory_notes, validation_batch
from zoo.training.network import choose_precision, publish, training_network
from zoo.training.optimizer import make_optimizer
from zoo.training.phases import Phases
from zoo.training.recipe import Recipe
from zoo.training.sampling import Sampling, check_background, plan_sampling
from zoo.training.watch import Watch


@dataclass
class Session:
    """Everything a run holds in memory while it trains.

    Attributes:
        recipe: With the precision chosen, and numbers for class weights.
        task: Of the recipe.
        class_names: Of the data set.
        train: Prepared training pictures.
        validation: Prepared validation pictures.
        sampling: How often the training pictures come.
        notes: What was decided about the data, and what became of the weights to begin with.
        mirrored: What the data set says about mirrored pictures.
        phases: Network, optimizer and steps of each phase.
        steps: Steps an epoch.
        devices: How many share a batch.
    """

    recipe: Recipe
    task: tasks.Task
    class_names: tuple[str, ...]
    train: Prepared
    validation: Prepared
    sampling: Sampling
    notes: tuple[str, ...]
    mirrored: bool | None
    phases: Phases
    steps: int
    devices: int

    @property
    def loop(self) -> Loop:
        """Network, optimizer and steps of the phase under way."""
        return self.phases.loop

    def epoch_batches(self, epoch: int, start: int = 0, part: Part = WHOLE) -> tf.data.Dataset:
        """Returns the batches of an epoch, always the same ones.

        Args:
            epoch: Which, counted from 0.
            start: The first step wanted, counted from 0.
            part: Which part of each is wanted.
        """
        return training_batches(
            self.train,
            self.recipe.augmentation(self.mirrored),
            batch_size=self.recipe.batch_size,
            seed=self.recipe.seed,
            epoch=epoch,
            start=start,
            repeat=self.recipe.repeat,
            balanced=self.sampling.balanced,
            foreground=self.sampling.foreground,
            threads=self.recipe.data.threads,
            part=part,
        )

    def validation_batches(self, part: Part = WHOLE) -> tf.data.Dataset:
        """Returns the validation pictures, or a part of each batch of them, in order."""
        return evaluation_batches(
            self.validation,
            batch_size=self.validation_batch,
            threads=self.recipe.data.threads,
            part=part,
        )

    @property
    def validation_batch(self) -> int:
        """How many pictures are validated at a time."""
        return validation_batch(self.recipe, self.devices)

    def validate(self, on_steps: OnSteps) -> dict[str, float]:
        """Returns losses and metrics of the validation pictures.

        Args:
            on_steps: As :meth:`zoo.training.loop.Loop.train` takes it.

        Raises:
            UserError: If they do not fit into memory.
        """

        def batches(context: tf.distribute.InputContext) -> tf.data.Dataset:
            return self.validation_batches(Part.of_context(context))

        with fitting(self.recipe, self.devices, validating=True):
            return self.loop.validate(batches, on_steps)

    @property
    def facts(self) -> dict[str, Any]:
        """What the run folder says of the data, by name."""
        return {
            "class_names": list(self.class_names),
            "counts": {"train": self.train.length, "validation": self.validation.length},
            "fingerprint": fingerprint([self.train.split, self.validation.split]),
            "notes": list(self.notes),
        }

    @property
    def pictures_a_step(self) -> int:
        """How many pictures a training step sees; fewer than a batch where there are no more."""
        return min(self.recipe.batch_size, self.train.length * self.recipe.repeat)

    def published(self) -> keras.Model:
        """Returns the network as it would be published now."""
        return publish(self.loop.network, self.recipe, len(self.class_names))


def open_session(
    recipe: Recipe,
    watch: Watch,
    *,
    resumed: bool = False,
    runs: Path = RUNS,
    dataset: DataSet | None = None,
    group: Group | None = None,
) -> Session:
    """Checks the recipe, reads the data and builds the network.

    What costs nothing is checked first: options, then the network, then the pictures.

    Args:
        recipe: With overrides applied.
        watch: Told what goes on.
        resumed: A checkpoint will be restored: the weights that the recipe begins with are
            neither needed nor looked for.
        runs: Folder of the run folders, beside which decoded pictures are kept.
        dataset: The recipe's, where it is open already, or a part of it.
        group: Who trains together; this process alone unless given.

    Raises:
        UserError: For anything in recipe or data that keeps the run from going on.
    """
    group = group or local_group()
    group.check_sizes(recipe)
    check_recipe(recipe)
    weights = None if resumed else weights_to_begin_with(recipe)
    precision = choose_precision(recipe.precision, group.agreed)
    recipe = recipe.model_copy(update={"precision": precision})
    task = tasks.get(recipe.task)
    with group.chief_first():
        dataset = dataset or open_data(recipe, watch, runs)
    class_names = check_data(recipe, dataset)
    strategy = group.strategy
    prepared = {}
    reports: list[models.WeightReport] = []
    with strategy.scope():
        network = training_network(
            recipe, len(class_names), weights=weights, on_report=reports.append
        )
        # Devices of one machine share its memory, but for GPUs.
        gpus = bool(tf.config.list_physical_devices("GPU"))
        check_batch(recipe, network, memory(), group.devices if gpus else group.workers)
        for name in ("train", "validation"):
            prepared[name] = prepare(dataset, name, recipe, task, watch, runs)
        group.check_sizes(
            recipe,
            train=prepared["train"].length * recipe.repeat,
            validation=prepared["validation"].length,
        )
        steps = max(1, prepared["train"].length * recipe.repeat // recipe.batch_size)
        recipe, weighed = balance_loss(recipe, prepared["train"], class_names)

        def make_loop(phase: Recipe, epochs: int) -> Loop:
            optimizer = make_optimizer(phase, steps * epochs, network)
            return Loop(
                network, task, class_names, phase.loss, optimizer, strategy, phase.adversarial,
                phase.seed, phase.accumulate, phase.ema, phase.remat,
                phase.precision == "float16", group,
            )  # fmt: skip

        phases = Phases(recipe, network, make_loop)
    sampling = plan_sampling(recipe, prepared["train"], class_names)
    return Session(
        recipe=recipe,
        task=task,
        class_names=class_names,
        train=prepared["train"],
        validation=prepared["validation"],
        sampling=sampling,
        notes=(
            *(line for report in reports for line in report.lines()),
            *sentences(dataset.findings),
            *sampling.notes,
            *weighed,
            *adversarial_notes(recipe),
            *left_out_notes(prepared),
            *memory_notes(recipe),
        ),
        mirrored=dataset.mirrored,
        phases=phases,
        steps=steps,
        devices=group.devices,
    )


def check_recipe(recipe: Recipe) -> None:
    """Checks what needs no picture: the options, and that there can be such a network.

    Raises:
        UserError: For the first thing that would keep a run from going on.
    """
    recipe.check_options()
    # Two classes stand for however many there are: an impossible network is said to be so
    # before the pictures are looked for.
    recipe.build_model(2)


def check_data(recipe: Recipe, dataset: DataSet) -> tuple[str, ...]:
    """Checks that a recipe can be trained on a data set, without reading a picture.

    Returns:
        The names of the classes.

    Raises:
        UserError: For the first thing that would keep a run from going on.
    """
    class_names = dataset.class_names(tasks.get(recipe.task).targets)
    recipe.augmentation(dataset.mirrored)
    check_background(recipe, class_names)
    check_loss(recipe, class_names)
    for name in ("train", "validation"):
        if not dataset.split(name).length:
            raise UserError(
                f"{dataset.name} has no pictures to use as {name}; add some, or give "
                "data.splits or data.validation another value"
            )
    return class_names


def weights_to_begin_with(recipe: Recipe) -> Any:
    """Returns the recipe's ``model.weights``, ``None`` for initial ones.

    Raises:
        UserError: If they are not there, or not of this encoder.
    """
    weights = recipe.model.get("weights")
    if weights is not None:
        default = keyword_options(models.build)["encoder"].default
        models.check_weights(weights, recipe.model.get("encoder", default))
    return weights
