"""Every encoder of keras.applications against the network it is made from."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from backends import compiled
from originals import assert_close, compare, red_first

from zoo.errors import UserError
from zoo.models.about import about
from zoo.models.encoders import ENCODERS, applications
from zoo.models.grafting import weights_of
from zoo.models.menu import public_functions
from zoo.models.scaling import scaled
from zoo.models.strides import output_strides

APPLICATIONS = {
    name.lower(): function
    for name, function in vars(keras.applications).items()
    if name[0].isupper() and callable(function)
}
# The smallest of each family; the others are the same code with other numbers.
SMALL = {
    "vgg16",
    "resnet50",
    "resnet50v2",
    "densenet121",
    "inceptionv3",
    "xception",
    "mobilenet",
    "mobilenetv2",
    "mobilenetv3small",
    "efficientnetb0",
    "efficientnetv2b0",
    "convnexttiny",
}
# The names that papers and tutorials tap, where Keras gives names.
PUBLISHED_TAPS = {
    "vgg16": ["block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3", "block5_pool"],
    "resnet50": [
        "conv1_relu",
        "conv2_block3_out",
        "conv3_block4_out",
        "conv4_block6_out",
        "conv5_block3_out",
    ],
    "mobilenetv2": [
        "block_1_expand_relu",
        "block_3_expand_relu",
        "block_6_expand_relu",
        "block_13_expand_relu",
        "out_relu",
    ],
    "inceptionv3": [None, None, "mixed2", "mixed7", "mixed10"],
    "nasnetmobile": [
        "stem_bn1",
        "reduction_concat_stem_1",
        "normal_concat_3",
        "normal_concat_8",
        None,
    ],
    "efficientnetb0": [
        "block2a_expand_activation",
        "block3a_expand_activation",
        "block4a_expand_activation",
        "block6a_expand_activation",
        "top_activation",
    ],
}
# One side odd at strides 1, 4 and 16, the other even throughout: both ways of padding count.
SIZE = (77, 96)


def randomised(model):
    """Gives every statistic, scale and bias a value that counts."""
    rng = np.random.default_rng(2)
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, (keras.layers.Normalization, keras.Model)):
            continue
        for weight in layer.weights:
            if weight.name.endswith("kernel"):
                continue
            if weight.name in ("beta", "bias", "moving_mean"):
                weight.assign(rng.normal(0, 0.1, weight.shape))
            else:
                weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


def with_published_normalization(model):
    """As its ImageNet file has it: in 0..1, less the mean, by the standard deviation."""
    (layer,) = [one for one in model.layers if isinstance(one, keras.layers.Normalization)]
    layer.mean = np.reshape([0.485, 0.456, 0.406], (1, 1, 1, 3)).astype("float32")
    layer.variance = np.reshape([0.229, 0.224, 0.225], (1, 1, 1, 3)).astype("float32") ** 2
    return model


def first_tensor(original):
    """What the network's own scaling layers return, or its input where it has none."""
    scaling = (keras.layers.Rescaling, keras.layers.Normalization)
    return ([original.input] + [x.output for x in original.layers if isinstance(x, scaling)])[-1]


# Of the module's, so that the tests of one network follow each other and it is built once.
@pytest.fixture(
    scope="module",
    params=[
        name if name in SMALL else pytest.param(name, marks=pytest.mark.exhaustive)
        for name in APPLICATIONS
    ],
)
def pair(request):
    """A name, the original with random weights, and the encoder's model with the same."""
    keras.utils.set_random_seed(1)
    name = request.param
    original = randomised(
        APPLICATIONS[name](include_top=False, weights=None, input_shape=(*SIZE, 3))
    )
    if name.startswith("efficientnetb"):
        with_published_normalization(original)
    scaling = about(ENCODERS[name]).input_scaling
    image = keras.Input((*SIZE, 3), name="image")
    model = keras.Model(image, ENCODERS[name](scaled(image, scaling)))
    found = weights_of(original, bgr=scaling == "mean_colour")
    assert set(found) == {layer.name for layer in model.layers if layer.weights}
    for layer, arrays in found.items():
        model.get_layer(layer).set_weights(arrays)
    return name, original, model


def names_of(model):
    return [
        operation.name
        for operation in model.operations
        if not isinstance(operation, keras.layers.InputLayer) and operation.name != "input_scaling"
    ]


def test_all_of_keras_applications_are_encoders():
    assert len(APPLICATIONS) == 40
    assert set(public_functions(applications)) == set(APPLICATIONS)


def test_scaling_and_maps_are_the_originals(pair):
    name, original, model = pair
    first = first_tensor(original)
    pixels = np.random.default_rng(3).integers(0, 256, (1, *SIZE, 3)).astype("float32")
    preprocess = sys.modules[APPLICATIONS[name].__module__].preprocess_input
    expected = compiled(keras.Model(original.input, first))(preprocess(pixels.copy()))
    scaled = model.get_layer("input_scaling").output
    given, *maps = compiled(keras.Model(model.input, [scaled, *model.outputs]))(pixels)
    # Caffe's networks want blue, green, red; ours takes the same in red, green, blue.
    turn = -1 if about(ENCODERS[name]).input_scaling == "mean_colour" else 1
    assert_close(given, np.asarray(expected)[..., ::turn])

    # Both get the very same numbers from here on: rounding would grow from layer to layer.
    published = PUBLISHED_TAPS.get(name, [])[:-1]
    layers = [original.get_layer(layer).output for layer in published if layer]
    oracle = compiled(keras.Model(first, [original.output, *layers]))
    wanted = [value for value, layer in zip(maps, published, strict=False) if layer]
    found = [maps[-1], *wanted]
    compare(found, oracle(np.asarray(given)[..., ::turn]), 1e-6 if turn == 1 else 1e-5)
    if turn == -1:
        # Sums over colours in another order round otherwise; in the same order they are the same.
        with red_first(original):
            compare(found, oracle(given), 1e-6)


