"""Publishing: whole or not at all, and the same answers as the Keras model."""

import io
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from small_predictors import NAMES, OUTPUTS, PICTURES, encoded, make_predictor

from zoo.errors import CheckError, UserError
from zoo.export import replay, savedmodel
from zoo.export.savedmodel import export
from zoo.export.told import Told
from zoo.preprocess import Preprocessing
from zoo.versions import versions


@pytest.mark.parametrize("task", OUTPUTS)
def test_published_answers_from_bytes_and_pixels(task, tmp_path):
    predictor = make_predictor(task)
    published = export(predictor, tmp_path / "model", PICTURES)
    assert published.path == tmp_path / "model" / "1"
    # Three real ones, five of other sizes, formats and orientation, one that is no picture.
    assert published.verification.pictures == 10
    # Two signatures, batches of 1 and of 3.
    assert published.verification.warmup == 4
    assert published.verification.runtimes == ("tensorflow", "c_api")
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["1"]

    loaded = tf.saved_model.load(str(published.path))
    assert set(loaded.signatures) == {"serving_default", "pixels"}
    serve = loaded.signatures["serving_default"]
    batch = tf.constant([PICTURES[0], b"broken", PICTURES[1]], tf.string)
    answers = serve(image_bytes=batch)
    assert set(answers) == OUTPUTS[task]
    assert all(value.shape[0] == 3 for value in answers.values())
    errors = [text.decode() for text in answers["error"].numpy()]
    assert errors[0] == errors[2] == ""
    assert errors[1]
    alone = serve(image_bytes=batch[2:])
    for name in OUTPUTS[task] - {"classes", "error", "label", "mask_bytes"}:
        assert np.isnan(answers[name].numpy()[1]).all()
        np.testing.assert_allclose(answers[name].numpy()[2], alone[name].numpy()[0], atol=1e-6)
    if task == "segmentation":
        sizes = [Image.open(io.BytesIO(answers["mask_bytes"].numpy()[row])).size for row in (0, 2)]
        assert sizes == [(20, 30), (31, 17)]
        assert answers["mask_bytes"].numpy()[1] == b""
    else:
        assert answers["label"].numpy()[1] == b""
        assert answers["label"].numpy()[0].decode() in NAMES
    pixels = tf.constant(np.random.default_rng(3).integers(0, 256, (2, 5, 7, 3)), tf.float32)
    from_pixels = loaded.signatures["pixels"](image=pixels)
    assert set(from_pixels) == OUTPUTS[task] | ({"mask"} if task == "segmentation" else set())
    if task == "segmentation":
        assert from_pixels["mask"].shape == (2, 5, 7)
        assert from_pixels["mask"].dtype == tf.int32


@pytest.mark.parametrize("task", OUTPUTS)
def test_bytes_and_pixels_agree(task):
    predictor = make_predictor(task)
    picture = PICTURES[0]
    array = np.asarray(Image.open(io.BytesIO(picture)))
    from_bytes, from_pixels = predictor.predict([picture, array])
    for name, value in from_bytes.values.items():
        if name not in ("mask_bytes", "label", "classes"):
            np.testing.assert_allclose(value, from_pixels.values[name], atol=1e-5)


def test_empty_request_has_empty_answers(tmp_path):
    for task in OUTPUTS:
        predictor = make_predictor(task)
        answers = predictor.from_bytes(tf.constant([], tf.string))
        assert {value.shape[0] for value in answers.values()} == {0}
        pixels = predictor.from_pixels(tf.zeros([0, 4, 4, 3]))
        assert {value.shape[0] for value in pixels.values()} == {0}


def test_versions_count_up_and_old_ones_stay(tmp_path, unverified):
    predictor = make_predictor("classification")
    (tmp_path / "1").mkdir()
    assert export(predictor, tmp_path, PICTURES, version=7).path.name == "7"
    assert [path.name for path in versions(tmp_path)] == ["1", "7"]
    with pytest.raises(UserError, match="7 was given already"):
        export(predictor, tmp_path, PICTURES, version=7)


def test_a_mismatch_publishes_nothing(tmp_path, monkeypatch, same_process):
    predictor = make_predictor("classification")
    write = savedmodel.write_golden

    def write_other(version, *rest):
        write(version, *rest)
        path = version / "assets.extra" / "golden" / "answers.json"
        answers = json.loads(path.read_text())
        answers["serving_default"]["probabilities"][1][0] += 0.01
        path.write_text(json.dumps(answers))

    monkeypatch.setattr(savedmodel, "write_golden", write_other)
    with pytest.raises(CheckError, match=r"score differs by 0\.01"):
        export(predictor, tmp_path / "model", PICTURES)
    assert list((tmp_path / "model").iterdir()) == []


def test_a_model_that_does_not_load_publishes_nothing(tmp_path, monkeypatch):
    write = savedmodel._write

    def write_torn(predictor, staged, *rest):
        graph = write(predictor, staged, *rest)
        (staged / "saved_model.pb").write_bytes(b"torn")
        return graph

    monkeypatch.setattr(savedmodel, "_write", write_torn)
    with pytest.raises(CheckError, match="does not load in a fresh process"):
        export(make_predictor("classification"), tmp_path / "model", PICTURES)
    assert list((tmp_path / "model").iterdir()) == []


