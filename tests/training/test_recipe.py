"""Recipes: plain typed values, and one sentence for each mistake."""

import json
from pathlib import Path

import pytest

from zoo.errors import UserError
from zoo.training.catalogue import list_recipes, load_recipe, shipped_folder
from zoo.training.overrides import parse_overrides, parse_value
from zoo.training.recipe import (
    DataOptions,
    InputOptions,
    Recipe,
    parse_recipe,
)


@pytest.fixture
def recipe():
    return Recipe(
        task="localization",
        data=DataOptions(source="digit_scenes"),
        input=InputOptions(size=(64, 64), channels=1),
        model={"encoder": "plain", "filters": [2, 4]},
    )


def test_json_round_trip(recipe):
    assert parse_recipe(json.loads(recipe.to_json())) == recipe


def test_overrides_reach_into_sections(recipe):
    changed = recipe.with_overrides(
        {"model.head": "flatten", "data.validation": 0.25, "epochs": 3, "augment.flip": True}
    )
    assert changed.model == {"encoder": "plain", "filters": [2, 4], "head": "flatten"}
    assert changed.data.validation == 0.25
    assert changed.epochs == 3
    assert changed.augment == {"flip": True}
    assert recipe.epochs == 20


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"epoch": 5}, "the recipe has no field 'epoch'; did you mean 'epochs'?"),
        ({"data.sourc": "x"}, "the recipe has no field 'data.sourc'; did you mean 'source'?"),
        ({"modell.head": "x"}, "no section 'modell' (in 'modell.head'); did you mean 'model'?"),
        ({"epochs.x": 1}, "'epochs' in 'epochs.x' is a value of the recipe, no section"),
        ({"epochs": "many"}, "epochs is 'many'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"task": "detection"}, "task is 'detection'"),
        ({"augment": "lots"}, "augment is 'lots'"),
        ({"input.size": [64]}, "input.size"),
    ],
)
def test_mistakes_get_one_sentence(recipe, overrides, message):
    with pytest.raises(UserError) as caught:
        recipe.with_overrides(overrides)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"model.residul": True}, "did you mean 'residual'?"),
        ({"model.classes": 3}, "model.classes follows from the data"),
        ({"model.only": "box"}, "model.only follows from the data"),
        ({"model.encoder": "plane"}, "did you mean 'plain'?"),
        ({"loss.giou": 1.0}, "did you mean 'giou_weight'?"),
        ({"augment.flipp": True}, "did you mean 'flip'?"),
    ],
)
def test_options_of_functions_are_checked(recipe, overrides, message):
    with pytest.raises(UserError) as caught:
        recipe.with_overrides(overrides).check_options()
    assert message in str(caught.value)


def test_crop_is_refused_where_answers_are_places(recipe):
    with pytest.raises(UserError, match='use "pad" or "stretch"'):
        recipe.with_overrides({"input.fit": "crop"}).preprocessing()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("null", None),
        ("None", None),
        ("3", 3),
        ("1e-3", 1e-3),
        ("[16, 32]", [16, 32]),
        ("(3, 5)", (3, 5)),
        ("flatten", "flatten"),
        ("tfds:mnist", "tfds:mnist"),
        ("none", "none"),
        ('{{"head": "flatten"}}', '{{"head": "flatten"}}'),
        pytest.param("[" * 100_000, "[" * 100_000, id="deep"),
    ],
)
def test_values_from_the_command_line(text, value):
    assert parse_value(text) == value


def test_settings_need_an_equals_sign():
    assert parse_overrides(("a.b=1", "c=x=y")) == {"a.b": 1, "c": "x=y"}
    with pytest.raises(UserError, match="key=value"):
        parse_overrides(("epochs",))


@pytest.mark.parametrize("entry", list_recipes(), ids=lambda entry: entry.name)
def test_every_shipped_recipe_is_valid(entry):
    loaded = load_recipe(entry.name)
    loaded.check_options()
    loaded.preprocessing()
    assert loaded.name == entry.name
    text = entry.path.read_text()
    assert f"zoo run {entry.name}" in text or f"zoo compare {entry.name}" in text
    classes = 3
    assert loaded.build_model(classes).count_params() > 0


def test_unknown_recipe_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'quickstart'"):
        load_recipe("quikstart")


def test_own_folder_comes_before_the_shipped_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (shipped_folder() / "quickstart.py").read_text()
    (tmp_path / "recipes").mkdir()
    own = tmp_path / "recipes" / "quickstart.py"
    own.write_text(text.replace("epochs=", "epochs=99, #"))
    assert load_recipe("quickstart").epochs == 99
    assert load_recipe(str(own)).epochs == 99


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recipe = 3", "defines no `recipe = Recipe(...)`"),
        ("recipe = (", "line 1"),
        (
            "from zoo import *\nfrom zoo import Recipe, DataOptions, InputOptions\n"
            "recipe = Recipe(task='classification', epoch=3,"
            " data=DataOptions(source='digit_scenes'), input=InputOptions(size=(8, 8)))",
            "did you mean 'epochs'",
        ),
    ],
)
def test_faulty_files(tmp_path, text, message):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_recipe(str(path))
    assert message in str(caught.value)


def test_missing_file():
    with pytest.raises(UserError, match="no recipe file"):
        load_recipe(str(Path("nowhere") / "mine.py"))
