"""Publishing in a format: whole or not at all, and only what passed its checks."""

import dataclasses
import json
import re
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from runtime_cases import PICTURES, counted_set, encoded, make_predictor, scene

from zoo.errors import CheckError, UserError
from zoo.export.runtimes import FORMATS, verify
from zoo.export.runtimes.contract import Calibration, Format, require
from zoo.export.runtimes.convert import Converter
from zoo.export.runtimes.publish import (
    NotPublishedError,
    publish_formats,
)
from zoo.export.runtimes.score import Scored, Scorer, judge
from zoo.export.told import Told
from zoo.training.recipe import Recipe
from zoo.training.sections import DataOptions, InputOptions
from zoo.training.watch import Watch

SIZE = (8, 8)


def write(traced, folder, calibration):
    """Writes what the means of the channels are multiplied with to give the network's answer."""
    means = np.eye(3, dtype=np.float32)[:, None, None] * np.ones((*SIZE, 1), np.float32) * 255
    means = np.stack([np.zeros((*SIZE, 3), np.float32), *means])
    logits = np.log(traced.answer(tf.constant(means))["class"].numpy())
    steps = logits[1:] - logits[0]
    if calibration is not None:
        steps = np.round(steps, 1)
    np.savez(folder / "model.npz", steps=steps, base=logits[0])


def load(path):
    import os

    import numpy

    with numpy.load(path) as held:
        steps, base = held["steps"], held["base"]
    asked = []

    def network(image):
        if not asked:
            # As some runtimes do, past Python's streams.
            os.write(2, b"INFO: first call\n")
            asked.append(True)
        logits = image.mean((1, 2)) / 255 @ steps + base
        powers = numpy.exp(logits - logits.max(-1, keepdims=True))
        return {"class": (powers / powers.sum(-1, keepdims=True)).astype("float32")}

    return network


# Nothing but this is what a further format takes.
NPZ = Format("npz", "NumPy", ("model.npz",), "numpy", ("numpy",), (), write, load)


@pytest.fixture(scope="module")
def predictor():
    """One linear layer on the means of the channels, which is all that NPZ can hold."""
    made = make_predictor("classification", SIZE)
    import keras

    image = keras.Input((*SIZE, 3), name="image")
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    dense = keras.layers.Dense(3, activation="softmax", name="class")
    made.model = keras.Model(image, {"class": dense(x)})
    dense.kernel.assign(np.float32([[3.13, -1, 0.27], [0, 4.38, -2], [-3, 0.16, 2]]))
    made._network = lambda pixels: made.model(pixels, training=False)
    return made


def converter(predictor, folder, **options):
    return Converter(predictor, folder, "pets", PICTURES, Told(), **options)


def test_a_format_is_a_write_and_a_load(predictor, tmp_path):
    calibration = Calibration(np.zeros((2, *SIZE, 3), np.uint8))
    made = converter(predictor, tmp_path, calibration=calibration)
    plain, small = (made.convert(NPZ, precision) for precision in ("float32", "int8"))
    assert (plain.failed, small.failed) == ("", "")
    assert {path.name for path in tmp_path.iterdir()} == {"npz", "npz-int8"}
    assert plain.agreement.score < 1e-5 < small.agreement.score < 0.01
    assert plain.agreement.box is None
    assert plain.agreement.pictures == 4
    assert not list((tmp_path / "npz").glob("__pycache__"))


def test_another_answer_is_not_published_and_the_old_model_stays(predictor, tmp_path):
    made = converter(predictor, tmp_path)
    assert made.convert(NPZ, "float32").failed == ""
    before = (tmp_path / "npz" / "model_card.json").read_text()

    def write_other(traced, folder, calibration):
        write(traced, folder, Calibration(np.zeros((1, *SIZE, 3), np.uint8)))

    failed = made.convert(dataclasses.replace(NPZ, write=write_other), "float32")
    assert failed.path is None
    assert re.match(
        r"NumPy in float32: in batches of 1 it answers otherwise than the Keras model: score "
        r"differs by 0\.\d+, allowed is 0\.0001; it was not published",
        failed.failed,
    )
    assert (tmp_path / "npz" / "model_card.json").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["npz"]