def test_a_place_that_cannot_be_written_to(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UserError, match="cannot publish to"):
        export(make_predictor("classification"), blocked / "model", PICTURES)


@pytest.mark.parametrize("task", OUTPUTS)
def test_asked_to_fail_it_fails_the_request(task):
    predictor = make_predictor(task, on_error="fail")
    with pytest.raises(tf.errors.InvalidArgumentError, match="JPEG"):
        predictor.from_bytes(tf.constant([PICTURES[0], b"broken"]))
    assert predictor.from_bytes(tf.constant(PICTURES[:1]))["error"].numpy()[0] == b""


def test_five_channels_are_served_as_pixels(tmp_path, same_process):
    predictor = make_predictor("classification", channels=5)
    array = np.full((19, 36, 5), 7, np.uint8)
    published = export(predictor, tmp_path, [array])
    # One is of the data, already as large as they are asked about, and two are noise.
    asked = np.load(published.path / "assets.extra" / "golden" / "pixels.npy")
    np.testing.assert_array_equal(asked[0], array)
    assert np.ptp(asked[1]) > 100
    loaded = tf.saved_model.load(str(published.path))
    answers = loaded.signatures["serving_default"](image=tf.zeros([2, 9, 9, 5]))
    assert answers["probabilities"].shape == (2, 3)


def test_unet_takes_odd_sizes_after_export(tmp_path, same_process):
    predictor = make_predictor("segmentation", size=(97, 131))
    image = np.random.default_rng(0).integers(0, 256, (1, 97, 131, 3)).astype("float32")
    published = export(predictor, tmp_path, [])
    answers = tf.saved_model.load(str(published.path)).signatures["pixels"](
        image=tf.constant(image)
    )
    assert answers["mask"].shape == (1, 97, 131)
    np.testing.assert_array_equal(answers["mask"], predictor.from_pixels(image)["mask"])


def test_the_card_says_what_the_model_is(tmp_path, same_process):
    predictor = make_predictor("localization")
    published = export(
        predictor,
        tmp_path / "cats",
        PICTURES,
        told=Told(scores={"mean_iou": 0.5}, data={"source": "voc"}),
        license="CC-BY-4.0",
    )
    card = json.loads((published.path / "model_card.json").read_text())
    assert card["name"] == "cats"
    assert card["task"] == "localization"
    assert card["class_names"] == list(NAMES)
    assert card["scores"] == {"mean_iou": 0.5}
    assert card["data"] == {"source": "voc"}
    assert card["license"] == "CC-BY-4.0"
    assert card["signatures"] == {"serving_default": "image_bytes", "pixels": "image"}
    assert (card["precision"], card["on_error"]) == ("float32", "row")
    assert {"Conv2D", "DecodeJpeg"} <= set(card["ops"])
    # What a server calls by name is no operation.
    assert not [name for name in card["ops"] if name.startswith("__inference")]
    assert card["verification"]["tolerance"]["box"] == 0.05
    assert card["verification"]["box"] <= 0.05
    assert card["versions"]["tensorflow"] == tf.__version__
    assert Preprocessing.from_json(card["preprocessing"]) == Preprocessing((16, 24), 3, "pad")


def test_tiles_are_verified_and_warmed_up_too(tmp_path, same_process):
    published = export(make_predictor("segmentation"), tmp_path, PICTURES, overlap=0.25)
    card = json.loads((published.path / "model_card.json").read_text())
    assert card["signatures"]["tiled"] == "image_bytes"
    answers = json.loads((published.path / "assets.extra/golden/answers.json").read_text())
    # Those of the data may be as large as they like: the others are made here.
    made = published.verification.pictures - len(PICTURES)
    assert len(answers["tiled"]["mask_bytes"]) == made
    assert len(answers["serving_default"]["mask_bytes"]) == published.verification.pictures
    # Batches of 1 and of 3 for each of three signatures.
    assert published.verification.warmup == 6


def test_large_pictures_are_neither_verified_nor_warmed_up_tile_by_tile(tmp_path, same_process):
    large = encoded(400, 300)
    path = export(make_predictor("segmentation"), tmp_path, [large], overlap=0.25).path
    requests = list(replay.warmup_requests(path / replay.WARMUP))
    sizes = {name: [] for name, _ in requests}
    for name, inputs in requests:
        for data in inputs.get("image_bytes", []):
            with Image.open(io.BytesIO(data)) as picture:
                sizes[name].append(picture.size)
    assert (400, 300) in sizes["serving_default"]
    # 1.75 tiles of 24 pixels by 2.25 of 16; a sample of 60 x 45 and what is made of it.
    assert sizes["tiled"][0] == (42, 36)
    assert max(max(size) for size in sizes["tiled"]) <= 91
    # It is a part of the large one.
    with Image.open(io.BytesIO(large)) as whole:
        part = np.asarray(whole)[:36, :42]
    cut = next(inputs["image_bytes"][0] for name, inputs in requests if name == "tiled")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(cut))), part)
