import subprocess
import sys

import keras
import numpy as np
import pytest

from zoo.errors import UserError
from zoo.models import build, classifier, load_weights
from zoo.models.weights.kernels import fitted


def model(**options):
    return build(
        "classification", **{"classes": 3, "input_shape": (8, 8, 3), "filters": (2, 3), **options}
    )


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_weights_come_from_a_file(name, tmp_path):
    source = model()
    if name.endswith(".keras"):
        source.save(tmp_path / name)
    else:
        source.save_weights(tmp_path / name)
    loaded = model(weights=tmp_path / name, activation=None)
    for given, found in zip(source.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(given, found)


def test_what_does_not_fit_is_listed_and_nothing_is_loaded(tmp_path):
    model(filters=(2, 4), classes=2).save(tmp_path / "model.keras")
    with pytest.raises(UserError) as caught:
        model(weights=tmp_path / "model.keras")
    text = str(caught.value)
    for name in ("stage2_block1_conv1", "stage2_block1_norm2", "class_logits"):
        assert f"{name} has shapes" in text
    assert "[(4, 2), (2,)] in the file and [(3, 3), (3,)] in the model" in text
    assert "stage1" not in text


def test_missing_and_surplus_layers_are_listed(tmp_path):
    model(residual=True).save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(UserError, match="stage1_block1_shortcut_conv is not in the model"):
        model(weights=tmp_path / "a.weights.h5")
    model().save_weights(tmp_path / "b.weights.h5")
    with pytest.raises(UserError, match="stage1_block1_shortcut_norm is not in the file"):
        model(residual=True, weights=tmp_path / "b.weights.h5")


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_a_damaged_file_is_refused(name, tmp_path):
    (tmp_path / name).write_bytes(b"no model at all")
    with pytest.raises(UserError, match="cannot be read"):
        model(weights=tmp_path / name)


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"")
    with pytest.raises(UserError, match="no known kind"):
        model(weights=tmp_path / "model.pt")


def test_loading_leaves_a_model_alone_that_does_not_fit(tmp_path):
    model(classes=2).save(tmp_path / "model.keras")
    target = model()
    before = [np.array(value) for value in target.get_weights()]
    with pytest.raises(UserError, match="class_logits"):
        load_weights(target, tmp_path / "model.keras")
    for given, found in zip(before, target.get_weights(), strict=True):
        np.testing.assert_array_equal(given, found)
    assert isinstance(target, keras.Model)


def test_a_file_is_known_by_its_folder(tmp_path):
    source = model()
    run, published = tmp_path / "run", tmp_path / "published"
    for folder in (run, published / "2", published / "10"):
        folder.mkdir(parents=True)
    source.save(run / "model.keras")
    model().save(published / "2" / "model.keras")
    source.save(published / "10" / "model.keras")
    for place in (run, published, published / "10"):
        for given, found in zip(
            source.get_weights(), model(weights=str(place)).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(given, found)


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ("saved_model.pb", "is a SavedModel without model.keras beside it; export its run again"),
        ("recipe.json", "is a run without model.keras; train it to the end first"),
        ("notes.txt", "is a folder without model.keras; give a .keras"),
    ],
)
def test_a_folder_without_a_model_is_refused(held, message, tmp_path):
    (tmp_path / held).write_text("")
    with pytest.raises(UserError, match=message):
        model(weights=tmp_path)


@pytest.mark.parametrize("weights", [True, 3, ["a.keras"]])
def test_what_is_no_path_is_refused(weights):
    with pytest.raises(UserError, match="is no path"):
        model(weights=weights)