def test_strides_and_names(pair):
    name, _, model = pair
    strides = output_strides(model.input, model.outputs)
    assert strides == ([4, 8, 16, 32] if name.startswith("convnext") else [2, 4, 8, 16, 32])
    names = names_of(model)
    assert len(set(names)) == len(names)
    stages = [int(re.fullmatch(r"stage(\d)_.*", layer)[1]) for layer in names]
    assert set(stages) == set(range(1, len(strides) + 1))
    published = PUBLISHED_TAPS.get(name, [None] * len(strides))
    for stage, (tensor, tap) in enumerate(zip(model.outputs, published, strict=True), start=1):
        found = tensor._keras_history.operation.name
        assert found.startswith(f"stage{stage}_{tap or ''}")


@pytest.mark.parametrize("name", ["mobilenetv3small", "convnexttiny"])
def test_names_are_the_same_in_every_build_and_size(name):
    models = []
    for size in (None, 33):
        image = keras.Input((size, size, 3))
        models.append(keras.Model(image, ENCODERS[name](image)))
    assert names_of(models[0]) == names_of(models[1])
    assert not any("convnext_tiny" in layer for layer in names_of(models[0]))


def test_automatic_names_are_those_of_a_fresh_process():
    image = keras.Input((None, None, 3))
    model = keras.Model(image, ENCODERS["xception"](image))
    # The first shortcut's, whose 1x1 convolution Keras leaves without a name.
    assert model.get_layer("stage2_conv2d").strides == (2, 2)
    assert model.get_layer("stage2_batch_normalization").input is (
        model.get_layer("stage2_conv2d").output
    )


@pytest.mark.parametrize(
    ("size", "channels"), [((None, None), 1), ((64, None), 5), ((33, 47), 3), ((33, 47), 1)]
)
@pytest.mark.parametrize("name", ["mobilenetv2", "mobilenetv3small"])
def test_any_channels_and_sizes(name, size, channels):
    image = keras.Input((*size, channels))
    maps = ENCODERS[name](image, alpha=0.25)
    height, width = (known or 37 for known in size)
    found = keras.Model(image, maps)(np.ones((2, height, width, channels), "float32"))
    for value, spec in zip(found, maps, strict=True):
        assert all(
            known in (None, real) for known, real in zip(spec.shape, value.shape, strict=True)
        )
    if None not in size:
        # Padded as Keras pads at that very size: half of an odd size is rounded up.
        assert found[-1].shape[1:3] == (-(-height // 32), -(-width // 32))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nasnetmobile"])
def test_nasnet_for_unknown_sizes_takes_any(name):
    image = keras.Input((None, None, 3))
    model = keras.Model(image, ENCODERS[name](image))
    for height, width in ((64, 64), (75, 97), (107, 66)):
        found = compiled(model)(np.ones((1, height, width, 3), "float32"))
        # The first convolution takes no padding, all others round half of an odd size up.
        sizes = [(side - 1) // 2 for side in (height, width)]
        for value in found:
            assert list(value.shape[1:3]) == sizes
            sizes = [-(-side // 2) for side in sizes]


@pytest.mark.parametrize("alpha", [0, -1, "1", True, float("nan"), float("inf"), None])
def test_alpha_is_a_positive_number(alpha):
    with pytest.raises(UserError, match=r"alpha=.* is no positive number"):
        ENCODERS["mobilenet"](keras.Input((64, 64, 3)), alpha=alpha)


def test_an_alpha_that_leaves_no_filters_is_refused():
    with pytest.raises(UserError, match=r"'mobilenet' with alpha=0\.01 cannot be built"):
        ENCODERS["mobilenet"](keras.Input((64, 64, 3)), alpha=0.01)


def test_alpha_narrows():
    image = keras.Input((64, 64, 3))
    assert [spec.shape[-1] for spec in ENCODERS["mobilenet"](image, alpha=0.5)] == [
        32,
        64,
        128,
        256,
        512,
    ]


def test_a_fresh_process_without_the_zoo_loads_them(tmp_path):
    arrays = {"picture": np.random.default_rng(3).random((1, 64, 64, 3)).astype("float32")}
    for name in ("convnexttiny", "mobilenetv3small"):
        image = keras.Input((64, 64, 3), name="image")
        model = keras.Model(image, ENCODERS[name](image))
        model.save(tmp_path / f"{name}.keras")
        arrays[name] = np.asarray(model(arrays["picture"])[-1])
    np.savez(tmp_path / "arrays.npz", **arrays)
    script = """
import sys
import keras
import numpy
arrays = numpy.load("arrays.npz")
for name in ("convnexttiny", "mobilenetv3small"):
    model = keras.models.load_model(f"{name}.keras")
    assert all(one.name.startswith("stage") for one in model.operations[1:])
    found = keras.ops.convert_to_numpy(model(arrays["picture"])[-1])
    assert abs(found - arrays[name]).max() <= 1e-6 * abs(arrays[name]).max()
assert "zoo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=120)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_each_says_where_it_is_from(name):
    assert "arXiv:" in ENCODERS[name].func.__doc__.splitlines()[0]
    assert callable(about(ENCODERS[name]).pretrained)
