"""A tiny set of pictures held in memory, and a recipe that trains on it in a second."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from zoo.training.recipe import DataOptions, InputOptions, Recipe


@pytest.fixture(scope="session")
def stripes(tmp_path_factory):
    """An npz file of 24 training and 8 validation pictures, 8x8: stripes across or down."""
    random = np.random.default_rng(0)
    arrays = {}
    for name, count in (("train", 24), ("validation", 8)):
        labels = np.arange(count) % 2
        pixels = random.integers(0, 90, (count, 8, 8, 1), dtype=np.uint8)
        pixels[labels == 0, ::2] += 120
        pixels[labels == 1, :, ::2] += 120
        arrays |= {f"x_{name}": pixels, f"y_{name}": labels}
    path = tmp_path_factory.mktemp("stripes") / "stripes.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="session")
def stripes_recipe(stripes):
    """Six steps an epoch, two epochs, and whatever draws at random."""
    return Recipe(
        name="stripes",
        task="classification",
        data=DataOptions(source="npz", path=str(stripes), test=0.0),
        input=InputOptions(size=(8, 8), channels=1),
        model={"encoder": "plain", "filters": [2, 2], "dropout": 0.3},
        augment={"rotate": 20.0, "noise": 4.0, "mixup": 0.3},
        epochs=2,
        batch_size=4,
        learning_rate=0.01,
        precision="float32",
        ema=0.9,
    )


@pytest.fixture(scope="session")
def resume_benchmark():
    """The module benchmarks/resume.py."""
    path = Path(__file__).parents[2] / "benchmarks" / "resume.py"
    spec = importlib.util.spec_from_file_location("resume_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    # Processes that it starts find their function by the module's name.
    spec.loader.exec_module(module)
    return module
