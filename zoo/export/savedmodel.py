"""Publishing: a SavedModel written aside, verified in a fresh process, renamed into place."""

import json
import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import keras

import zoo
from zoo.errors import UserError
from zoo.export.graph.tiled import require_tiles
from zoo.export.graph.write import write_graph
from zoo.export.verify import GOLDEN, Verification, compare, golden_pictures, write_golden
from zoo.inference import Predictor
from zoo.models.weights.reading import MODEL_FILE
from zoo.training.recipe import Recipe


@dataclass(frozen=True)
class Published:
    """A version that a server can load.

    Attributes:
        path: ``savedmodels/NAME/N``.
        verification: What was compared, and how far apart it was at most.
    """

    path: Path
    verification: Verification


def export(
    predictor: Predictor,
    destination: Path,
    pictures: Sequence[bytes],
    *,
    recipe: Recipe | None = None,
    scores: dict[str, float] | None = None,
    network: keras.Model | None = None,
    overlap: float | None = None,
) -> Published:
    """Publishes a model as the next version below ``destination``.

    Everything is written to a folder beside the versions whose name is no number,
    which servers ignore; a fresh process reloads it and answers for real encoded files;
    only if its answers equal the Keras model's is the folder renamed to the version. The
    Keras model lies in it as ``model.keras``, for whoever goes on training.

    Args:
        predictor: The model and everything around it.
        destination: ``savedmodels/NAME``.
        pictures: Encoded files to verify with, of the data the model is for.
        recipe: Goes to the model card.
        scores: Go to the model card.
        network: The same model built for another precision, if that is to be served.
        overlap: For a signature ``tiled`` besides; see
            :func:`zoo.export.graph.write.write_graph`.

    Returns:
        The published version.

    Raises:
        CheckError: If the reloaded model answers otherwise; nothing is published.
        UserError: If the place cannot be written to, or the model cannot be asked for tiles.
    """
    if overlap is not None:
        require_tiles(predictor, overlap)
    try:
        destination.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot publish to {destination}: {error.strerror}") from error
    staged = destination / f".tmp-{uuid.uuid4().hex[:12]}"
    try:
        _write(predictor, staged, recipe, scores, network, overlap)
        golden = golden_pictures(pictures, predictor)
        write_golden(staged / "assets.extra" / GOLDEN, golden, predictor)
        verification = compare(staged)
        _sync(staged)
        return Published(_rename(staged, destination), verification)
    except OSError as error:
        raise UserError(f"cannot publish to {destination}: {error.strerror}") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _write(
    predictor: Predictor,
    staged: Path,
    recipe: Recipe | None,
    scores: dict[str, float] | None,
    network: keras.Model | None,
    overlap: float | None,
) -> None:
    graph = write_graph(predictor, staged, network, overlap)
    # Servers pass it over.
    predictor.save_network(staged / MODEL_FILE)
    (staged / "assets.extra").mkdir(exist_ok=True)
    card = model_card(predictor, recipe, scores) | graph.to_json()
    text = json.dumps(card, indent=2) + "\n"
    (staged / "model_card.json").write_text(text, encoding="utf-8")


def model_card(
    predictor: Predictor, recipe: Recipe | None, scores: dict[str, float] | None
) -> dict[str, Any]:
    """Returns what one must know of a published model, as plain values."""
    return {
        "name": recipe.name if recipe else None,
        "task": predictor.task.name,
        "class_names": list(predictor.class_names),
        "preprocessing": predictor.preprocessing.to_json(),
        "on_error": predictor.on_error,
        "scores": scores,
        "recipe": recipe.model_dump(mode="json") if recipe else None,
        "signatures": {
            "serving_default": "image_bytes" if predictor.reads_bytes else "image",
            "pixels": "image",
        },
        "smallest_server": f"TensorFlow Serving {_minor(metadata.version('tensorflow'))}",
        "versions": {
            "zoo": zoo.__version__,
            **{name: metadata.version(name) for name in ("tensorflow", "keras")},
        },
    }


def read_card(version: Path) -> dict[str, Any]:
    """Reads the model card of a published version.

    Raises:
        UserError: If there is none.
    """
    path = version / "model_card.json"
    if not path.is_file():
        raise UserError(f"{version} has no model_card.json; `zoo export` writes models with one")
    return json.loads(path.read_text(encoding="utf-8"))


def versions(destination: Path) -> list[Path]:
    """Lists the published versions below ``savedmodels/NAME``, oldest first."""
    if not destination.is_dir():
        return []
    numbered = [path for path in destination.iterdir() if path.name.isdigit() and path.is_dir()]
    return sorted(numbered, key=lambda path: int(path.name))


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _sync(folder: Path) -> None:
    # The rename may reach the disk before the files do; a server would load a torn version.
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _rename(staged: Path, destination: Path) -> Path:
    number = max((int(path.name) for path in versions(destination)), default=0) + 1
    while True:
        target = destination / str(number)
        try:
            # Linux' rename replaces an empty folder and refuses a full one: a version
            # that another process has published meanwhile is never touched.
            staged.rename(target)
            return target
        except OSError:
            if not target.exists():
                raise
            number += 1
