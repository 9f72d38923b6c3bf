"""A working folder with a recipe and pictures, comparisons in this process, and made-up ones."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from zoo.cli import main
from zoo.comparison import pool
from zoo.comparison.axes import make_grid
from zoo.comparison.result import Compared, Outcome, Row
from zoo.errors import UserError

RECIPE = '''"""Red and blue pictures, told apart."""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="classification",
    data=DataOptions(source="npz", path="pictures.npz", validation=0.25, test=0.25),
    input=InputOptions(size=(8, 8), channels=3),
    model={"encoder": "plain", "filters": [2], "head": "average"},
    epochs=1,
    batch_size=4,
    learning_rate=0.02,
    precision="float32",
)
'''


def make_place(folder: Path) -> Path:
    """Makes a recipe and sixteen pictures in two classes, in arrays: those need no decoding."""
    (folder / "recipes").mkdir()
    (folder / "recipes" / "colours.py").write_text(RECIPE)
    classes = np.arange(16) % 2
    pixels = np.random.default_rng(0).integers(0, 60, (16, 8, 8, 3), np.uint8)
    for picture, label in zip(pixels, classes, strict=True):
        picture[..., 2 * label] += 190
    np.savez(folder / "pictures.npz", x_train=pixels, y_train=classes)
    return folder


RESULT = {
    "epochs": 1,
    "epoch": 1,
    "loss": 0.5,
    "validation_loss": 0.5,
    "seconds": 1.0,
    "parameters": 104,
    "macs": 5764,
    "scores": {"validation": {"accuracy": 0.5}, "test": {"accuracy": 0.5}},
}


class MadeUp:
    """A process of a run that comes to what every other does, without training."""

    def __init__(self, job, threads, folder, lock):
        folder.mkdir()
        (folder / "result.json").write_text(json.dumps(RESULT))

    def poll(self):
        return 0


class Here:
    """A process of a comparison that does its work where it is started."""

    def __init__(self, job, threads, folder, lock):
        from zoo.comparison import worker

        self.code, self.said = 0, ""
        folder.mkdir(parents=True, exist_ok=True)
        try:
            worker.work(job)
        except UserError as error:
            self.code, self.said = 2, f"Error: {error}"

    def poll(self):
        return self.code

    def failure(self):
        return pool.why(self.code, self.said)


def ask_here(job, threads):
    from zoo.comparison import worker
    from zoo.training.recipe import parse_recipe

    recipes = {name: parse_recipe(values) for name, values in job["check"].items()}
    return worker.check(recipes, Path(job["runs"]))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A working folder for the tests of a module, whose runs are trained in this process."""
    folder = make_place(tmp_path_factory.mktemp("place"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(pool, "start", Here)
        patch.setattr(pool, "ask", ask_here)
        yield folder


@pytest.fixture
def untrained(place, monkeypatch):
    """The working folder of a module, whose runs come to something without being trained."""
    monkeypatch.setattr(pool, "start", MadeUp)


@pytest.fixture
def untouched(tmp_path, monkeypatch):
    """A working folder whose runs are trained in processes of their own."""
    monkeypatch.chdir(make_place(tmp_path))


@pytest.fixture(scope="session")
def zoo():
    """Runs a command, of which an exit code is expected."""
    return run_command


def run_command(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.stderr, result.exception)
    return result


@pytest.fixture(scope="session")
def refused():
    """Runs a command that the user got wrong; returns its one line."""

    def run(*arguments):
        lines = run_command(*arguments, code=2).stderr.strip().splitlines()
        assert lines[-1].startswith("Error: ")
        return lines[-1]

    return run


@pytest.fixture
def made_up():
    """Makes a comparison from what its runs found: {setting: [score of each seed, or a failure]}.

    Parameters are 1,000 a row, seconds 10 a row, from the first on.
    """

    def make(folder, vary, found, *, cases=None, split="test", gradients=False, epochs=2):
        seeds = range(len(next(iter(found.values()))))
        grid = make_grid(vary, cases or {}, list(seeds))
        rows = []
        for place, setting in enumerate(grid.settings(), 1):
            cells = [cell for cell in grid.cells() if cell.setting == setting]
            outcomes = []
            for cell, value in zip(cells, found[setting.name], strict=True):
                run = folder / cell.name
                run.mkdir(parents=True, exist_ok=True)
                failed = isinstance(value, str)
                losses = [
                    {"epoch": epoch + 1, "loss": place / (epoch + 1), "validation_loss": 1.0}
                    for epoch in range(epochs)
                ]
                if not failed:
                    lines = "".join(json.dumps(row) + "\n" for row in losses)
                    (run / "metrics.jsonl").write_text(lines)
                result = {
                    "epochs": epochs,
                    "epoch": epochs,
                    "seconds": 10.0 * place,
                    "parameters": 1000 * place,
                    "macs": 10**6 * place,
                    "scores": {"validation": {"accuracy": value}, split: {"accuracy": value}},
                }
                norms = {"stage1_conv": 1.0 * place, "stage1_shortcut_conv": 9.0, "stage2": 0.1}
                measured = {"initial": norms, "trained": norms} if gradients else None
                outcomes.append(
                    Outcome(cell, run, None, None, value)
                    if failed
                    else Outcome(cell, run, result, measured)
                )
            rows.append(Row(setting, tuple(outcomes)))
        recipe = {"name": "colours", "task": "classification"}
        return Compared(folder, recipe, grid, 1, (), "accuracy", tuple(rows))

    return make
