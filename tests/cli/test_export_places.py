"""Where a run is published, under which name, and what a place would hide."""

import json
from pathlib import Path

import pytest

from zoo.run import train
from zoo.training.catalogue import load_recipe


@pytest.fixture
def nameless(here):
    """A run of a recipe as it is made in Python, whose name nothing has filled in."""
    pictures = str(here / "pictures")
    return train(
        load_recipe("colours").with_overrides({"name": "", "epochs": 1, "data.path": pictures})
    )


def card_of(version):
    return json.loads((version / "model_card.json").read_text())


def test_a_recipe_without_a_name_is_published_under_its_tasks(nameless, here, zoo, refused):
    before = {path.name for path in here.iterdir()}
    published = nameless.export()
    assert published.path == Path("savedmodels/classification/1")
    assert card_of(published.path)["name"] == "classification"
    assert {path.name for path in here.iterdir()} - before == {"savedmodels"}
    assert {path.name for path in Path("savedmodels").iterdir()} == {
        *("classification", "models.config", "compose.yaml")
    }
    [row] = json.loads(zoo("models", "--json").stdout)
    assert (row["name"], row["version"], row["state"]) == ("classification", 1, "served")

    # A version beside models would make one model of the folder, and hide them.
    said = refused("export", nameless.folder, "--to", "savedmodels")
    assert "savedmodels holds models, such as classification, which a version" in said
    assert "publish to savedmodels/NAME" in said
    assert not Path("savedmodels/1").exists()
    assert not Path("savedmodels/model_card.json").exists()


def test_a_place_named_by_dots_has_the_folders_name(nameless, here, zoo, monkeypatch):
    Path("mine/inner").mkdir(parents=True)
    monkeypatch.chdir(here / "mine")
    for number, dots in enumerate((".", "inner/.."), start=1):
        zoo("export", here / nameless.folder, "--to", dots)
        version = here / "mine" / str(number)
        assert card_of(version)["name"] == "mine"
        asked = (version / "assets.extra" / "requests" / "curl.sh").read_text()
        assert "/v1/models/mine:predict" in asked
