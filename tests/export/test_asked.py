"""What is asked of models, published or not, and what is no model."""

import numpy as np
import pytest
import tensorflow as tf
from small_predictors import NAMES, PICTURES, make_predictor

import zoo
from zoo.asking import predict
from zoo.errors import UserError
from zoo.export.savedmodel import export
from zoo.loading import load


def test_what_fails_a_request_is_told_of_its_own_picture():
    predictor = make_predictor("classification", on_error="fail")
    given = [PICTURES[0], b"broken", PICTURES[1], PICTURES[2][:40]]
    answers = predictor.predict(given)
    expected = make_predictor("classification").predict(given)
    assert [one.error for one in answers] == [one.error for one in expected]
    assert [bool(one.error) for one in answers] == [False, True, False, True]
    good = predictor.predict([PICTURES[1]])[0].values["probabilities"]
    np.testing.assert_allclose(answers[2].values["probabilities"], good, atol=1e-6)
    # What fails for a picture that can be read is no fault of the picture's.
    other = make_predictor("classification")
    failing = dict(other.signatures)

    def broken(image_bytes):
        raise tf.errors.InvalidArgumentError(None, None, "another matter")

    failing["serving_default"] = broken
    with pytest.raises(tf.errors.InvalidArgumentError, match="another matter"):
        predict(failing, [PICTURES[0]], other.preprocessing)


def test_training_can_begin_with_a_published_model(tmp_path, unverified):
    predictor = make_predictor("localization")
    (tmp_path / "model" / "1").mkdir(parents=True)
    published = export(predictor, tmp_path / "model", PICTURES)
    assert "model.keras" in [path.name for path in published.path.iterdir()]
    options = {"filters": (2, 4), "classes": len(NAMES), "input_shape": (16, 24, 3)}
    for place in (tmp_path / "model", tmp_path / "model" / "2"):
        began = zoo.build("localization", **options, weights=place)
        x = np.random.default_rng(0).integers(0, 256, (2, 16, 24, 3)).astype("float32")
        np.testing.assert_allclose(
            began(x)["box"] * (24, 16, 24, 16), predictor.from_pixels(x)["box"], atol=1e-4
        )


def test_loaded_model_answers_as_before(tmp_path, unverified):
    predictor = make_predictor("localization")
    path = tmp_path / "photo.jpg"
    path.write_bytes(PICTURES[1])
    expected = predictor.predict([path])[0]
    export(predictor, tmp_path / "model", PICTURES)
    for place in (tmp_path / "model", tmp_path / "model" / "1"):
        answer = load(place).predict([path])[0]
        assert answer.name == str(path)
        np.testing.assert_allclose(answer.values["box"], expected.values["box"], atol=1e-4)
    assert answer.to_json()["label"] in NAMES
    assert list(answer.to_json()["probabilities"]) == list(NAMES)


def test_a_bare_keras_file_answers(tmp_path):
    model = zoo.build("classification", filters=(2,), classes=3, input_shape=(8, 8, 1))
    model.save(tmp_path / "m.keras")
    answer = load(tmp_path / "m.keras").predict([np.zeros((8, 8), np.uint8)])[0]
    assert answer.values["label"] in (b"0", b"1", b"2")


@pytest.mark.parametrize("name", ["nowhere", "empty", "x.keras"])
def test_no_model_there(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.keras").write_bytes(b"no model")
    with pytest.raises(UserError):
        load(tmp_path / name)


def test_arrays_with_wrong_channels_and_missing_files():
    predictor = make_predictor("classification")
    with pytest.raises(UserError, match=r"takes \[h, w, 3\]"):
        predictor.predict([np.zeros((4, 4), np.uint8)])
    with pytest.raises(UserError, match="No such file"):
        predictor.predict(["nowhere.jpg"])
