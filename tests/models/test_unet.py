import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.models import FitSize, build

OPTIONS = {"encoder": "plain", "filters": (2, 3, 4), "classes": 3}


def segmenter(**options):
    return build("segmentation", **{**OPTIONS, "input_shape": (None, None, 3), **options})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stem_stride": 2},
        {"downsample": "stride", "residual": True},
        {"upsample": "nearest"},
        {"padding": "valid"},
        {"encoder": "resnet18", "filters": (2, 3, 4, 5)},
        {"encoder": "resnet20"},
    ],
)
@pytest.mark.parametrize("fixed", [True, False])
def test_the_mask_is_as_large_as_the_picture(options, fixed):
    shape = (97, 131, 3) if fixed else (None, None, 3)
    model = segmenter(**{**options, "input_shape": shape})
    assert model.output["mask"].shape == (None, *shape[:2], 3)
    assert model(np.zeros((1, 97, 131, 3), "float32"))["mask"].shape == (1, 97, 131, 3)


SAME = segmenter(stem_stride=2)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(1, 40), st.integers(1, 40))
def test_any_size_from_one_pixel_up(height, width):
    mask = SAME(np.full((1, height, width, 3), 9, "float32"))["mask"]
    assert mask.shape == (1, height, width, 3)


def test_fixed_and_open_sizes_are_one_network():
    fixed = segmenter(input_shape=(13, 10, 3), padding="same")
    free = segmenter()
    free.set_weights(fixed.get_weights())
    x = np.random.default_rng(0).uniform(0, 255, (2, 13, 10, 3)).astype("float32")
    np.testing.assert_allclose(fixed(x)["mask"], free(x)["mask"], atol=1e-6)


def test_a_shift_by_the_stride_shifts_the_mask():
    # Were an up-sampled map fitted at the wrong end, the inside would move otherwise.
    model = segmenter(normalization=None, activation=None)
    x = np.zeros((1, 45, 45, 3), "float32")
    x[0, 20:24, 20:24] = 255
    mask = np.asarray(model(x)["mask"])
    moved = np.asarray(model(np.roll(x, 4, (1, 2)))["mask"])
    np.testing.assert_allclose(
        np.roll(mask, 4, (1, 2))[:, 16:32, 16:32], moved[:, 16:32, 16:32], atol=1e-5
    )
    assert np.ptp(moved[:, 16:32, 16:32]) > 1e-3


@pytest.mark.parametrize("options", [{}, {"stem_stride": 2}, {"padding": "valid"}])
def test_an_exported_unet_takes_any_size(options, tmp_path):
    model = segmenter(**options)
    model.export(tmp_path / "saved", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "saved")
    for height, width in ((97, 131), (32, 33)):
        x = np.random.default_rng(0).uniform(0, 255, (1, height, width, 3)).astype("float32")
        served = loaded.serve(x)["mask"]
        assert served.shape == (1, height, width, 3)
        np.testing.assert_allclose(served, model(x)["mask"], atol=1e-5)


def test_widths_of_the_decoder():
    model = segmenter(decoder_filters=(5, 7))
    assert model.get_layer("up1_block_conv2").filters == 5
    assert model.get_layer("up2_block_conv1").filters == 7
    # By default as wide as the skips.
    assert segmenter().get_layer("up2_block_conv1").filters == 3


def test_residual_and_style_reach_the_decoder():
    model = segmenter(residual=True, normalization="layer", block_activation="elu", dropout=0.5)
    assert model.get_layer("up1_block_add")
    assert model.get_layer("stage1_block1_add")
    assert type(model.get_layer("up1_up_norm")) is keras.layers.LayerNormalization
    assert model.get_layer("up2_block_act1").activation is keras.activations.elu
    assert model.get_layer("up2_block_dropout").rate == 0.5


def test_an_encoder_of_one_stage_needs_no_skip():
    model = segmenter(filters=(4,), stem_stride=2)
    assert model(np.zeros((1, 9, 7, 3), "float32"))["mask"].shape == (1, 9, 7, 3)


# Up-sampled rows numbered from 1. Surplus rows go from the end; missing ones are zeros on both
# sides, the odd one at the end.
@pytest.mark.parametrize(
    ("have", "want", "expected"),
    [
        (4, 4, [1, 2, 3, 4]),
        (4, 3, [1, 2, 3]),
        (2, 5, [0, 1, 2, 0, 0]),
        (1, 3, [0, 1, 0]),
        (1, 2, [1, 0]),
    ],
)
@pytest.mark.parametrize("traced", [False, True])
def test_fit_size_by_hand(have, want, expected, traced):
    layer = FitSize()
    rows = np.arange(1, have + 1, dtype="float32").reshape(1, have, 1, 1)
    reference = np.full((1, want, 2, 3), np.nan, "float32")
    if traced:
        inputs = [keras.Input((None, None, 1)), keras.Input((None, None, 3))]
        model = keras.Model(inputs, layer(inputs))
        assert model.output.shape == (None, None, None, 1)
        # No size is known while the graph is made, as in a served model.
        signature = [tf.TensorSpec((None, None, None, channels)) for channels in (1, 3)]
        graph = tf.function(lambda *given: model(list(given)), input_signature=signature)
        found = graph(np.repeat(rows, 2, 2), reference).numpy()
    else:
        found = np.asarray(layer([np.repeat(rows, 2, 2), reference]))
    assert found[0, :, 0, 0].tolist() == expected
    assert found.shape == (1, want, 2, 1)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(*[st.integers(1, 9)] * 4)
def test_fit_size_gives_the_references_size(height, width, wanted_height, wanted_width):
    x = np.ones((2, height, width, 3), "float32")
    fitted = FitSize()([x, np.ones((2, wanted_height, wanted_width, 1), "float32")])
    assert fitted.shape == (2, wanted_height, wanted_width, 3)
    # Nothing but the surplus is lost.
    assert np.sum(fitted) == 6 * min(height, wanted_height) * min(width, wanted_width)
