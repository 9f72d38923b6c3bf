"""Training: recipe in, run folder out."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import models, tasks
from zoo.data import DataSet, sentences
from zoo.data.pipeline import Prepared, evaluation_batches, training_batches
from zoo.errors import UserError, keyword_options
from zoo.training import checkpoint
from zoo.training.data import RUNS, kept_line, open_data, prepare
from zoo.training.events import EventLog
from zoo.training.files import write_whole
from zoo.training.folder import RunFolder
from zoo.training.lines import adversarial_notes, epoch_line, headline, left_out_notes
from zoo.training.loop import Loop, make_optimizer
from zoo.training.network import choose_precision, publish, training_network
from zoo.training.recipe import Recipe
from zoo.training.sampling import Sampling, check_background, plan_sampling
from zoo.training.watch import Watch, duration


@dataclass
class Session:
    """Everything a run holds in memory while it trains.

    Attributes:
        recipe: With the precision chosen.
        task: Of the recipe.
        class_names: Of the data set.
        train: Prepared training pictures.
        validation: Prepared validation pictures.
        sampling: How often the training pictures come.
        notes: What was decided about the data, and what became of the weights to begin with.
        mirrored: What the data set says about mirrored pictures.
        loop: Network, optimizer and steps.
        steps: Steps an epoch.
    """

    recipe: Recipe
    task: tasks.Task
    class_names: tuple[str, ...]
    train: Prepared
    validation: Prepared
    sampling: Sampling
    notes: tuple[str, ...]
    mirrored: bool | None
    loop: Loop
    steps: int

    def epoch_batches(self, epoch: int) -> tf.data.Dataset:
        """Returns the batches of an epoch, counted from 0, always the same ones."""
        return training_batches(
            self.train,
            self.recipe.augmentation(self.mirrored),
            batch_size=self.recipe.batch_size,
            seed=self.recipe.seed,
            epoch=epoch,
            repeat=self.recipe.repeat,
            balanced=self.sampling.balanced,
            foreground=self.sampling.foreground,
            threads=self.recipe.data.threads,
        )

    def validation_batches(self) -> tf.data.Dataset:
        """Returns the validation pictures in order."""
        return evaluation_batches(
            self.validation,
            batch_size=self.recipe.batch_size,
            threads=self.recipe.data.threads,
        )

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

    Raises:
        UserError: For anything in recipe or data that keeps the run from going on.
    """
    check_recipe(recipe)
    weights = None if resumed else weights_to_begin_with(recipe)
    precision = choose_precision(recipe.precision)
    recipe = recipe.model_copy(update={"precision": precision})
    task = tasks.get(recipe.task)
    dataset = dataset or open_data(recipe, watch, runs)
    class_names = check_data(recipe, dataset)
    strategy = tf.distribute.get_strategy()
    prepared = {}
    reports: list[models.WeightReport] = []
    with strategy.scope():
        network = training_network(
            recipe, len(class_names), weights=weights, on_report=reports.append
        )
        for name in ("train", "validation"):
            prepared[name] = prepare(dataset, name, recipe, task, watch, runs)
        steps = max(1, prepared["train"].length * recipe.repeat // recipe.batch_size)
        optimizer = make_optimizer(recipe, steps * recipe.epochs)
        attack = recipe.adversarial
        loop = Loop(
            network, task, class_names, recipe.loss, optimizer, strategy, attack, recipe.seed
        )
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
            *adversarial_notes(recipe),
            *left_out_notes(prepared),
        ),
        mirrored=dataset.mirrored,
        loop=loop,
        steps=steps,
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


