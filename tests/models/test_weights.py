import keras
import numpy as np
import pytest

from zoo.errors import UserError
from zoo.models import build


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
    from zoo.models import load_weights

    model(classes=2).save(tmp_path / "model.keras")
    target = model()
    before = [np.array(value) for value in target.get_weights()]
    with pytest.raises(UserError, match="class_logits"):
        load_weights(target, tmp_path / "model.keras")
    for given, found in zip(before, target.get_weights(), strict=True):
        np.testing.assert_array_equal(given, found)
    assert isinstance(target, keras.Model)
