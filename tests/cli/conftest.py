"""A working folder with a recipe and pictures, and the command line as a user calls it."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from zoo.cli import main
from zoo.export import replay, verify

RECIPE = '''"""Red and blue pictures, told apart."""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="classification",
    data=DataOptions(source="class_folders", validation=0.25, test=0.25),
    input=InputOptions(size=(8, 8), channels=3),
    model={"encoder": "plain", "filters": [2, 4], "head": "average"},
    augment={"flip": True},
    epochs=2,
    batch_size=4,
    learning_rate=0.02,
)
'''


def draw_colour(red, seed, size=(12, 9)):
    pixels = np.random.default_rng(seed).integers(0, 60, (size[1], size[0], 3), np.uint8)
    pixels[..., 0 if red else 2] += 190
    return Image.fromarray(pixels)


def make_pictures(folder: Path) -> Path:
    """Sixteen pictures in two classes, among them the oddities of real folders."""
    for name in ("red", "blue"):
        (folder / name).mkdir(parents=True)
        for number in range(8):
            picture = draw_colour(name == "red", number)
            path = folder / name / f"{number}.png"
            if number == 0:  # a PNG named .jpg
                picture.save(folder / name / "0.jpg", "PNG")
            elif number == 1:  # a palette GIF
                picture.convert("P").save(folder / name / "1.gif")
            elif number == 2:  # sideways, with the orientation in EXIF
                exif = Image.Exif()
                exif[0x0112] = 6
                picture.save(folder / name / "2.jpg", exif=exif)
            else:
                picture.save(path)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder with a recipe and pictures; verification in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verify, "answer_in_fresh_process", replay.answer_again)
    Path("recipes").mkdir()
    Path("recipes/colours.py").write_text(RECIPE)
    make_pictures(tmp_path / "pictures")
    return tmp_path


@pytest.fixture(scope="session")
def colour_picture():
    """Draws a picture mostly red, or mostly blue."""
    return draw_colour


@pytest.fixture(scope="session")
def zoo():
    """Runs a command, of which an exit code is expected: code="any" for whichever."""
    return run_command


def run_command(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if code != "any":
        assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.fixture(scope="session")
def history():
    """Reads a run folder's metrics, a dict an epoch."""
    return read_history


def read_history(run: Path):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="session")
def refused():
    """Runs a command that the user got wrong; returns its one line."""
    return run_refused


def run_refused(*arguments):
    result = run_command(*arguments, code=2)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("Error: ")
    return lines[-1]
