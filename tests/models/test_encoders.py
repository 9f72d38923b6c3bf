import keras
import numpy as np
import pytest

from zoo.models import build
from zoo.models.blocks import groups_of
from zoo.models.encoders import ENCODERS
from zoo.models.groups import bind


def trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def cifar(depth, **options):
    return build(
        "classification",
        encoder=f"resnet{depth}",
        classes=10,
        input_shape=(32, 32, 3),
        head="average",
        **options,
    )


# He et al. 2016, table 6, prints 0.27, 0.46, 0.66, 0.85 and 1.7 million. With n blocks a stage:
# stem 3*9*16 + 2*16 = 464; a block of width w has 2 (9 w^2 + 2 w), the first of a wider stage
# 9 w/2 w less 9 w^2 / 2: in all n 2 (9*16^2 + 32) - and so on; dense 64*10 + 10 = 650.
@pytest.mark.parametrize(
    ("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)]
)
def test_cifar_resnets_have_the_papers_parameters(depth, millions):
    blocks = (depth - 2) // 6
    expected = 3 * 9 * 16 + 2 * 16 + 650
    before = 16
    for width in (16, 32, 64):
        for block in range(blocks):
            expected += 9 * (before if block == 0 else width) * width + 9 * width**2 + 4 * width
        before = width
    found = trainable(cifar(depth))
    assert found == expected
    assert round(found / 1e6, 1 if depth == 110 else 2) == millions


# torchvision and timm count 11,689,512 and 21,797,672: kernels, gamma and beta, the dense layer.
# resnet18: stem 3*49*64 + 128 = 9,536; stage 1: 4 (9*64^2 + 128) = 147,968; stage w = 2v:
# 9 v w + 3*9 w^2 + 4*2 w, and the projection v w + 2 w: 525,568 + 2,099,712 + 8,393,728;
# dense 512*1000 + 1000 = 513,000; in all 11,689,512.
@pytest.mark.parametrize(("name", "count"), [("resnet18", 11_689_512), ("resnet34", 21_797_672)])
def test_imagenet_resnets_have_the_published_parameters(name, count):
    model = build(
        "classification", encoder=name, classes=1000, input_shape=(224, 224, 3), head="average"
    )
    assert trainable(model) == count


def test_without_shortcuts_the_options_a_network_has_the_same_parameters():
    assert trainable(cifar(20, residual=False)) == trainable(cifar(20))


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
