import json

import keras
import numpy as np
import pytest

from zoo.errors import UserError
from zoo.models import build, describe


def by_name(description):
    return {row.name: row for row in description.rows}


def plain(**options):
    arguments = {"classes": 2, "input_shape": (16, 16, 3), "filters": (2, 4), **options}
    return build("classification", **arguments)


def test_rows_by_hand():
    rows = by_name(describe(plain()))
    # 3x3x3 -> 2 at 16x16: 16*16*9*3*2 = 13,824; 9*3*2 = 54 weights, no bias before a norm.
    first = rows["stage1_block1_conv1"]
    assert (first.kind, first.output_shape, first.kernel) == ("Conv2D", (16, 16, 2), (3, 3))
    assert (first.parameters, first.macs) == (54, 13_824)
    assert (first.receptive_field, first.output_stride) == ((3, 3), (1, 1))
    # gamma and beta; moving statistics are not learnt.
    assert rows["stage1_block1_norm1"].parameters == 4
    pool = rows["stage2_pool"]
    # 1 + 2 + 2 = 5 before the pool, which adds its second row.
    assert (pool.kernel, pool.stride, pool.receptive_field) == ((2, 2), (2, 2), (6, 6))
    assert pool.output_stride == (2, 2)
    # 2 * 2 more for each 3x3 at stride 2.
    assert rows["stage2_block1_conv2"].receptive_field == (14, 14)
    assert rows["average"].receptive_field == "all"
    assert rows["average"].output_stride is None
    # 4 * 2 weights and 2 biases.
    assert (rows["class_logits"].parameters, rows["class_logits"].macs) == (10, 8)


def test_totals_are_of_the_map_before_it_is_pooled():
    found = describe(plain())
    assert (found.receptive_field, found.output_stride) == ((14, 14), (2, 2))
    assert found.parameters == sum(row.parameters for row in found.rows)
    assert found.macs == sum(row.macs for row in found.rows)


def test_a_unet_ends_at_stride_one():
    model = build("segmentation", classes=2, input_shape=(16, 16, 3), filters=(2, 4))
    found = describe(model)
    assert found.output_stride == (1, 1)
    # 14 at the bottom; the transposed convolution adds nothing; two 3x3 at stride 1 add 4.
    assert found.receptive_field == (18, 18)
    # 8x8 positions of the input, a 2x2 kernel, 4 -> 2.
    assert by_name(found)["up1_up"].macs == 8 * 8 * 4 * 4 * 2
    assert by_name(found)["up1_up"].output_stride == (1, 1)


def test_vgg16_has_the_published_parameters_and_cost():
    # Simonyan and Zisserman 2015, table 2: 138 million, 138,357,544; commonly quoted as 15.47
    # thousand million multiply-adds. Its three dense layers are left out here, they take
    # seconds to fill with numbers: 25088*4096 + 4096*4096 + 4096*1000 = 123,633,664 multiply-adds
    # and as many weights, and 4096 + 4096 + 1000 biases.
    model = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    found = describe(model)
    assert found.parameters + 123_633_664 + 9192 == 138_357_544
    assert found.macs + 123_633_664 == 15_470_264_320
    # Araujo et al. 2019: 212 after the last pool.
    assert (found.receptive_field, found.output_stride) == ((212, 212), (32, 32))


def test_mobilenet_has_the_published_parameters_and_cost():
    # Sandler et al. 2018, table 4: 3.4 million parameters and 300 million multiply-adds.
    model = keras.applications.MobileNetV2(weights=None, input_shape=(224, 224, 3))
    found = describe(model)
    assert found.parameters == 3_504_872
    assert round(found.macs / 1e6, 1) == 300.8


def test_the_imagenet_resnet_has_the_published_cost():
    # timm and torchvision print 1.8 thousand million multiply-adds for ResNet-18; its receptive
    # field of 435 is Araujo et al.'s (2019), who count as this does.
    model = build("classification", encoder="resnet18", classes=1000, input_shape=(224, 224, 3))
    found = describe(model)
    assert round(found.macs / 1e9, 2) == 1.81
    assert found.receptive_field == (435, 435)
    assert found.output_stride == (32, 32)


@pytest.mark.parametrize(
    "options",
    [
        {"filters": (2, 2)},
        {"filters": (2, 2), "downsample": "stride", "residual": True},
        {"filters": (2, 2), "downsample": "average", "kernel_size": (5, 3)},
        {"filters": (2, 2), "dilation": 2},
        {"filters": (2, 2), "kernel_size": (2, 4), "padding": "valid", "residual": True},
        {"filters": (2, 2, 2), "downsample": "stride", "stem_stride": 2},
    ],
)
def test_the_receptive_field_is_where_a_pixel_matters(options):
    # Positive weights and no pooling by maximum: a pixel that is seen can never be hidden.
    size = 61
    options = {"downsample": "average", **options}
    model = plain(
        **options,
        input_shape=(size, size, 1),
        normalization=None,
        block_activation="linear",
        activation=None,
        input_scaling=None,
    )
    model.set_weights([(np.abs(w) + 0.1) * (w.ndim > 1) for w in model.get_weights()])
    last = [layer for layer in model.layers if layer.name.endswith("_act2")][-1]
    features = keras.Model(model.input, last.output)
    rows = np.zeros((size, size, size, 1), "float32")
    rows[np.arange(size), np.arange(size), :, 0] = 1
    # Which rows of the input the central position answers to.
    answers = features.predict(rows, verbose=0)
    middle = answers.shape[1] // 2
    seen = np.flatnonzero(np.abs(answers[:, middle, middle, 0]) > 0)
    assert describe(model).receptive_field == (seen[-1] - seen[0] + 1,) * 2


