"""What a user can get wrong on the command line: one line and exit code 2."""

import json
from pathlib import Path

import pytest

NEW = ["new", "pictures", "--task", "classification"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "colour"], "did you mean 'colours'"),
        (["run", "colours", "--set", "epoch=2"], "did you mean 'epochs'"),
        (["run", "colours", "--set", "model.filter=[2]"], "did you mean 'filters'"),
        (["run", "colours", "--set", "model.filters=wide"], "filters"),
        (["run", "colours", "--set", "epochs"], "key=value"),
        (["run", "colours", "--set", 'model={{"head": "flatten"}}'], "model is"),
        (["run", "a" * 300], "a" * 300),
        (["run", "colours", "--data", "pictures", "--run", "a" * 300], "a" * 300),
        (["run", "colours", "--data", "nowhere"], "nowhere"),
        (["run", "colours", "--data", "empty"], "empty"),
        (["run", "colours"], "data"),
        (["run", "colours", "--data", "pictures", "--set", "task=segmentation"], "head"),
        (["evaluate", "nowhere"], "nowhere"),
        (["evaluate", "nowhere", "--epsilon", "8"], "--epsilon belongs to an attack"),
        (["evaluate", "nowhere", "--step-size", "8"], "--step-size belongs to an attack"),
        (["evaluate", "nowhere", "--attack", "fgsm", "--steps", "3"], "fgsm takes one step"),
        (["evaluate", "nowhere", "--attack", "fgsm", "--restarts", "3"], "fgsm has none"),
        (["evaluate", "nowhere", "--attack", "pgd", "--epsilon", "0"], "epsilon is 0"),
        (["evaluate", "nowhere", "--attack", "pgd", "--norm", "l2"], "how far with --epsilon"),
        (["run", "colours", "--set", "adversarial.epsilom=8"], "did you mean 'epsilon'"),
        (["run", "colours", "--set", "adversarial.share=2"], "adversarial.share is 2"),
        (["run", "colours", "--set", "sampling.foreground=0.5"], "give input.patch too"),
        (["predict", "nowhere", "x.png"], "nowhere"),
        (["export", "nowhere"], "holds no run"),
        (["export", "nowhere", "--overlap", "0.5"], "--overlap belongs to --tiled"),
        (["describe", "classification", "--encoder", "resnet19"], "did you mean 'resnet"),
        (["describe", "classification", "--size", "big"], "--size 'big'"),
        (["describe", "classification", "--set", "classes=3"], "--set classes= is --classes of a"),
        (["describe", "classification", "--set", "encoder=vgg11"], "--encoder of a TASK"),
        (["describe", "classification", "--data", "pictures"], "--data is for a RECIPE"),
        (["describe", "colours", "--encoder", "vgg11"], "--encoder is for a TASK; change the"),
        (["describe", "colours", "--size", "9x9x3"], "--size is for a TASK"),
        (
            ["describe", "colours", "--set", 'model.encoder=["vgg11"]'],
            "encoder ['vgg11'] is",
        ),
        (["check", "colours", "--source", "voc"], "--source is the format of a folder or file"),
        (["check", "digit_scenes", "--source", "voc"], "'digit_scenes' is none"),
        (["check", "pictures", "-o", "pictures"], "pictures is a folder; give the name of a file"),
        (["check", "pictures", "-o", "."], ". is a folder; give the name of a file"),
        (["evaluate", "nowhere", "-o", "."], ". is a folder; give the name of a file"),
        ([*NEW, "--set", "input.size=64"], "input.size is 64"),
        ([*NEW, "--set", "input.patch=64"], "input.patch is 64"),
        ([*NEW, "--set", "name=x"], "by the name of its file"),
        ([*NEW, "--set", "task=x"], "is given by --task"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_get_one_line_and_exit_code_2(here, refused, arguments, message):
    Path("empty").mkdir()
    assert message in refused(*arguments)
    assert not Path("runs").exists()
    assert not Path("savedmodels").exists()


def test_a_misspelt_key_in_the_file(here, refused):
    path = Path("recipes/colours.py")
    path.write_text(path.read_text().replace("epochs=", "epoch="))
    assert "did you mean 'epochs'" in refused("run", "colours", "--data", "pictures")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("channels=3", "chanels=3", "InputOptions has no field 'chanels'; did you mean 'channels'"),
        ("source=", "sauce=", "DataOptions has no field 'sauce'; did you mean 'source'?"),
        ("channels=3", 'channels="three"', "InputOptions's channels is 'three'"),
        ("import DataOptions", "import DataOption", "line 3: cannot import name 'DataOption'"),
        ("Recipe(\n", "Recipes(\n", "line 5: name 'Recipes' is not defined"),
        ("flip", "fl\xff", "line 10: (unicode error)"),
    ],
    ids=["key", "section", "type", "import", "name", "encoding"],
)
def test_slips_in_the_file(here, zoo, refused, before, after, message):
    path = Path("recipes/colours.py")
    text = path.read_text()
    assert before in text
    path.write_bytes(text.replace(before, after).encode("latin-1"))
    said = refused("run", "colours", "--data", "pictures")
    assert f"recipes/colours.py{', ' if message.startswith('line') else ': '}{message}" in said
    # The others are listed all the same.
    assert "quickstart" in zoo("list", "recipes").stdout


def test_a_bug_in_what_a_recipe_calls_keeps_its_traceback(here, zoo):
    path = Path("recipes/colours.py")
    path.write_text("from pathlib import Path\nPath(3)\n" + path.read_text())
    assert isinstance(zoo("run", "colours", code=1).exception, TypeError)


def test_a_place_that_cannot_be_written_to(here, zoo):
    Path("runs").write_text("a file where the folder should be")
    said = zoo("train", "colours", "--data", "pictures", code="any")
    assert said.exit_code == 2
    assert "runs" in said.stderr


def test_predict_marks_a_picture_that_is_none(here, zoo):
    zoo("train", "colours", "--data", "pictures", "--set", "epochs=1")
    Path("torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    good = "pictures/red/3.png"
    result = zoo("predict", "runs/colours", "torn.jpg", good, "-o", "drawn", code=2)
    bad, fine = (json.loads(line) for line in result.stdout.splitlines())
    assert bad == {"image": "torn.jpg", "error": bad["error"]}
    assert bad["error"]
    assert fine["label"] in ("red", "blue")
    assert "torn.jpg" in result.stderr
    assert [path.name for path in Path("drawn").iterdir()] == ["3.png"]


def test_two_pictures_of_one_name_are_drawn_apart(here, zoo):
    zoo("train", "colours", "--data", "pictures", "--set", "epochs=1")
    result = zoo("predict", "runs/colours", "pictures/red/4.png", "pictures/blue/4.png", "-o", "d")
    drawn = [json.loads(line)["drawn"] for line in result.stdout.splitlines()]
    assert len(set(drawn)) == 2
    assert all(Path(path).is_file() for path in drawn)
