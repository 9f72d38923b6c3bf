import keras
import numpy as np
import pytest
from backends import compiled
from families import decoder_parameters
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import UserError
from zoo.models import build

OPTIONS = {"encoder": "plain", "filters": (2, 3, 4), "classes": 3}


def segmenter(**options):
    return build("segmentation", **{**OPTIONS, "input_shape": (None, None, 3), **options})


def conv(size, inputs, outputs):
    return size * size * inputs * outputs + outputs


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stem_stride": 2},
        {"downsample": "stride", "residual": True},
        {"upsample": "nearest"},
        {"upsample": "bilinear", "stem_stride": 2},
        {"attention": True},
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
    assert compiled(model)(np.zeros((1, 97, 131, 3), "float32"))["mask"].shape == (1, 97, 131, 3)


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
    mask = np.asarray(compiled(model)(x)["mask"])
    moved = np.asarray(compiled(model)(np.roll(x, 4, (1, 2)))["mask"])
    np.testing.assert_allclose(
        np.roll(mask, 4, (1, 2))[:, 16:32, 16:32], moved[:, 16:32, 16:32], atol=1e-5
    )
    assert np.ptp(moved[:, 16:32, 16:32]) > 1e-3


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
    assert compiled(model)(np.zeros((1, 9, 7, 3), "float32"))["mask"].shape == (1, 9, 7, 3)


def test_a_gate_weighs_every_position_with_one_number():
    model = segmenter(attention=True)
    assert model.get_layer("up1_gate_fit").output.shape == (None, None, None, 1)
    skip, weights = model.get_layer("up1_gate_scale").input
    assert skip is model.get_layer("stage1_block1_act2").output
    assert weights is model.get_layer("up1_gate_fit").output
    # What says where to look is the coarser level's result, before it is enlarged.
    assert model.get_layer("up1_gate_signal").input is model.get_layer("up2_block_act2").output


@pytest.mark.parametrize(("bias", "share"), [(-100.0, 0.0), (100.0, 1.0)])
def test_a_gate_shuts_and_opens(bias, share):
    gated = segmenter(attention=True)
    for level in (1, 2):
        layer = gated.get_layer(f"up{level}_gate_weights")
        layer.set_weights([np.zeros_like(layer.kernel), np.array([bias], "float32")])
    scale = gated.get_layer("up1_gate_scale")
    level = keras.Model(gated.input, [*scale.input, scale.output])
    skip, _, weighed = level(np.random.default_rng(0).uniform(0, 255, (1, 9, 14, 3)))
    np.testing.assert_allclose(weighed, share * np.asarray(skip), atol=1e-6)
    assert np.ptp(np.asarray(skip)) > 0


def test_gates_are_open_at_first_and_can_learn():
    model = segmenter(attention=True)
    level = keras.Model(model.input, model.get_layer("up1_gate_fit").output)
    weights = np.asarray(level(np.zeros((1, 16, 16, 3), "float32")))
    np.testing.assert_allclose(weights, 1 / (1 + np.exp(-2.0)), atol=1e-6)


def test_the_published_unet():
    model = segmenter(
        decoder="unet2015",
        filters=(64, 128, 256, 512, 1024),
        padding="valid",
        normalization=None,
        classes=2,
        input_shape=(572, 572, 1),
    )
    down = [conv(3, 1, 64), conv(3, 64, 64)]
    up = [conv(1, 64, 2)]
    for width in (64, 128, 256, 512):
        down += [conv(3, width, 2 * width), conv(3, 2 * width, 2 * width)]
        up += [conv(2, 2 * width, width), conv(3, 2 * width, width), conv(3, width, width)]
    assert model.count_params() == sum(down) + sum(up) == 31_030_658
    # Figure 1 of the paper.
    sizes = [model.get_layer(f"stage{stage}_block1_act2").output.shape[1] for stage in range(1, 6)]
    assert sizes == [568, 280, 136, 64, 28]
    sizes = [model.get_layer(f"up{level}_concat").output.shape[1] for level in (4, 3, 2, 1)]
    assert sizes == [56, 104, 200, 392]
    assert model.get_layer("full_fit").input[0].shape == (None, 388, 388, 64)
    assert model.output["mask"].shape == (None, 572, 572, 2)