def train(recipe: Recipe, folder: RunFolder, *, resume: bool, watch: Watch) -> None:
    """Trains a recipe into a run folder.

    Args:
        recipe: With overrides applied.
        folder: Where to; made here.
        resume: Go on from the last finished epoch, if there is one.
        watch: Told what goes on.

    Raises:
        UserError: For anything that keeps the run from going on, and when the loss is
            no longer a number.
        KeyboardInterrupt: As it came; what was finished is saved.
    """
    resumed = resume and folder.last.is_file()
    session = open_session(recipe, watch, resumed=resumed, runs=folder.path.parent)
    recipe = session.recipe
    state, history = checkpoint.Progress(), []
    variables = checkpoint.variables_of(session.loop.network, session.loop.optimizer)
    if resumed:
        state = checkpoint.restore(folder.last, variables)
        history = folder.history(state.epoch)
        watch.say(f"resuming {folder.path} after epoch {state.epoch} of {recipe.epochs}")
    else:
        _begin(folder, session)
    watch.say(headline(session))
    watch.say(kept_line(session.train, session.validation, recipe))
    watch.notes(session.notes)
    events = EventLog(folder.tensorboard)
    while state.epoch < recipe.epochs and not _stopped_early(recipe, state):
        row = _one_epoch(session, state.epoch, watch)
        score = row[f"validation_{session.task.score}"]
        state.epoch += 1
        state.seconds += row["seconds"]
        better = score > state.best_score
        if better:
            state.best_score, state.best_epoch = score, state.epoch
        if better or recipe.publish == "last":
            checkpoint.save(folder.chosen, checkpoint.variables_of(session.loop.network), state)
        history.append(row)
        folder.write_history(history)
        checkpoint.save(folder.last, variables, state)
        events.write(row)
        watch.say(epoch_line(session, row, better))
    if _stopped_early(recipe, state):
        watch.say(f"stopped early: no better score since epoch {state.best_epoch}")
    checkpoint.restore(folder.chosen, checkpoint.variables_of(session.loop.network))
    write_whole(folder.model_file, session.published().save)
    watch.say(
        f"trained {state.epoch} epochs in {duration(state.seconds)}; best "
        f"{session.task.score} {state.best_score:.4f} on validation, epoch {state.best_epoch}"
        + ("; the last epoch's weights are published" if recipe.publish == "last" else "")
    )


def _begin(folder: RunFolder, session: Session) -> None:
    counts = {"train": session.train.length, "validation": session.validation.length}
    data: dict[str, Any] = {
        "class_names": list(session.class_names),
        "counts": counts,
        "notes": list(session.notes),
    }
    folder.create(session.recipe, data)


def _stopped_early(recipe: Recipe, state: checkpoint.Progress) -> bool:
    patience = recipe.early_stopping
    return patience is not None and state.epoch - state.best_epoch >= patience


def _one_epoch(session: Session, epoch: int, watch: Watch) -> dict[str, Any]:
    """Trains and validates one epoch, counted from 0; returns its row of the history."""
    recipe, score = session.recipe, session.task.score
    began = time.perf_counter()
    with watch.bar(f"epoch {epoch + 1}/{recipe.epochs}", session.steps) as bar:
        done = 0

        def on_step(loss: tf.Tensor) -> None:
            nonlocal done
            done += 1
            bar.advance(lambda: note(float(loss)))

        def note(loss: float) -> str:
            rate = done * recipe.batch_size / (time.perf_counter() - began)
            value = session.loop.running(score)
            return f"loss {loss:.3f} {score} {value:.3f} {rate:,.0f}/s"

        trained = session.loop.train(session.epoch_batches(epoch), on_step)
    if not math.isfinite(trained["loss"]):
        raise UserError(
            f"the loss is no longer a number after epoch {epoch + 1}; lower learning_rate "
            f"(now {recipe.learning_rate:g}) and train again"
        )
    seconds = time.perf_counter() - began
    validated = session.loop.validate(session.validation_batches())
    return {
        "epoch": epoch + 1,
        **trained,
        **{f"validation_{name}": value for name, value in validated.items()},
        "learning_rate": float(np.asarray(session.loop.optimizer.learning_rate)),
        "pictures_per_second": session.steps * recipe.batch_size / seconds,
        "seconds": time.perf_counter() - began,
    }
