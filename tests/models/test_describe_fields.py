"""Receptive fields and strides against those found by changing one pixel at a time."""

import keras
import pytest
from perturbation import field_and_stride

from zoo.models import build, describe

BARE = {"classes": 2, "normalization": None, "input_scaling": None}


def encoder(**options):
    """A function from a picture's shape to a model that ends at the coarsest map."""

    def of(shape):
        model = build("classification", input_shape=shape, **BARE, **options)
        return keras.Model(model.input, model.get_layer("average").input)

    return of


def unet(**options):
    def of(shape):
        model = build("segmentation", input_shape=shape, **BARE, **options)
        return keras.Model(model.input, model.get_layer("mask_logits").output)

    return of


PLAIN = {"filters": (2, 2, 2)}


@pytest.mark.parametrize("extra", [0, 5])
@pytest.mark.parametrize(
    "build_map",
    [
        encoder(**PLAIN),
        encoder(**PLAIN, downsample="stride", residual=True),
        encoder(**PLAIN, downsample="average", dilation=(1, 2, 3)),
        encoder(**PLAIN, kernel_size=(2, 4, 5), stem_stride=2, residual=True),
        encoder(filters=(2, 2), kernel_size=(4, 2), residual=True, padding="valid"),
        encoder(encoder="resnet20", **PLAIN),
        encoder(encoder="resnet20", **PLAIN, padding="valid"),
        encoder(encoder="resnet18", filters=(2, 2, 2, 2)),
        unet(**PLAIN),
        unet(**PLAIN, upsample="nearest"),
        unet(**PLAIN, residual=True, downsample="stride"),
    ],
)
def test_field_and_stride_are_those_found_by_experiment(build_map, extra):
    field = describe(build_map((None, None, 1))).receptive_field[1]
    # Room for a field on either side of 32 positions; with and without odd sizes on the way.
    length = (2 * field + 63) // 32 * 32 + 32 + extra
    found = describe(build_map((None, None, 1)), size=(length, length))
    assert (found.receptive_field[1], found.output_stride[1]) == field_and_stride(build_map, length)


def test_branches_that_join_off_centre_see_their_union():
    image = keras.Input((16, 16, 1))
    left = keras.layers.Conv2D(1, 3, padding="same")(
        keras.layers.ZeroPadding2D(((0, 0), (4, 0)))(image)
    )
    right = keras.layers.ZeroPadding2D(((0, 0), (0, 4)))(image)
    # Across: -5 .. -3 on one branch, 0 on the other, so -5 .. 0. Down: -1 .. 1 and 0.
    found = describe(keras.Model(image, keras.layers.Add()([left, right])))
    assert found.receptive_field == (3, 6)
    cut = keras.layers.Cropping2D(((0, 0), (4, 0)))(image)
    slices = keras.layers.Add()([cut, image[:, :, :12]])
    # 4 on one branch, 0 on the other.
    assert describe(keras.Model(image, slices)).receptive_field == (1, 5)


def test_squeezing_and_exciting_sees_everything():
    image = keras.Input((16, 16, 4))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="conv")(image)
    weights = keras.layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    weights = keras.layers.Dense(4, name="excite")(weights)
    found = describe(keras.Model(image, keras.layers.Multiply(name="scaled")([x, weights])))
    rows = {row.name: row for row in found.rows}
    assert rows["conv"].receptive_field == (3, 3)
    assert (rows["excite"].receptive_field, rows["excite"].output_stride) == ("all", None)
    assert (rows["scaled"].receptive_field, rows["scaled"].output_stride) == ("all", (2, 2))
    assert found.receptive_field == "all"


def test_operations_that_move_positions():
    image = keras.Input((16, 16, 4))
    ops = keras.ops
    wide = keras.layers.Conv2D(4, (1, 5), padding="same")(image)

    def field(x):
        return describe(keras.Model(image, x)).receptive_field

    assert field(ops.transpose(wide, (0, 2, 1, 3))) == (5, 1)
    # Channels are shuffled, positions are not.
    shuffled = ops.transpose(ops.reshape(wide, (-1, 16, 16, 2, 2)), (0, 1, 2, 4, 3))
    assert field(ops.reshape(shuffled, (-1, 16, 16, 4))) == (1, 5)
    assert field(ops.mean(wide, axis=-1, keepdims=True)) == (1, 5)
    assert field(ops.mean(wide, axis=(1, 2), keepdims=True)) == "all"
    # Three positions, two pixels apart, of five pixels each: 5 + 2 * 2.
    taken = keras.layers.Conv2D(1, (1, 3), padding="same")(wide[:, :, ::2])
    assert field(taken) == (1, 9)


@pytest.mark.parametrize(
    ("name", "field", "stride"),
    [
        # Araujo et al. 2019, table 1, count as this does: 483 for ResNet-50, 315 for MobileNet.
        ("ResNet50", (483, 483), (32, 32)),
        ("MobileNet", (315, 315), (32, 32)),
        ("EfficientNetB0", "all", (32, 32)),
        ("MobileNetV3Small", "all", (32, 32)),
    ],
)
def test_applications_have_the_published_fields(name, field, stride):
    model = getattr(keras.applications, name)(weights=None, include_top=False)
    found = describe(model, size=(224, 224))
    assert (found.receptive_field, found.output_stride) == (field, stride)
