"""Beginning with weights on the command line: what was left out is said, as a note."""

import json
import shutil
from pathlib import Path

import pytest


def test_a_fitted_kernel_is_noted_and_a_resumed_run_needs_no_weights(here, zoo):
    zoo("train", "colours", "--data", "pictures", "--set", "epochs=1", "--run", "runs/old")
    arguments = ("train", "colours", "--data", "pictures", "--set", "input.channels=1")
    arguments += ("--set", "model.weights=runs/old", "--set", "model.freeze=encoder")
    first = zoo(*arguments, "--set", "epochs=1", "--run", "runs/new")
    assert first.stderr.count("note: weights of runs/old: 9 layers loaded") == 1
    assert "note: stage1_block1_conv1: its kernel for 3 input channels was fitted to 1" in (
        first.stderr
    )
    assert "Warning" not in first.output
    recipe = json.loads(Path("runs/new/recipe.json").read_text())
    assert recipe["model"]["weights"] == "runs/old"
    shutil.rmtree("runs/old")
    second = zoo(*arguments, "--set", "epochs=2", "--run", "runs/new", "--resume")
    assert "resuming" in second.stderr
    assert "layers loaded" not in second.output
    zoo("evaluate", "runs/new")
    zoo("export", "runs/new", "--to", "published")
    assert Path("published/1/model.keras").is_file()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.weights=nowhere", "weights='nowhere' is no file"),
        ("model.weights=imagenet", "has no published ImageNet weights"),
        ("model.freeze=7", "asks for more stages than the encoder's 2"),
    ],
)
def test_mistakes(here, refused, setting, message):
    assert message in refused("run", "colours", "--data", "pictures", "--set", setting)
    assert not Path("runs").exists()
