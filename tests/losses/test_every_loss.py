"""What holds of the losses that the package lists: all are tried, documented and saved."""

import ast
import doctest
import importlib
from pathlib import Path

import keras
import numpy as np
import pytest
from samples import BOX_LOSSES, CLASSES, MASK_LOSSES, box_loss, mask_loss, masks

import zoo.losses
import zoo.metrics
from zoo.losses import Dice, Focal, GIoU, MaskCrossEntropy

SOURCES = sorted(Path(zoo.losses.__file__).parent.glob("*.py"))


def test_every_loss_is_tried_here():
    listed = {
        kind
        for kind in map(zoo.losses.__dict__.get, zoo.losses.__all__)
        if isinstance(kind, type) and issubclass(kind, keras.losses.Loss)
    }
    assert listed == {kind for kind, _ in (*MASK_LOSSES.values(), *BOX_LOSSES.values())}


@pytest.mark.parametrize("path", [*SOURCES, Path(zoo.metrics.__file__)], ids=lambda path: path.stem)
def test_imports_keras_alone(path):
    tree = ast.parse(path.read_text())
    found = {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    found |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    others = {name for name in found if not name.startswith("zoo.losses")}
    assert others <= {
        "keras", "math", "typing", "collections.abc", "contextlib", "contextvars",
    }  # fmt: skip


def test_examples_in_docstrings_run():
    modules = [importlib.import_module(f"zoo.losses.{path.stem}") for path in SOURCES]
    found = [doctest.testmod(module, extraglobs={"np": np}) for module in modules]
    assert sum(result.failed for result in found) == 0
    listed = [name for name in zoo.losses.__all__ if name != "overlaps"]
    assert sum(result.attempted for result in found) >= 2 * len(listed)


SERIALISED = [
    *(mask_loss(name) for name in MASK_LOSSES),
    *(box_loss(name) for name in BOX_LOSSES),
    GIoU(reduction="sum", name="mine"),
    MaskCrossEntropy(7, False, 0.25, (1, 2), reduction="none"),
    Focal(1.0, 0.25, ignore=None),
    Dice(None, False),
]


@pytest.mark.parametrize("loss", SERIALISED, ids=lambda loss: loss.name)
def test_losses_survive_serialisation(loss):
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss)
    config = again.get_config()
    assert config == loss.get_config()
    assert config == {name: getattr(loss, name) for name in config}


def test_a_model_is_saved_with_its_loss(tmp_path):
    mask, logits = masks(6)
    model = keras.Sequential([keras.Input((4, 5, CLASSES)), keras.layers.Conv2D(CLASSES, 1)])
    model.compile("sgd", Focal(1.5, class_weights=(1, 2, 3)), jit_compile=False)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert float(again.loss(mask, logits)) == float(model.loss(mask, logits))