@pytest.mark.parametrize(
    ("task", "given", "options"),
    [
        ("classification", None, {"padding": "valid"}),
        ("classification", 300, {"padding": "valid", "dilation": 3, "stem_stride": 2}),
        ("classification", None, {"padding": "valid", "encoder": "resnet20", "filters": (2,) * 3}),
        ("localization", None, {"padding": "valid", "kernel_size": (5, 2), "residual": True}),
        ("segmentation", 300, {"padding": "valid", "downsample": "stride", "residual": True}),
        ("segmentation", None, {"padding": "same"}),
    ],
)
def test_the_smallest_input_can_be_built_and_one_less_cannot(task, given, options):
    arguments = {"classes": 2, "filters": (2, 2), **options}
    model = build(task, input_shape=(given, given, 1), **arguments)
    height, width = describe(model).smallest_input
    smallest = build(task, input_shape=(height, width, 1), **arguments)
    outputs = smallest(np.zeros((1, height, width, 1), "float32"))
    assert all(np.isfinite(np.asarray(value)).all() for value in outputs.values())
    if options["padding"] == "same":
        assert (height, width) == (1, 1)
        return
    for shape in ((height - 1, width, 1), (height, width - 1, 1)):
        with pytest.raises(UserError, match=f"smallest input that works is {height}x{width}"):
            build(task, input_shape=shape, **arguments)


def test_smallest_input_need_not_be_square():
    image = keras.Input((None, None, 1))
    x = keras.layers.Conv2D(1, (5, 3), name="wide")(image)
    x = keras.layers.MaxPooling2D((1, 2))(x)
    # 5 rows; 3 columns and the 2 that the pool needs make 4.
    assert describe(keras.Model(image, x)).smallest_input == (5, 4)


def test_an_open_size_has_no_cost_until_one_is_given():
    free = build("segmentation", classes=2, input_shape=(None, None, 3), filters=(2, 4))
    fixed = build("segmentation", classes=2, input_shape=(16, 24, 3), filters=(2, 4))
    assert describe(free).macs is None
    assert describe(free).parameters == describe(fixed).parameters
    assert describe(free, size=(16, 24)).macs == describe(fixed).macs
    assert describe(free, size=(16, 24)).rows[-1].output_shape == (16, 24, 2)


def test_a_size_that_is_too_small_is_refused():
    with pytest.raises(UserError, match=r"cannot take an input of \(9, 9\).*\(14, 14\) or more"):
        describe(plain(padding="valid", input_shape=(None, None, 3)), size=(9, 9))


def test_shared_layers_count_once_and_inner_models_are_opened():
    image = keras.Input((8, 8, 2))
    inner_image = keras.Input((8, 8, 2))
    inner = keras.Model(
        inner_image, keras.layers.Conv2D(2, 3, padding="same", name="one")(inner_image)
    )
    twice = inner(inner(image))
    found = describe(keras.Model(image, twice))
    assert [row.name for row in found.rows] == ["one", "one"]
    assert [row.parameters for row in found.rows] == [3 * 3 * 2 * 2 + 2, 0]
    assert found.macs == 2 * 8 * 8 * 9 * 2 * 2
    assert found.receptive_field == (5, 5)


def test_every_kind_of_convolution_is_counted():
    image = keras.Input((8, 8, 4))
    layers = keras.layers
    outputs = [
        # 8*8*9 * 4/2 * 6
        layers.Conv2D(6, 3, padding="same", groups=2)(image),
        # 8*8*9 * 4 * 2
        layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(image),
        # 8*8 * (9*4 + 4*6)
        layers.SeparableConv2D(6, 3, padding="same")(image),
        # 8*8*9 * 4 * 6, at the input's positions
        layers.Conv2DTranspose(6, 3, strides=2, padding="same")(image),
        # 8*8 * 4 * 6
        layers.Dense(6)(image),
        layers.Activation("relu")(image),
    ]
    found = describe(keras.Model(image, outputs))
    macs = {row.kind: row.macs for row in found.rows}
    assert macs == {
        "Conv2D": 6912,
        "DepthwiseConv2D": 4608,
        "SeparableConv2D": 3840,
        "Conv2DTranspose": 13_824,
        "Dense": 1536,
        "Activation": 0,
    }
    views = {row.kind: (row.receptive_field, row.output_stride) for row in found.rows}
    # A 3x3 kernel at stride 2 lets each position meet two of the input at most.
    assert views["Conv2DTranspose"] == ((2, 2), (0.5, 0.5))


def test_attention_over_all_positions_sees_everything():
    rows = by_name(
        describe(build("localization", classes=2, input_shape=(16, 16, 1), filters=(2, 4)))
    )
    assert rows["attention_map"].receptive_field == "all"
    assert rows["attention_map"].output_stride == (2, 2)
    assert rows["box"].receptive_field == "all"


@pytest.mark.parametrize("encoder", ["plain", "alexnet", "resnet20", "resnet34", "resnet110"])
def test_the_table_fits_eighty_columns_and_the_dict_json(encoder):
    model = build("segmentation", encoder=encoder, classes=2, input_shape=(1024, 768, 3))
    found = describe(model)
    text = str(found)
    assert max(map(len, text.splitlines())) <= 80
    assert f"{found.parameters:,}" in text
    assert f"{found.macs:,}" in text
    assert "smallest input    {}x{}".format(*found.smallest_input) in text
    values = json.loads(json.dumps(found.to_dict()))
    assert values["macs"] == found.macs
    assert values["rows"][-1]["output_shape"] == [1024, 768, 2]
    assert len(values["rows"]) == len(found.rows)


def test_only_graphs_are_described():
    class Bare(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(UserError, match="only functional models"):
        describe(Bare())
