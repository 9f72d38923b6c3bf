"""Plans as Python: valid, tidy, and saying why."""

import subprocess
import sys

import pytest

from zoo import load_recipe
from zoo.plan import Plan, write_recipe
from zoo.plan.choice import Choice
from zoo.plan.draft import Draft
from zoo.plan.timing import Speed
from zoo.training.recipe import DataOptions

LONG = {"flip": True, "vertical_flip": True, "rotate": 180, "zoom": 0.15, "brightness": 0.1}
HOSTILE = 'a"""b\\ "c"'


@pytest.fixture
def plan(found):
    """Makes a plan of some choices; settled fields go into it as the user gave them."""

    def make(given=None, name="photographs", **choices):
        data = DataOptions(source="class_folders", path="/pictures/of mine")
        draft = Draft("classification", data, given or {})
        draft.take("data.source", Choice("class_folders"))
        draft.take("data.path", Choice("/pictures/of mine"))
        draft.take("input.size", Choice((128, 96), "wider than high; " * 12))
        draft.take("model.filters", Choice([16, 32, 64], "multiples of 16 are fast"))
        draft.take("model.residual", Choice(True))
        for field, choice in choices.items():
            draft.take(field, choice)
        return Plan(
            recipe=draft.recipe(),
            reasons=draft.reasons,
            remarks={"augment": "Is a mirrored picture as good?"},
            fingerprint=found(name=name),
            speed=Speed(0.1, 0.01),
            minutes=10,
            seconds=100,
        )

    return make


def tidy(path):
    for job in (["check", "--select", "E,F,I,W"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *job, "--isolated", "--line-length", "100", path]
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr + path.read_text()


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"augment": Choice("medium", "few pictures")},
        {"augment": Choice(LONG | {"contrast": 0.2, "saturation": 0.3}, "few")},
        {"epochs": Choice(4, "a step took 3 s"), "publish": Choice("last", "chance")},
    ],
    ids=["least", "named", "long", "more"],
)
def test_what_is_written_is_what_was_planned(plan, tmp_path, choices):
    planned = plan(**choices)
    path = tmp_path / "mine.py"
    write_recipe(planned, path)
    assert load_recipe(str(path)) == planned.recipe.model_copy(update={"name": "mine"})
    tidy(path)
    text = path.read_text()
    assert "        # Multiples of 16 are fast.\n" in text
    assert "zoo run " in text.splitlines()[2]
    for choice in choices.values():
        assert f"# {choice.reason[0].upper()}{choice.reason[1:]}." in text


def test_settled_values_are_said_to_be(plan, tmp_path):
    given = {
        "epochs": 3,
        "model.head": "flatten",
        "augment.flip": True,
        "data.splits.test": "all[:3]",
        "loss": {"label_smoothing": 0.1},
        "data.options": {"names": [f"a rather long name {n}" for n in range(9)], "more": {}},
    }
    planned = plan(given, augment=Choice("medium", "few pictures"))
    recipe = planned.recipe
    assert recipe.augment == {"strength": "medium", "flip": True}
    path = tmp_path / "mine.py"
    write_recipe(planned, path)
    assert load_recipe(str(path)) == recipe.model_copy(update={"name": "mine"})
    tidy(path)
    assert path.read_text().count("# As given with --set.") >= 3


def test_a_settled_field_wins_over_its_choice(plan):
    recipe = plan({"model.filters": [8], "input.size": [32, 32]}).recipe
    assert recipe.model["filters"] == [8]
    assert recipe.input.size == (32, 32)


def test_a_settled_section_is_taken_whole(plan):
    assert plan({"model": {"encoder": "resnet18"}}).recipe.model == {"encoder": "resnet18"}


@pytest.mark.parametrize("name", [HOSTILE, 'ends in a quote"', "back\\slash", "zwei\nlinien", "é"])
def test_any_name_can_stand_in_it(plan, tmp_path, name):
    planned = plan(name=name, augment=Choice("medium", f"of {name}"))
    path = tmp_path / "mine.py"
    write_recipe(planned, path)
    assert load_recipe(str(path)).augment == "medium"
    assert " ".join(name.split()[:1])[:3] in path.read_text()
