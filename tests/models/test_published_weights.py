"""Published weights for an encoder: `weights="imagenet"`, with a tiny encoder that has some."""

from functools import partial

import keras
import numpy as np
import pytest

from zoo.errors import UserError
from zoo.models import build, classifier, load_weights
from zoo.models.about import tell
from zoo.models.encoders import ENCODERS


def tiny(image, /, *, width=2, options=None):
    for stage in (1, 2):
        x = keras.layers.Conv2D(width, 3, padding="same", name=f"stage{stage}_conv")
        norm = keras.layers.BatchNormalization(name=f"stage{stage}_norm")
        image = norm(x(image))
    return [image]


def published(*, width=2):
    arrays = {}
    for stage, channels in ((1, 3), (2, width)):
        kernel = np.full((3, 3, channels, width), stage, "float32")
        arrays[f"stage{stage}_conv"] = [kernel, np.full(width, 0.5, "float32")]
        arrays[f"stage{stage}_norm"] = [np.full(width, n, "float32") for n in range(4)]
    return arrays


@pytest.fixture
def tiny_encoder(monkeypatch):
    """An encoder with published weights."""
    encoder = tell(partial(tiny), pretrained=published)
    monkeypatch.setitem(ENCODERS, "tiny", encoder)
    return encoder


@pytest.mark.parametrize("task", ["classification", "localization", "segmentation"])
def test_imagenet_weights_go_to_the_encoder(task, tiny_encoder):
    fresh = build(task, encoder="tiny", classes=3, input_shape=(8, 8, 3), width=4)
    loaded = build(
        task, encoder="tiny", classes=3, input_shape=(8, 8, 3), width=4, weights="imagenet"
    )
    for name, arrays in published(width=4).items():
        for given, found in zip(arrays, loaded.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(given, found)
    for one, other in zip(fresh.weights, loaded.weights, strict=True):
        if not one.path.startswith("stage"):
            assert one.path == other.path


def load(**options):
    return classifier(
        **{"encoder": "tiny", "classes": 3, "input_shape": (8, 8, 3), **options},
        weights="imagenet",
    )


@pytest.mark.parametrize("channels", [1, 5])
def test_imagenet_weights_fit_any_channels_and_that_is_said(channels, tiny_encoder):
    with pytest.warns(UserWarning, match=f"stage1_conv: .* fitted to {channels}") as warned:
        loaded = load(input_shape=(8, 8, channels), first_kernel="sum")
    assert str(warned[0].message).startswith("weights of imagenet for tiny: 4 layers loaded")
    kernel = loaded.get_layer("stage1_conv").get_weights()[0]
    np.testing.assert_allclose(kernel, np.full((3, 3, channels, 2), 3 / channels), rtol=1e-6)


def test_an_encoder_layer_without_a_match_is_refused(monkeypatch):
    arrays = {name: found for name, found in published().items() if name != "stage2_norm"}
    monkeypatch.setitem(ENCODERS, "tiny", tell(partial(tiny), pretrained=lambda: arrays))
    with pytest.raises(UserError, match="stage2_norm is not in the file") as caught:
        load()
    assert "class_logits" not in str(caught.value)


def test_imagenet_is_a_matter_of_the_encoder(tiny_encoder):
    with pytest.raises(UserError, match=r"'plain' has no published ImageNet weights; .* 'tiny'"):
        classifier(classes=3, input_shape=(8, 8, 3), weights="imagenet")
    with pytest.raises(UserError, match="ImageNet weights belong to an encoder"):
        load_weights(classifier(classes=3, input_shape=(8, 8, 3)), "imagenet")
