"""A rehearsal of a whole run on two batches, and what the full run would need."""

import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from zoo.export.savedmodel import export
from zoo.export.told import Told
from zoo.inference import Predictor
from zoo.training.memory import fitting
from zoo.training.recipe import Recipe
from zoo.training.samples import Samples
from zoo.training.session import open_session
from zoo.training.watch import Watch

_BATCHES = 2


@dataclass(frozen=True)
class DryRun:
    """What a rehearsal measured.

    Attributes:
        seconds_per_step: Of a training step of one batch, once compiled.
        steps: Training steps of the full run, all epochs.
        seconds: What the full training would take, validation included.
        memory_gib: The most memory the rehearsal held, GiB; the full run holds the same.
        parameters: Of the network.
        verified: Encoded pictures whose answers agreed after a trial export.
    """

    seconds_per_step: float
    steps: int
    seconds: float
    memory_gib: float
    parameters: int
    verified: int

    def to_json(self) -> dict[str, Any]:
        """Returns the measurements as plain values."""
        return asdict(self)


def dry_run(recipe: Recipe, watch: Watch) -> DryRun:
    """Does everything a run does, on two batches, and leaves nothing but converted pictures.

    All pictures are read, so that a faulty one is found now; two batches are trained and two
    validated; an epoch's picture is drawn; the network is exported to a temporary place and
    verified there.

    Args:
        recipe: With overrides applied.
        watch: Told what goes on.

    Raises:
        UserError: For whatever would stop the full run.
        CheckError: If the exported model answers otherwise than the Keras model.
    """
    session = open_session(recipe, watch)
    recipe, devices = session.recipe, session.devices
    watch.notes(session.notes)
    train = session.epoch_batches(0).take(_BATCHES)
    validation = session.validation_batches().take(_BATCHES)

    def validate() -> None:
        with fitting(recipe, devices, validating=True):
            session.loop.validate(validation)

    with watch.bar("training two batches"), fitting(recipe, devices):
        # The first pass traces and compiles; the second shows what a step costs.
        session.loop.train(train)
        validate()
        began = time.perf_counter()
        session.loop.train(train)
        step = (time.perf_counter() - began) / min(_BATCHES, session.steps)
        began = time.perf_counter()
        validate()
        validation_steps = -(-session.validation.length // session.validation_batch)
        validation_step = (time.perf_counter() - began) / min(_BATCHES, validation_steps)
        Samples(session).draw(0)
    preprocessing = recipe.preprocessing()
    predictor = Predictor(session.published(), session.task, preprocessing, session.class_names)
    pictures = []
    if predictor.reads_bytes:
        examples: Any = session.validation_batches().unbatch().take(_BATCHES)
        images = (tf.cast(example["image"], tf.uint8) for example in examples)
        pictures = [tf.io.encode_png(image).numpy() for image in images]
    with tempfile.TemporaryDirectory() as folder, watch.bar("exporting and verifying"):
        published = export(predictor, Path(folder) / "model", pictures, told=Told(recipe))
    epochs = recipe.epochs
    return DryRun(
        seconds_per_step=step,
        steps=session.steps * epochs,
        seconds=epochs * (session.steps * step + validation_steps * validation_step),
        memory_gib=_peak_memory() / 2**30,
        parameters=session.loop.network.count_params(),
        verified=published.verification.pictures,
    )


def _peak_memory() -> int:
    """Returns the most memory this process has held, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
