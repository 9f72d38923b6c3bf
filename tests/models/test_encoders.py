import keras
import numpy as np
import pytest

from zoo.models import build
from zoo.models.blocks import groups_of
from zoo.models.encoders import ENCODERS
from zoo.models.groups import bind


@pytest.mark.parametrize("downsample", ["max", "average", "stride"])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("kernel_size", [2, 3, (5, 3)])
def test_sizes_follow_from_padding_and_stride(downsample, padding, residual, kernel_size):
    image = keras.Input((37, 41, 3))
    kernels = kernel_size if isinstance(kernel_size, tuple) else (kernel_size,) * 2
    options = {
        "filters": (2, 3),
        "kernel_size": kernel_size,
        "downsample": downsample,
        "padding": padding,
        "residual": residual,
    }
    fine, coarse = bind(ENCODERS["plain"], options)(image)

    def expected(size):
        if padding == "same":
            return size, -(-size // 2)
        # Each of two convolutions takes kernel - 1; the stride of a window k gives
        # floor((n - k) / 2) + 1.
        first = size - 2 * (kernels[0] - 1)
        if downsample == "stride":
            return first, (first - kernels[1]) // 2 + 1 - (kernels[1] - 1)
        return first, first // 2 - 2 * (kernels[1] - 1)

    sizes = [expected(37), expected(41)]
    assert fine.shape[1:] == (sizes[0][0], sizes[1][0], 2)
    assert coarse.shape[1:] == (sizes[0][1], sizes[1][1], 3)


def test_dilation_spares_the_strided_convolution():
    model = build(
        "classification",
        classes=2,
        input_shape=(16, 16, 1),
        filters=(2, 2),
        dilation=(1, 3),
        downsample="stride",
        residual=True,
    )
    layers = {layer.name: layer for layer in model.layers}
    assert layers["stage2_block1_conv1"].strides == (2, 2)
    assert layers["stage2_block1_conv1"].dilation_rate == (1, 1)
    assert layers["stage2_block1_conv2"].dilation_rate == (3, 3)
    assert layers["stage1_block1_conv2"].dilation_rate == (1, 1)


def test_a_valid_shortcut_lies_under_the_centre_of_its_kernels():
    # Kernels that only pass their centre on, and a shortcut that doubles the picture: with both
    # aligned, the output is twice the cropped picture plus nothing else.
    model = build(
        "segmentation",
        classes=2,
        input_shape=(9, 9, 1),
        filters=(1,),
        padding="valid",
        residual=True,
        normalization=None,
        input_scaling=None,
        block_activation="linear",
    )
    centre = np.zeros((3, 3, 1, 1), "float32")
    centre[1, 1] = 1
    for name in ("stage1_block1_conv1", "stage1_block1_conv2"):
        model.get_layer(name).set_weights([centre, np.zeros(1)])
    features = keras.Model(model.input, model.get_layer("stage1_block1_act2").output)
    x = np.arange(81, dtype="float32").reshape(1, 9, 9, 1)
    np.testing.assert_array_equal(features(x), 2 * x[:, 2:-2, 2:-2])


@pytest.mark.parametrize(("channels", "groups"), [(2, 1), (13, 1), (16, 2), (24, 3), (256, 32)])
def test_group_normalization_fits_any_width(channels, groups):
    assert groups_of(channels) == groups
    assert channels % groups == 0


@pytest.mark.parametrize(
    ("normalization", "kind"),
    [
        ("batch", "BatchNormalization"),
        ("group", "GroupNormalization"),
        ("layer", "LayerNormalization"),
        (None, None),
    ],
)
@pytest.mark.parametrize("encoder", ["plain", "resnet20"])
def test_normalization_decides_layers_and_biases(normalization, kind, encoder):
    model = build(
        "classification",
        encoder=encoder,
        classes=2,
        input_shape=(8, 8, 3),
        filters=(3, 5, 7),
        normalization=normalization,
    )
    kinds = {type(layer).__name__ for layer in model.layers if "_norm" in layer.name}
    assert kinds == ({kind} if kind else set())
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.use_bias for layer in convolutions} == {normalization is None}


def test_dropout_and_activation_reach_the_blocks():
    model = build(
        "classification",
        classes=2,
        input_shape=(8, 8, 3),
        filters=(3, 5),
        dropout=0.25,
        block_activation="silu",
    )
    assert model.get_layer("stage1_block1_dropout").rate == 0.25
    assert model.get_layer("dropout").rate == 0.25
    assert model.get_layer("stage2_block1_act2").activation is keras.activations.silu


def test_blocks_may_differ_between_stages():
    model = build("classification", classes=2, input_shape=(8, 8, 3), filters=[3, 5], blocks=(2, 1))
    names = [layer.name for layer in model.layers if layer.name.endswith("_conv1")]
    assert names == ["stage1_block1_conv1", "stage1_block2_conv1", "stage2_block1_conv1"]
