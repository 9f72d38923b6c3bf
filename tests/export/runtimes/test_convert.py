"""Publishing in a format: whole or not at all, and only what passed its checks."""

import dataclasses
import json
import re
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from runtime_cases import NAMES, encoded, make_predictor, scene

from zoo.data import DataSet
from zoo.data.dataset import Split
from zoo.errors import CheckError, UserError
from zoo.export.runtimes import FORMATS, contract, verify
from zoo.export.runtimes.calibration import calibration_of
from zoo.export.runtimes.contract import Calibration, Format, require
from zoo.export.runtimes.convert import Converter
from zoo.export.runtimes.exact import nodes_from
from zoo.export.runtimes.publish import (
    NotPublishedError,
    formats_named,
    publish_formats,
)
from zoo.export.runtimes.score import Scored, Scorer, judge
from zoo.export.runtimes.traced import exact_layers
from zoo.export.told import Told
from zoo.preprocess import Preprocessing
from zoo.training.recipe import Recipe
from zoo.training.sections import DataOptions, InputOptions
from zoo.training.watch import Watch

PICTURES = [encoded(scene(30, 20, seed)) for seed in range(4)]
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


def test_outputs_by_other_names_are_refused():
    one, other = {"class": np.zeros((1, 2), np.float32)}, {"klass": np.zeros((1, 2), np.float32)}
    with pytest.raises(CheckError, match=r"it answers \['klass'\], expected \['class'\]"):
        verify.differences(one, other, (8, 8))


def test_distances_by_hand():
    # Edges 0.5 of 8 rows or 4 columns: 0.25 * 4 = 1 in x, 0.125 * 8 = 1 in y; the largest is 2.
    box = np.float32([[0, 0, 0.5, 1]])
    moved = box + np.float32([0.25, 0.125, 0.5, 0])
    # Of four pixels one has another likeliest class.
    mask = np.float32([[[[1, 0], [1, 0]], [[0, 1], [0.6, 0.4]]]])
    other = np.float32([[[[1, 0], [1, 0]], [[0, 1], [0.4, 0.6]]]])
    found = verify.differences({"box": box, "mask": mask}, {"box": moved, "mask": other}, (8, 4))
    assert found == {"box": 2.0, "mask": 0.25}


def data_set(count, unreadable=(), targets=("class",)):
    def read(index):
        data = tf.where(tf.reduce_any(index == list(unreadable or [-1])), b"broken", PICTURES[0])
        pixels = tf.fill([8, 8, 3], tf.cast(index, tf.uint8))
        image = data if unreadable else pixels
        return {"image": image, "class": tf.cast(index % 3, tf.int32)}

    split = Split("train", count, read, lambda index: f"picture {index}")
    splits = {name: dataclasses.replace(split, name=name) for name in ("train", "test")}
    return DataSet("counted", frozenset(targets), NAMES, (), splits)


def test_calibration_is_a_part_of_the_training_split_and_always_the_same():
    preprocessing = Preprocessing(SIZE)
    drawn = calibration_of(data_set(50), preprocessing, 10)
    assert len(drawn) == 10
    assert drawn.pictures.shape == (10, *SIZE, 3)
    ids = drawn.pictures[:, 0, 0, 0]
    assert len(set(ids)) == 10
    assert max(ids) >= 10, "not the first ones"
    again = calibration_of(data_set(50), preprocessing, 10)
    np.testing.assert_array_equal(again.pictures, drawn.pictures)
    assert len(calibration_of(data_set(4), preprocessing, 10)) == 4
    assert [one.dtype for one in drawn][:1] == [np.float32]
    assert [one.shape for one in drawn] == [(1, *SIZE, 3)] * 10


def test_calibration_passes_over_what_cannot_be_read():
    assert len(calibration_of(data_set(6, unreadable=(1, 4)), Preprocessing(SIZE), 10)) == 4
    with pytest.raises(UserError, match="counted has no picture to train on that can be read"):
        calibration_of(data_set(2, unreadable=(0, 1)), Preprocessing(SIZE), 10)


def test_the_maps_of_softmaxes_over_positions_are_found():
    assert exact_layers(make_predictor("localization", head="spatial").model) == (
        "attention",
        "edges_x",
        "edges_y",
    )
    assert exact_layers(make_predictor("classification").model) == ()
    assert exact_layers(make_predictor("segmentation").model) == ()


def test_nodes_are_followed_downstream():
    nodes = [
        ("a/edges_x_conv/kernel", [], ["k"]),
        ("a/edges_x_1/convolution", ["x", "k"], ["h"]),
        ("relu;edges_x", ["x"], ["r"]),
        ("other", ["x"], ["o"]),
        ("sum", ["h", "o"], ["s"]),
        ("last", ["s"], ["l"]),
    ]
    found = nodes_from(["edges_x", "edges_y"], nodes)
    assert found == ["a/edges_x_1/convolution", "relu;edges_x", "sum", "last"]


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
    scorer = Scorer(predictor, data_set(30), Watch(quiet=True))
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


def test_the_command_to_install_is_of_this_package():
    from importlib import metadata

    name = re.search(r'"(.*)\[runtimes\]"', contract.INSTALL)[1]
    assert metadata.metadata(name)["Name"] == name


def test_an_unknown_format_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="no format 'onxx'; did you mean 'onnx'"):
        formats_named(["onxx"])


def test_one_format_that_fails_does_not_keep_the_others(predictor, tmp_path, monkeypatch):
    from zoo.export.runtimes import publish

    bad = dataclasses.replace(NPZ, name="bad", write=lambda *_: 1 / 0)
    monkeypatch.setattr(publish, "FORMATS", {"bad": bad, "npz": NPZ})
    monkeypatch.setattr(publish, "open_data", lambda *_: data_set(9))
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
        ("classification", "exif_transpose(picture)", "grayscale(picture)", "reads file-"),
        ("classification", "ImageOps.exif_transpose(picture)", "picture.copy()", "reads file-03"),
        ("classification", "np.argmax(probabilities)", "np.argmin(probabilities)", "score differs"),
        (
            "localization",
            "return np.clip(edges",
            "edges = edges[[1, 0, 3, 2]]\n    return np.clip(edges",
            "box differs",
        ),
        ("localization", "- [left, top, left, top]", "", "box differs"),
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