def broken():
    def load(path):
        raise RuntimeError("no such kernel")

    return load


def other_names():
    def load(path):
        return lambda image: {"klass": image[:, 0, 0]}

    return load


def doubles():
    def load(path):
        return lambda image: {"class": image.mean((1, 2)).astype("float64")}

    return load


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"load": broken()}, "does not answer in a fresh process: RuntimeError: no such kernel"),
        ({"load": other_names()}, "fresh process: KeyError: 'class'"),
        ({"load": doubles()}, r"class as float64 \[4, 3\], expected float32 \[4, 3\]"),
        ({"write": lambda *_: 1 / 0}, "cannot be converted: ZeroDivisionError: division by zero"),
    ],
)
def test_what_cannot_be_written_or_asked_is_not_published(change, reason, predictor, tmp_path):
    made = converter(predictor, tmp_path).convert(dataclasses.replace(NPZ, **change), "float32")
    assert re.search(reason, made.failed)
    assert list(tmp_path.iterdir()) == []


def test_a_runtime_that_never_answers(predictor, tmp_path, monkeypatch):
    def run(command, timeout, **options):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(verify.subprocess, "run", run)
    made = converter(predictor, tmp_path).convert(NPZ, "float32")
    assert "does not answer in a fresh process, within 300 seconds" in made.failed
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_somebody_else_is_left_alone(predictor, tmp_path):
    (tmp_path / "npz").mkdir()
    (tmp_path / "npz" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match=r"npz is there already and holds no model_card\.json"):
        converter(predictor, tmp_path).convert(NPZ, "float32")
    assert (tmp_path / "npz" / "thesis.txt").is_file()


def test_nothing_to_verify_with(predictor, tmp_path):
    with pytest.raises(CheckError, match="no picture that can be read to verify with"):
        Converter(predictor, tmp_path, "pets", [b"no picture"], Told())


def test_scores_are_judged_by_their_points():
    original = Scored(10, {"accuracy": 0.9}, 1.0)
    # 0.9 - 0.89 = 0.01, a point, which int8 may lose, and float32 may not.
    lower = Scored(10, {"accuracy": 0.89}, 1.0)
    judge("accuracy", original, lower, "int8")
    with pytest.raises(CheckError, match=r"0\.8900, 1\.00 points below .*, allowed is 0\.1"):
        judge("accuracy", original, lower, "float32")
    with pytest.raises(CheckError, match=r"1\.10 points below"):
        judge("accuracy", original, Scored(10, {"accuracy": 0.889}, 1.0), "int8")
    judge("accuracy", original, Scored(10, {"accuracy": 1.0}, 1.0), "float32")
    with pytest.raises(CheckError, match="nan"):
        judge("accuracy", original, Scored(10, {"accuracy": float("nan")}, 1.0), "int8")


def test_a_score_that_falls_keeps_a_model_from_being_published(predictor, tmp_path, capfd):
    scorer = Scorer(predictor, counted_set(30), Watch(quiet=True))
    original = scorer.original
    assert original.pictures == 30
    assert original.milliseconds > 0
    made = converter(predictor, tmp_path, scorer=scorer, original=original)
    good = made.convert(NPZ, "float32")
    assert good.scored.scores == pytest.approx(original.scores)
    assert "INFO" not in capfd.readouterr().err
    card = json.loads((good.path / "model_card.json").read_text())
    assert card["verification"]["test"]["scores"] == pytest.approx(original.scores)

    better = dataclasses.replace(original, scores={"accuracy": original.scores["accuracy"] + 0.02})
    made = converter(predictor, tmp_path, scorer=scorer, original=better)
    bad = made.convert(dataclasses.replace(NPZ, name="other"), "float32")
    assert "2.00 points below the Keras model's" in bad.failed
    assert bad.scored.pictures == 30
    assert [path.name for path in tmp_path.iterdir()] == ["npz"]


