"""The first pictures of a recipe's data, to try a model with."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from zoo.training.data import RUNS, open_data
from zoo.training.recipe import Recipe


def example_pictures(recipe: Recipe, count: int, runs: Path = RUNS) -> list[bytes | np.ndarray]:
    """Returns the first pictures that can be read of the test split, or of train without one.

    Args:
        recipe: Names the data.
        count: At most so many.
        runs: Folder of the run folders, beside which converted pictures are kept.

    Returns:
        Encoded pictures, or uint8 [h, w, c] where the data set has arrays.
    """
    dataset = open_data(recipe, runs=runs)
    split = dataset.splits.get("test") or dataset.splits["train"]
    preprocessing = recipe.preprocessing()
    found: list[bytes | np.ndarray] = []
    for index in range(split.length):
        if len(found) == count:
            break
        try:
            image = split.read(tf.constant(index, tf.int64))["image"].numpy()
            if isinstance(image, bytes):
                preprocessing.read(image)
        except tf.errors.OpError:
            # One that cannot be read is no example; evaluating names it.
            continue
        found.append(image)
    return found