def test_what_the_published_unet_cannot_see_repeats_the_nearest_answer():
    model = segmenter(decoder="unet2015", padding="valid")
    x = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype("float32")
    mask = np.asarray(compiled(model)(x)["mask"])
    # The coarsest map has 9 rows: 2 * 9 - 4 = 14, 2 * 14 - 4 = 24 of 64, 20 less on each side.
    answered = mask[:, 20:44, 20:44]
    np.testing.assert_allclose(
        mask, np.pad(answered, ((0, 0), (20, 20), (20, 20), (0, 0)), mode="edge"), atol=1e-6
    )
    assert np.ptp(answered[0, :, 0, 0]) > 0


# AlexNet has no padding of its own to choose, so that it is the decoder's alone; its smallest input
# is found by trying.
@pytest.mark.parametrize(
    ("options", "size", "least"),
    [
        ({}, (43, 64), 44),
        ({}, (64, 36), 44),
        ({"encoder": "alexnet", "filters": (2, 3, 4, 4, 4)}, (200, 63), None),
    ],
)
def test_the_published_unet_says_what_is_the_least(options, size, least):
    options = {"decoder": "unet2015", "padding": "valid", **options}
    with pytest.raises(UserError, match="smallest input") as error:
        segmenter(input_shape=(*size, 3), **options)
    named = int(str(error.value).split("works is ")[1].split("x")[0])
    assert least in (named, None)
    assert segmenter(input_shape=(named, named, 3), **options)
    for smaller in ((named - 1, named, 3), (named, named - 1, 3)):
        with pytest.raises(UserError):
            segmenter(input_shape=smaller, **options)


# Behind maps of 2, 3 and 4 channels, by hand; a 2x2 transposed convolution counts as any 2x2 one.
UNET = [conv(2, 4, 3), conv(3, 6, 3), conv(3, 3, 3), conv(2, 3, 2), conv(3, 4, 2), conv(3, 2, 2)]


@pytest.mark.parametrize(
    ("decoder", "options", "layers"),
    [
        ("unet", {}, UNET),
        ("unet2015", {}, UNET),
        # Each gate projects the skip (without a bias) and the signal to half the skip's width.
        (
            "unet",
            {"attention": True},
            [*UNET, 3 * 1, conv(1, 4, 1), conv(1, 1, 1), 2 * 1, conv(1, 3, 1), conv(1, 1, 1)],
        ),
        # A 1x1 convolution in the place of each transposed one.
        (
            "unet",
            {"upsample": "nearest"},
            [*UNET, -conv(2, 4, 3), conv(1, 4, 3), -conv(2, 3, 2), conv(1, 3, 2), conv(1, 2, 2)],
        ),
        # Besides the U-Net's two nodes, of which the last joins 2 + 2 + 2 channels, the first.
        (
            "unetplusplus",
            {},
            [*UNET, conv(3, 6, 2) - conv(3, 4, 2), conv(2, 3, 2), conv(3, 4, 2), conv(3, 2, 2)],
        ),
    ],
)
def test_parameters_by_hand(decoder, options, layers):
    model = segmenter(decoder=decoder, normalization=None, **options)
    assert decoder_parameters(model) == sum(layers)


@pytest.mark.parametrize(
    ("decoder", "options", "message"),
    [
        ("unet", {"attention": "yes"}, "attention='yes'"),
        ("unet", {"upsample": "cubic"}, "upsample='cubic'"),
        ("unet", {"decoder_filters": (2,)}, "2 levels"),
        ("unetplusplus", {"decoder_filters": (2, 3, 4)}, "2 levels"),
        ("unet2015", {"padding": "full"}, "padding='full'"),
    ],
)
def test_values_that_no_unet_can_be_built_from(decoder, options, message):
    with pytest.raises(UserError) as error:
        segmenter(decoder=decoder, **options)
    assert message in str(error.value)
