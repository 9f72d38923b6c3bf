"""A tiny model of the zoo for each task, saved as publishing saves it."""

from pathlib import Path

import keras

import zoo
from zoo import tasks
from zoo.export.graph.write import write_graph
from zoo.inference import Predictor
from zoo.preprocess import Preprocessing

CLASSES = ("cat", "dog", "größer")
BUILD = {"encoder": "plain", "filters": (4, 8), "classes": 3, "input_shape": (32, 32, 3)}


def predictor_of(task: str, seed: int = 3) -> Predictor:
    keras.utils.set_random_seed(seed)
    model = zoo.build(task, **BUILD)
    return Predictor(model, tasks.get(task), Preprocessing((32, 32), 3), CLASSES)


def publish(root: Path) -> dict[str, Predictor]:
    """Saves version 1 of each task's model below a folder; returns who answers likewise."""
    predictors = {}
    for task in ("classification", "localization", "segmentation"):
        predictors[task] = predictor = predictor_of(task)
        write_graph(predictor, root / task / "1")
    return predictors