def test_another_class_count_keeps_the_rest(tmp_path):
    old = model(classes=2)
    old.save(tmp_path / "model.keras")
    reports = []
    new = model(classes=5, weights=tmp_path / "model.keras", partial=True, on_report=reports.append)
    (report,) = reports
    assert [layer.name for layer in report.reshaped] == ["class_logits"]
    assert report.unmatched == report.reshaped
    assert report.reshaped[0].in_file == ((3, 2), (2,))
    assert report.reshaped[0].in_model == ((3, 5), (5,))
    for name in report.copied:
        for given, found in zip(
            old.get_layer(name).get_weights(), new.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(given, found)
    assert len(report.copied) == 8
    assert str(report) == (
        f"weights of {tmp_path / 'model.keras'}: 8 layers loaded\n"
        "class_logits has shapes [(3, 2), (2,)] in the file and [(3, 5), (5,)] in the model"
    )


def test_a_segmenter_takes_the_encoder_of_a_classifier(tmp_path):
    old = model()
    old.save_weights(tmp_path / "m.weights.h5")
    new = build("segmentation", classes=3, input_shape=(8, 8, 3), filters=(2, 3))
    report = load_weights(new, tmp_path / "m.weights.h5", partial=True)
    assert [layer.name for layer in report.surplus] == ["class_logits"]
    assert "mask_logits" in [layer.name for layer in report.missing]
    assert not any(layer.name.startswith("stage") for layer in report.unmatched)
    np.testing.assert_array_equal(
        old.get_layer("stage2_block1_norm1").get_weights(),
        new.get_layer("stage2_block1_norm1").get_weights(),
    )


@pytest.mark.parametrize("factory", ["build", "classifier"])
def test_what_was_left_out_is_warned_of_where_the_call_was_made(factory, tmp_path):
    model(classes=2).save(tmp_path / "model.keras")
    options = {
        "classes": 3,
        "input_shape": (8, 8, 3),
        "filters": (2, 3),
        "weights": tmp_path / "model.keras",
        "partial": True,
    }
    with pytest.warns(UserWarning, match="class_logits has shapes") as warned:
        _ = classifier(**options) if factory == "classifier" else build("classification", **options)
    assert [warning.filename for warning in warned] == [__file__]


def test_nothing_that_fits_is_refused_even_in_part(tmp_path):
    model(filters=(4, 5), classes=2).save(tmp_path / "model.keras")
    with pytest.raises(UserError, match=r"nothing in the weights of .* fits the model"):
        model(weights=tmp_path / "model.keras", partial=True)


@pytest.mark.parametrize(
    ("method", "channels", "expected"),
    [
        # Of a kernel that is 1, 2 and 4 for the three old channels.
        ("repeat", 1, [7]),
        ("repeat", 2, [1 + 4, 2]),
        ("repeat", 4, [1 / 2, 2, 4, 1 / 2]),
        ("repeat", 5, [1 / 2, 2 / 2, 4, 1 / 2, 2 / 2]),
        ("repeat", 6, [1 / 2, 2 / 2, 4 / 2, 1 / 2, 2 / 2, 4 / 2]),
        ("sum", 1, [7]),
        ("sum", 2, [3.5, 3.5]),
        ("sum", 7, [1] * 7),
        ("average", 1, [7 / 3]),
        ("average", 4, [7 / 3] * 4),
    ],
)
def test_a_kernel_is_fitted_as_computed_by_hand(method, channels, expected):
    kernel = np.reshape([[1, 10], [2, 20], [4, 40]], (1, 1, 3, 2)).astype("float32")
    before = kernel.copy()
    found = fitted(kernel, channels, method)
    assert found.shape == (1, 1, channels, 2)
    np.testing.assert_allclose(found[0, 0, :, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(found[0, 0, :, 1], 10 * np.array(expected), rtol=1e-6)
    np.testing.assert_array_equal(kernel, before)


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
@pytest.mark.parametrize("method", ["repeat", "sum", "average"])
def test_a_grey_picture_is_answered_as_before(method, channels, tmp_path):
    # The shortcut of the first stage reads the picture too.
    options = {"residual": True, "normalization": None, "activation": None, "filters": (6, 3)}
    old = model(**options)
    old.save(tmp_path / "model.keras")
    reports = []
    new = model(
        input_shape=(8, 8, channels),
        weights=tmp_path / "model.keras",
        first_kernel=method,
        on_report=reports.append,
        **options,
    )
    adapted = [layer.name for layer in reports[0].adapted]
    assert adapted == ["stage1_block1_conv1", "stage1_block1_shortcut_conv"]
    assert reports[0].unmatched == ()
    assert f"for 3 input channels was fitted to {channels} (first_kernel={method!r})" in str(
        reports[0]
    )
    grey = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 1)).astype("float32")
    # The mean answers channels / 3 times as much.
    share = 3 / channels if method == "average" else 1
    expected = old(np.repeat(grey, 3, axis=3))["class"]
    found = new(np.repeat(grey * share, channels, axis=3))["class"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_only_kernels_that_read_the_picture_are_fitted(tmp_path):
    model(filters=(2, 3)).save(tmp_path / "model.keras")
    with pytest.raises(UserError, match="stage2_block1_conv1 has shapes") as caught:
        model(filters=(3, 3), input_shape=(8, 8, 1), weights=tmp_path / "model.keras")
    assert "stage1_block1_conv1 has shapes [(3, 3, 3, 2)" in str(caught.value)
    with pytest.raises(UserError, match="first_kernel='men' is unknown"):
        model(weights=tmp_path / "model.keras", first_kernel="men")


def test_a_model_of_any_size_comes_from_a_file_in_a_fresh_process(tmp_path):
    options = {"classes": 3, "input_shape": (None, None, 3), "filters": (2, 3)}
    build("segmentation", **options).save(tmp_path / "model.keras")
    script = (
        "import sys, keras, zoo\n"
        f"model = zoo.build('segmentation', **{options}, weights=sys.argv[1])\n"
        "loaded = keras.models.load_model(sys.argv[1])\n"
        "x = keras.ops.ones((1, 9, 7, 3))\n"
        "assert float(keras.ops.max(keras.ops.abs(model(x)['mask'] - loaded(x)['mask']))) == 0\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "model.keras")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
