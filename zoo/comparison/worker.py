"""What a comparison does in processes of their own: check all runs, or train one.

``python -m zoo.comparison.worker`` reads what to do, a line of JSON, from standard input, which
stays open as long as whoever started it lives: when it closes, the work is put down.
"""

import _thread
import json
import math
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.comparison.result import GRADIENTS_FILE, RESULT_FILE
from zoo.errors import UserError
from zoo.training.files import write_text
from zoo.training.recipe import Recipe, parse_recipe

GRADIENT_BATCHES = 4
_PATIENCE_SECONDS = 10.0
_STDIN = 0


def check(recipes: Mapping[str, Recipe], runs: Path) -> dict[str, Any]:
    """Checks every setting: its options and network first, then its data.

    Args:
        recipes: By the name of the setting.
        runs: Folder of the run folders, where pictures are converted to.

    Returns:
        ``scores``, the names of what is measured; ``gpus``, how many there are; ``data``, for
        each section ``data`` of a recipe the ``settings`` that have it, and the ``class_names``,
        the ``counts`` by split and the ``fingerprint`` of what it names.

    Raises:
        UserError: One sentence that names the first setting that cannot be trained, and why.
    """
    import tensorflow as tf

    from zoo import tasks
    from zoo.data.fingerprint import fingerprint
    from zoo.training.data import open_data
    from zoo.training.session import check_data, check_recipe, weights_to_begin_with

    networks, opened, settings, class_names = set(), {}, {}, ()
    for name, recipe in recipes.items():
        with _named(name):
            # Options cost nothing to look at: those of every setting, for epochs count as well.
            recipe.check_options()
            # A network costs seconds to build, and many settings share theirs.
            parts = recipe.model_dump_json(exclude={"seed", "epochs", "learning_rate"})
            if parts not in networks:
                check_recipe(recipe)
                weights_to_begin_with(recipe)
                networks.add(parts)
    for name, recipe in recipes.items():
        with _named(name):
            data = recipe.data.model_dump_json()
            if data not in opened:
                opened[data] = open_data(recipe, runs=runs)
            class_names = check_data(recipe, opened[data])
            settings.setdefault(data, []).append(name)
    task = tasks.get(next(iter(recipes.values())).task)
    return {
        "scores": _score_names(task, class_names),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        "data": [
            {
                "settings": settings[data],
                "class_names": list(dataset.class_names(task.targets)),
                "counts": {name: split.length for name, split in dataset.splits.items()},
                "fingerprint": fingerprint(dataset.splits.values()),
            }
            for data, dataset in opened.items()
        ],
    }


def _score_names(task: Any, class_names: Sequence[str]) -> list[str]:
    """Returns the names of what :meth:`zoo.tasks.Task.results` may give."""
    metrics = task.metrics(class_names)
    by_class = any(hasattr(metric, "per_class") for _, metric in metrics.values())
    return [*metrics, *(f"iou/{name}" for name in class_names if by_class)]


class _named:  # noqa: N801
    """Says of a user's mistake in which setting it is."""

    def __init__(self, name: str):
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, UserError):
            raise UserError(f"{self._name}: {error}") from None


def train_cell(recipe: Recipe, folder: Path, gradients: bool) -> None:
    """Trains one run, or goes on with it, and writes its results last of all.

    Args:
        recipe: Of the run, its seed included.
        folder: The run folder.
        gradients: Measure also the gradient at each convolution.
    """
    import keras

    # A run alone in its process and one after others are the same run.
    keras.utils.clear_session()
    if not (folder / RESULT_FILE).is_file():
        _train(recipe, folder)
    if gradients and not (folder / GRADIENTS_FILE).is_file():
        write_text(folder / GRADIENTS_FILE, json.dumps(_gradients(recipe, folder)) + "\n")


def _train(recipe: Recipe, folder: Path) -> None:
    from zoo import models, tasks
    from zoo.run import train
    from zoo.training.data import open_data
    from zoo.training.watch import Watch

    watch = Watch()
    run = train(recipe, run=folder, resume=True, watch=watch)
    task, history = tasks.get(recipe.task), run.history
    score = f"validation_{task.score}"
    chosen = history[-1] if recipe.publish == "last" else max(history, key=lambda row: row[score])
    scores = {
        "validation": {
            name: chosen[f"validation_{name}"]
            for name in _score_names(task, run.class_names)
            if f"validation_{name}" in chosen
        }
    }
    if "test" in open_data(recipe, runs=folder.parent).splits:
        scores["test"] = run.evaluate("test", watch=watch).scores
    described = models.describe(run.model, size=recipe.input.size)
    result = {
        "epochs": len(history),
        "epoch": chosen["epoch"],
        "loss": chosen["loss"],
        "validation_loss": chosen["validation_loss"],
        "seconds": sum(row["seconds"] for row in history),
        "parameters": described.parameters,
        "macs": described.macs,
        "scores": {
            split: {name: value if math.isfinite(value) else None for name, value in found.items()}
            for split, found in scores.items()
        },
    }
    write_text(folder / RESULT_FILE, json.dumps(result, indent=2) + "\n")


def _gradients(recipe: Recipe, folder: Path) -> dict[str, dict[str, float]]:
    """Returns the norms by layer, ``initial`` and ``trained``, on the same training batches."""
    from zoo.training.folder import RunFolder
    from zoo.training.gradients import gradient_norms
    from zoo.training.resume import restore_chosen
    from zoo.training.session import open_session
    from zoo.training.watch import Watch

    # The seed gives the network the weights that training began with; in single precision the
    # norms are of the network, not of rounding.
    exact = recipe.model_copy(update={"precision": "float32"})
    session = open_session(exact, Watch(quiet=True), runs=folder.parent)
    batches = list(session.epoch_batches(0).take(GRADIENT_BATCHES))
    initial = gradient_norms(session, batches)
    restore_chosen(RunFolder(folder), session.loop.network)
    return {"initial": initial, "trained": gradient_norms(session, batches)}


def work(job: Mapping[str, Any]) -> None:
    """Does what a job says, as :mod:`zoo.comparison.pool` writes it."""
    if "check" in job:
        recipes = {name: parse_recipe(values) for name, values in job["check"].items()}
        write_text(Path(job["answer"]), json.dumps(check(recipes, Path(job["runs"]))))
    else:
        train_cell(parse_recipe(job["recipe"]), Path(job["folder"]), job["gradients"])


def _put_down_with_parent() -> None:
    # Not through sys.stdin, whose lock a thread that waits would hold when the process ends.
    while os.read(_STDIN, 1):
        pass
    _thread.interrupt_main()
    time.sleep(_PATIENCE_SECONDS)
    os._exit(130)


def _main() -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_put_down_with_parent, daemon=True).start()
    try:
        work(job)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    _main()
