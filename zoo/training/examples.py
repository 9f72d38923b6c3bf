"""The first pictures of a recipe's data, to try a model with."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from zoo.preprocess import CHANNELS
from zoo.training.data import RUNS, open_data
from zoo.training.recipe import Recipe


def example_pictures(recipe: Recipe, count: int, runs: Path = RUNS) -> list[bytes | np.ndarray]:
    """Returns the first pictures of the test split, or of the first there is.

    Args:
        recipe: Names the data.
        count: At most so many.
        runs: Folder of the run folders, beside which converted pictures are kept.

    Returns:
        Encoded pictures, or uint8 [h, w, c] where the data set has arrays.
    """
    dataset = open_data(recipe, runs=runs)
    split = dataset.splits.get("test") or dataset.splits["train"]
    found: list[bytes | np.ndarray] = []
    for index in range(min(count, split.length)):
        try:
            found.append(split.read(tf.constant(index, tf.int64))["image"].numpy())
        except tf.errors.OpError:
            # One that cannot be read is no example; evaluating names it.
            continue
    return found


def example_files(recipe: Recipe, count: int, runs: Path = RUNS) -> list[bytes]:
    """Returns the same, encoded; none where no encoded picture carries the model's channels."""
    if recipe.input.channels not in CHANNELS:
        return []
    pictures = example_pictures(recipe, count, runs)
    return [
        data if isinstance(data, bytes) else tf.io.encode_png(data).numpy() for data in pictures
    ]