def test_a_missing_runtime_is_named_with_what_to_install(monkeypatch):
    gone = dataclasses.replace(NPZ, modules=("numpy", "no_such_module"), int8_modules=("nor_this",))
    with pytest.raises(UserError) as told:
        require([gone])
    assert str(told.value) == (
        'NumPy: no_such_module is not installed; pip install "keras-image-zoo[runtimes]"'
    )
    with pytest.raises(UserError, match="no_such_module and nor_this are not installed"):
        require([gone, gone], int8=True)
    require([NPZ], int8=True)


def test_one_format_that_fails_does_not_keep_the_others(predictor, tmp_path, monkeypatch):
    from zoo.export.runtimes import publish

    bad = dataclasses.replace(NPZ, name="bad", write=lambda *_: 1 / 0)
    monkeypatch.setattr(publish, "FORMATS", {"bad": bad, "npz": NPZ})
    monkeypatch.setattr(publish, "open_data", lambda *_: counted_set(9))
    recipe = Recipe(
        task="classification",
        data=DataOptions(source="npz"),
        input=InputOptions(size=SIZE, channels=3),
    )
    arguments = (predictor, recipe, ["bad", "npz"], tmp_path / "out")
    options = {"pictures": PICTURES, "told": Told(), "score": True, "watch": Watch(quiet=True)}
    with pytest.raises(NotPublishedError, match="NumPy in float32: it cannot be conv") as failure:
        publish_formats(*arguments, **options)
    rows = failure.value.rows
    assert [row.format for row in rows] == ["keras", "bad", "npz"]
    assert [bool(row.failed) for row in rows] == [False, True, False]
    table = json.loads((tmp_path / "out" / "formats.json").read_text())
    assert (table["split"], table["score"]) == ("test", "accuracy")
    assert [row["format"] for row in table["models"]] == ["keras", "bad", "npz"]
    assert (tmp_path / "out" / "npz" / "predict.py").is_file()
    assert not (tmp_path / "out" / "bad").exists()


@pytest.mark.parametrize(
    ("task", "right", "wrong", "reason"),
    [
        pytest.param(
            *("classification", "exif_transpose(picture)", "grayscale(picture)", "reads file-"),
            marks=pytest.mark.exhaustive,
        ),
        ("classification", "ImageOps.exif_transpose(picture)", "picture.copy()", "reads file-03"),
        ("classification", "np.argmax(probabilities)", "np.argmin(probabilities)", "score differs"),
        (
            "localization",
            "return np.clip(edges",
            "edges = edges[[1, 0, 3, 2]]\n    return np.clip(edges",
            "box differs",
        ),
        pytest.param(
            *("localization", "- [left, top, left, top]", "", "box differs"),
            marks=pytest.mark.exhaustive,
        ),
        ("segmentation", "return ids", "return ids[::-1]", "mask differs"),
    ],
)
def test_a_program_that_answers_otherwise_is_not_published(
    task, right, wrong, reason, tmp_path, monkeypatch
):
    from zoo.export.runtimes import convert

    made = make_predictor(task, SIZE)
    write_program = convert.write_program

    def write_wrong(folder, *arguments):
        write_program(folder, *arguments)
        path = folder / "predict.py"
        text = path.read_text()
        assert text.count(right) == 1
        path.write_text(text.replace(right, wrong))

    monkeypatch.setattr(convert, "write_program", write_wrong)
    pictures = [encoded(scene(30, 20, 0)), encoded(scene(20, 40, 1))]
    failed = Converter(made, tmp_path, "pets", pictures, Told()).convert(
        FORMATS["litert"], "float32"
    )
    assert failed.path is None
    assert "predict.py" in failed.failed
    assert reason in failed.failed
    assert list(tmp_path.iterdir()) == []
