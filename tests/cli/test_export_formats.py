"""zoo export to other runtimes, and what a user can get wrong about it."""

import json
from pathlib import Path

import pytest

from zoo.errors import CheckError
from zoo.export.runtimes import FORMATS, replay, score, verify
from zoo.export.runtimes.contract import missing_modules
from zoo.export.verify import Verification

ALL = pytest.mark.skipif(
    bool(missing_modules(FORMATS.values(), int8=True)),
    reason=f"{' and '.join(missing_modules(FORMATS.values(), int8=True))} not installed",
)


@pytest.fixture
def trained(here, zoo, monkeypatch):
    """A run; verification in this process, and hardly any time to take the time."""
    monkeypatch.setattr(score, "_SECONDS", 0.01)
    monkeypatch.setattr(verify, "answer_in_fresh_process", replay.answer_again)
    zoo("train", "colours", "--data", "pictures", "--set", "epochs=1")
    return Path("runs/colours")


@ALL
@pytest.mark.slow
def test_all_formats_in_one_table(trained, zoo, capfd, monkeypatch):
    said = zoo("export", trained, "--format", "all", "--score").output
    assert max(map(len, said.splitlines())) <= 80
    for name in FORMATS:
        path = trained / "exported" / name
        assert f" {path}\n" in said
        assert {one.name for one in path.iterdir()} == {
            *FORMATS[name].files,
            "model_card.json",
            "predict.py",
        }
    assert Path("savedmodels/colours/1/saved_model.pb").is_file()
    assert "accuracy" in said
    table = json.loads((trained / "exported" / "formats.json").read_text())
    assert (table["split"], table["score"]) == ("test", "accuracy")
    rows = [(row["format"], row["precision"]) for row in table["models"]]
    assert rows == [
        ("keras", "float32"),
        ("savedmodel", "float32"),
        *((name, "float32") for name in FORMATS),
    ]
    for row in table["models"]:
        assert row["pictures"] == 4
        assert row["milliseconds"] > 0
        assert row["bytes"] > 0
        assert "failed" not in row
    evaluated = json.loads(zoo("evaluate", trained, "--json").stdout)
    assert table["models"][0]["scores"] == evaluated["scores"]

    # What converters print past Python's streams must not get between.
    capfd.readouterr()
    options = ("--format", "litert", "--int8", "--to", "phone", "--license", "CC0-1.0", "--json")
    said = zoo("export", trained, *options).stdout
    assert capfd.readouterr() == ("", "")
    row, quantized = json.loads(said)["formats"]
    unscored = json.loads(zoo("export", trained, "--format", "all", "--json").stdout)["formats"]
    assert [one["format"] for one in unscored] == ["savedmodel", *FORMATS]
    assert unscored[0]["path"] == "savedmodels/colours/2"
    assert (row["format"], row["path"]) == ("litert", "phone/litert")
    assert (quantized["precision"], quantized["path"]) == ("int8", "phone/litert-int8")
    assert row["verification"]["score"] < 1e-4
    assert "scores" not in row
    card = json.loads(Path("phone/litert-int8/model_card.json").read_text())
    assert card["calibration"] == {"split": "train", "pictures": 8}
    assert card["license"] == "CC0-1.0"
    assert card["data"]["source"] == "class_folders"
    assert card["scores"] == evaluated["scores"]

    # A score that falls fails the command, and publishes nothing.
    monkeypatch.setitem(score.SCORES, "float32", -0.01)
    result = zoo("export", trained, "--format", "litert", "--to", "desk", "--score", code=1)
    assert "0.00 points below the Keras model's, allowed is -1; it was not pub" in result.stderr
    assert [path.name for path in Path("desk").iterdir()] == ["formats.json"]


def test_a_savedmodel_whose_score_falls_is_not_published(trained, zoo, monkeypatch):
    """It is judged where it was written, beside the version that is served and stays so."""
    monkeypatch.setattr(
        "zoo.export.savedmodel.compare", lambda staged: Verification(0, 0.0, 0.0, 0.0)
    )
    assert "accuracy" in zoo("export", trained, "--score").output
    card = json.loads(Path("savedmodels/colours/1/model_card.json").read_text())
    [keras, savedmodel] = json.loads((trained / "exported" / "formats.json").read_text())["models"]
    assert card["verification"]["test"] == {"pictures": 4, "scores": keras["scores"]}
    assert (savedmodel["format"], savedmodel["path"]) == ("savedmodel", "savedmodels/colours/1")
    assert savedmodel["scores"] == keras["scores"]

    monkeypatch.setitem(score.SCORES, "float32", -0.01)
    said = zoo("export", trained, "--score", code=1).stderr
    assert "SavedModel in float32: its accuracy on the test split is" in said
    assert "0.00 points below the Keras model's, allowed is -1; it was not published" in said
    assert "Traceback" not in said
    assert [path.name for path in Path("savedmodels/colours").iterdir()] == ["1"]
    zoo("export", trained, "--score", "--to", "elsewhere/colours", code=1)
    assert list(Path("elsewhere/colours").iterdir()) == []


@ALL
def test_a_savedmodel_that_fails_keeps_no_other_format_back(trained, zoo, monkeypatch):
    def fail(staged):
        raise CheckError("the SavedModel fails here; it was not published")

    monkeypatch.setattr("zoo.export.savedmodel.compare", fail)
    # One stands for the others.
    monkeypatch.setattr("zoo.cli.export.FORMATS", {"litert": FORMATS["litert"]})
    result = zoo("export", trained, "--format", "all", "--json", code=1)
    savedmodel, litert = json.loads(result.stdout)["formats"]
    assert (savedmodel["format"], savedmodel["path"]) == ("savedmodel", None)
    assert savedmodel["failed"] == "the SavedModel fails here; it was not published"
    assert litert["path"] == f"{trained}/exported/litert"
    assert Path(litert["path"], "model.tflite").is_file()
    assert "the SavedModel fails here; it was not published" in result.stderr
    assert list(Path("savedmodels/colours").iterdir()) == []
    # Alone it fails as it did.
    assert "the SavedModel fails here" in zoo("export", trained, code=1).stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--int8"], "a SavedModel has no int8, litert, onnx and openvino have"),
        (["--format", "litert", "--version", "3"], "--version is of SavedModels, not of litert"),
        (["--format", "onnx", "--on-error", "row"], "--on-error is of SavedModels, not of onnx"),
        (["--format", "openvino", "--tiled"], "--tiled is of SavedModels, not of openvino"),
        (["--format", "onxx"], "'onxx' is not one of"),
    ],
)
def test_mistakes_are_named_before_anything_is_loaded(options, message, here, zoo):
    result = zoo("export", "runs/nowhere", *options, code=2)
    assert message in result.stderr


def test_a_missing_runtime_is_named_before_anything_is_loaded(here, refused, monkeypatch):
    from zoo.export.runtimes import contract

    def find_spec(name):
        return None if name == "openvino" else object()

    monkeypatch.setattr(contract.importlib.util, "find_spec", find_spec)
    said = refused("export", "runs/nowhere", "--format", "all")
    assert 'openvino is not installed; pip install "keras-image-zoo[runtimes]"' in said
