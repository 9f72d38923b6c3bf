"""Publishing: a SavedModel written aside, verified in fresh processes, renamed into place."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import tensorflow as tf

from zoo.errors import CheckError
from zoo.export.card import facts, smallest_server, write_card
from zoo.export.golden import Picture, as_file, inputs_of, write_golden
from zoo.export.graph.tiled import TILED, require_tiles, tiled
from zoo.export.graph.write import Graph, write_graph
from zoo.export.publish import check_version, publish
from zoo.export.published import check_place
from zoo.export.requests import write_requests
from zoo.export.runtimes.score import Scored, Scorer, judge
from zoo.export.told import Told
from zoo.export.tolerance import TOLERANCES
from zoo.export.verify import Verification, compare
from zoo.export.warmup import write_warmup
from zoo.inference import Predictor
from zoo.models.weights.reading import MODEL_FILE


@dataclass(frozen=True)
class Published:
    """A version that a server can load.

    Attributes:
        path: ``savedmodels/NAME/N``.
        verification: What was compared, and how far apart it was at most.
        scored: On the test split, if that was asked for.
        scorer: That measured it.
    """

    path: Path
    verification: Verification
    scored: Scored | None = None
    scorer: Scorer | None = None


def export(
    predictor: Predictor,
    destination: Path,
    pictures: Sequence[Picture],
    *,
    told: Told | None = None,
    license: str | None = None,
    version: int | None = None,
    network: keras.Model | None = None,
    overlap: float | None = None,
    scorer: Scorer | None = None,
) -> Published:
    """Publishes a model as the next version below ``destination``.

    Everything is written to a folder beside the versions whose name is no number,
    which servers ignore; fresh processes reload it, by Python's TensorFlow and through the
    C API, and answer for real encoded files; only if their answers equal the Keras model's
    is the folder renamed to the version. The Keras model lies in it as ``model.keras``, for
    whoever goes on training.

    Args:
        predictor: The model and everything around it.
        destination: ``savedmodels/NAME``.
        pictures: To verify with, of the data the model is for: encoded, or [h, w, c].
        told: What the model card says of where the model comes from and how good it is.
        license: Of the model, as the card shall state it: an SPDX identifier.
        version: The number; by default the next one.
        network: The same model built for another precision, if that is to be served.
        overlap: For a signature ``tiled`` besides; see
            :func:`zoo.export.graph.write.write_graph`.
        scorer: If its score on the test split is to be judged too.

    Returns:
        The published version.

    Raises:
        CheckError: If the reloaded model answers otherwise, or its score lies further below
            the Keras model's than it may; nothing is published.
        UserError: If the place cannot be written to or holds models, the version was given
            already, or the model cannot be asked for tiles.
    """
    check_place(destination)
    check_version(destination, version)
    # Of "." and "..", too, whose own name is none.
    name = os.path.basename(os.path.abspath(destination))
    functions = dict(predictor.signatures)
    if overlap is not None:
        require_tiles(predictor, overlap)
        functions[TILED] = tiled(predictor, overlap)
    # What keeps it from being measured is said before anything is written.
    original = scorer and scorer.original
    readable = [
        as_file(picture, predictor.reads_bytes)
        for picture in pictures
        if _can_be_read(picture, predictor)
    ]

    def fill(staged: Path) -> tuple[Verification, Scored | None]:
        graph = _write(predictor, staged, network, overlap)
        card = {
            "name": name,
            "task": predictor.task.name,
            "class_names": list(predictor.class_names),
            "license": license,
            "signatures": {
                key: next(iter(inputs_of(function))) for key, function in functions.items()
            },
            "preprocessing": predictor.preprocessing.to_json(),
            "on_error": predictor.on_error,
            **(told or Told()).to_json(),
            "smallest_server": smallest_server(),
            **facts(),
            **graph.to_json(),
        }
        write_card(staged, card)
        write_golden(staged, readable, predictor, functions)
        write_warmup(staged, readable, predictor, functions)
        write_requests(
            staged,
            name,
            reads_bytes=predictor.reads_bytes,
            answers_mask="mask_bytes" in predictor.task.served,
        )
        verification = compare(staged)
        seen = {**asdict(verification), "tolerance": asdict(TOLERANCES[graph.precision])}
        scored = None
        if scorer and original:
            scored = scorer.savedmodel(staged)
            _judge(scorer.name, original, scored, graph.precision)
            seen["test"] = {"pictures": scored.pictures, "scores": scored.scores}
        write_card(staged, {**card, "verification": seen})
        return verification, scored

    path, (verification, scored) = publish(destination, fill, version)
    return Published(path, verification, scored, scorer)


def _judge(name: str, original: Scored, scored: Scored, precision: str) -> None:
    try:
        judge(name, original, scored, precision)
    except CheckError as error:
        raise CheckError(f"SavedModel in {precision}: {error}; it was not published") from error


def _can_be_read(picture: Picture, predictor: Predictor) -> bool:
    try:
        predictor.preprocessing.prepare({"image": tf.constant(picture)})
    except tf.errors.InvalidArgumentError:
        return False
    return True


def _write(
    predictor: Predictor, staged: Path, network: keras.Model | None, overlap: float | None
) -> Graph:
    graph = write_graph(predictor, staged, network, overlap)
    # Servers pass it over.
    predictor.save_network(staged / MODEL_FILE)
    return graph
