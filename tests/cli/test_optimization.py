"""What a recipe asks for of optimization reaches the run, the log and the model."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from zoo.training.schedule import FIELDS

DATA = ("--data", "pictures", "--set", "epochs=2")


def test_the_average_is_published(here, zoo, history):
    settings = ("optimizer.name=sgd", "optimizer.options.momentum=0.9", "optimizer.clip_norm=1")
    settings += ("schedule.name=step", "schedule.milestones=[0.5]", "ema=0.99", "publish=last")
    zoo("train", "colours", *DATA, *(part for one in settings for part in ("--set", one)))
    run = Path("runs/colours")
    recipe = json.loads((run / "recipe.json").read_text())
    assert recipe["optimizer"] == {
        "name": "sgd", "options": {"momentum": 0.9}, "clip_norm": 1, "clip_value": None,
    }  # fmt: skip
    assert recipe["schedule"]["milestones"] == [0.5]
    assert recipe["ema"] == 0.99
    # The first epoch is half of the run: what follows goes at a tenth.
    rates = [row["learning_rate"] for row in history(run)]
    assert rates == pytest.approx([0.002, 0.002])
    model = keras.models.load_model(run / "model.keras")
    with np.load(run / "checkpoints" / "last.npz") as archive:
        last = dict(archive)
    weights = [last[name] for name in last if name.startswith("network/")]
    averages = [last[name] for name in last if name.startswith("others/")][: len(weights)]
    assert len(averages) == len(model.get_weights()) == len(weights)
    for published, average in zip(model.get_weights(), averages, strict=True):
        np.testing.assert_array_equal(published, average)
    assert any((one != two).any() for one, two in zip(weights, averages, strict=True))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("optimizer.name=adamm", "did you mean 'adam'?"),
        ("optimizer.options.beta1=0.8", "did you mean 'beta_1'?"),
        ("schedule.power=2", "schedule.power is without effect"),
        ("schedule.nam=step", "did you mean 'name'?"),
        ("accumulate=100", "accumulate=100 is more than the"),
    ],
)
def test_mistakes(here, refused, setting, said):
    assert said in refused("train", "colours", *DATA, "--set", setting)


def test_the_readme_names_every_schedule():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in FIELDS if name != "cosine")
