"""Pictures to try a model with: those that can be read."""

import io

import pytest
from PIL import Image

from zoo.training.examples import example_pictures
from zoo.training.recipe import Recipe
from zoo.training.sections import DataOptions, InputOptions


def picture(value, kind="PNG"):
    stream = io.BytesIO()
    Image.new("RGB", (9, 7), (value, 0, 0)).save(stream, kind)
    return stream.getvalue()


@pytest.fixture
def recipe(tmp_path):
    """Of its five test pictures the first two and the fourth are damaged."""
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(3):
                (tmp_path / split / name / f"{number}.png").write_bytes(picture(number))
    (tmp_path / "test/cat/0.png").write_bytes(picture(0)[:40])
    (tmp_path / "test/cat/1.png").write_bytes(b"no picture")
    (tmp_path / "test/dog/0.png").write_bytes(picture(0)[:-20])
    (tmp_path / "test/dog/2.png").unlink()
    return Recipe(
        task="classification",
        data=DataOptions(source="class_folders", path=str(tmp_path)),
        input=InputOptions(size=(8, 8), channels=3),
        model={"encoder": "plain"},
    )


def test_damaged_pictures_are_passed_over(recipe):
    found = example_pictures(recipe, 8)
    assert found == [picture(2), picture(1)]
    assert example_pictures(recipe, 1) == found[:1]


def test_where_none_can_be_read_there_is_none(recipe, tmp_path):
    for path in (tmp_path / "test").rglob("*.png"):
        path.write_bytes(b"no picture")
    assert example_pictures(recipe, 3) == []
