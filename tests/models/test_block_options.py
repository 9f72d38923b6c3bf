"""What every residual family can be told: order, squeeze-and-excitation, dropping, dilation."""

import keras
import numpy as np
import pytest
from families import MEMBERS, family, is_own, small

from zoo.errors import UserError
from zoo.models import build
from zoo.models.blocks import basic_block, convolution_block, disturb, drop
from zoo.models.encoders import ENCODERS
from zoo.models.groups import bind, option_names
from zoo.models.strides import output_strides
from zoo.models.style import Layout, Residual, Style

RESIDUAL = [name for name in MEMBERS if "preactivation" in option_names(ENCODERS[name])]


def encoder(name, size=65, **options):
    image = keras.Input((size, size, 3))
    features = bind(ENCODERS[name], {**small(name), **options})(image)
    return keras.Model(image, features)


def layers(model, kind, part=""):
    return [layer for layer in model.layers if isinstance(layer, kind) and part in layer.name]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 1, shape).astype("float32")


def test_the_families_with_blocks_that_repeat_are_all_here():
    own = {family(name) for name in ENCODERS if is_own(name)}
    without = {family(name) for name in ("lenet5", "alexnet", "vgg11")}
    assert {family(name) for name in RESIDUAL} == own - without


@pytest.mark.parametrize("name", RESIDUAL)
def test_preactivation_normalises_before_each_convolution(name):
    model = encoder(name, preactivation=True)
    order = [layer.name for layer in model.layers]
    for layer in layers(model, keras.layers.Conv2D, "stage"):
        if layer.name.endswith(("conv1", "shortcut_conv")):
            continue
        assert layer.input._keras_history.operation.name == layer.name.replace("conv", "act")
    # Behind the sum of a block there is nothing, but for a stage's last one.
    for add in layers(model, keras.layers.Add):
        following = {node.operation.name for node in add._outbound_nodes}
        assert all("_act" not in one for one in following), (add.name, following)
    for feature in model.outputs[-1:]:
        assert feature._keras_history.operation.name.endswith("_act")
    assert len(order) == len(set(order))


@pytest.mark.parametrize("name", RESIDUAL)
@pytest.mark.parametrize("preactivation", [False, True])
def test_without_a_shortcut_nothing_is_added(name, preactivation):
    model = encoder(name, residual=False, preactivation=preactivation)
    assert not layers(model, keras.layers.Add)
    assert not [layer for layer in model.layers if "shortcut" in layer.name]
    assert layers(encoder(name, residual=True, preactivation=preactivation), keras.layers.Add)


@pytest.mark.parametrize("name", RESIDUAL)
@pytest.mark.parametrize("preactivation", [False, True])
def test_squeeze_and_excitation_weighs_every_branch(name, preactivation):
    plain = encoder(name, preactivation=preactivation, residual=True)
    model = encoder(name, preactivation=preactivation, residual=True, squeeze_excitation=2)
    blocks = len(layers(plain, keras.layers.Add))
    assert len(layers(model, keras.layers.Multiply, "_se_scale")) == blocks
    squeeze = layers(model, keras.layers.Conv2D, "_se_squeeze")[-1]
    excite = layers(model, keras.layers.Conv2D, "_se_excite")[-1]
    assert squeeze.filters == max(excite.filters // 2, 1)
    # With all its weights at zero the gate is sigmoid(0) = 1/2, so that the branch is halved.
    for layer in layers(model, keras.layers.Conv2D, "_se_"):
        layer.set_weights([np.zeros(w.shape) for w in layer.get_weights()])
    gate = keras.Model(model.input, excite.output)
    np.testing.assert_array_equal(
        gate(noise(1, 65, 65, 3)), np.full(excite.output.shape[1:], 0.5)[None]
    )


@pytest.mark.parametrize("name", RESIDUAL)
def test_stochastic_depth_grows_to_the_last_block(name):
    model = encoder(name, residual=True, stochastic_depth=0.4)
    rates = [layer.rate for layer in layers(model, keras.layers.Dropout, "_stochastic_depth")]
    # Huang et al. 2016: block l of L is left out with l/L of the last one's share.
    np.testing.assert_allclose(rates, 0.4 * np.arange(1, len(rates) + 1) / len(rates))


def test_stochastic_depth_leaves_whole_branches_out():
    image = keras.Input((4, 4, 2))
    options = Residual(stochastic_depth=0.5)
    model = keras.Model(image, basic_block(image, 2, options=options, name="b"))
    x = np.abs(noise(1, 4, 4, 2)).repeat(200, 0)
    branch = keras.Model(image, model.get_layer("b_stochastic_depth").output)
    dropped = np.asarray(branch(x, training=True))
    zero = (dropped == 0).all(axis=(1, 2, 3))
    # 200 draws of one half: 71 to 129 are four standard deviations.
    assert 71 <= zero.sum() <= 129
    normal = keras.Model(image, model.get_layer("b_norm2").output)
    kept = np.asarray(normal(x, training=True))
    np.testing.assert_allclose(dropped[~zero], 2 * kept[~zero], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(
        branch(x), keras.Model(image, model.get_layer("b_norm2").output)(x)
    )


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_drop_block_drops_squares_at_the_given_rate(size):
    image = keras.Input((40, 40, 8))
    style = Style(dropout=0.25, drop_block=size)
    model = keras.Model(image, drop(image, style, name="x"))
    ones = np.ones((8, 40, 40, 8), "float32")
    np.testing.assert_array_equal(model(ones), ones)
    dropped = np.asarray(model(ones, training=True))
    holes = dropped == 0
    # Fewer at the borders, where squares hang over: at most 2 * 2 / 40 of a square's reach.
    assert holes[:, 5:-5, 5:-5].mean() == pytest.approx(0.25, abs=0.02)
    # What is left is scaled up so that the mean stays.
    np.testing.assert_allclose(dropped.mean((1, 2, 3)), 1, atol=1e-4)
    # Every hole is covered by squares of holes: opening by the square changes nothing.
    windows = np.lib.stride_tricks.sliding_window_view(holes[0, :, :, 0], (size, size))
    full = windows.all((2, 3))
    covered = np.zeros((40, 40), bool)
    for row, column in zip(*np.nonzero(full), strict=True):
        covered[row : row + size, column : column + size] = True
    inside = slice(size, -size)
    np.testing.assert_array_equal(covered[inside, inside], holes[0, inside, inside, 0])


def test_drop_block_never_divides_by_nothing():
    image = keras.Input((3, 3, 1))
    model = keras.Model(image, drop(image, Style(dropout=0.99, drop_block=3), name="x"))
    found = model(np.ones((64, 3, 3, 1)), training=True)
    assert np.isfinite(np.asarray(found)).all()


@pytest.mark.parametrize("name", [name for name in MEMBERS if is_own(name)])
def test_dropout_drop_block_and_noise_reach_every_own_family(name):
    for options, kind in (
        ({"dropout": 0.2}, keras.layers.SpatialDropout2D),
        ({"dropout": 0.2, "drop_block": 3}, keras.layers.MaxPooling2D),
        ({"noise": 0.2}, keras.layers.GaussianNoise),
    ):
        found = layers(encoder(name, **options), kind, "_noise" if "noise" in options else "_drop")
        assert found, name


def test_noise_has_the_deviation_it_is_told_and_comes_while_training_alone():
    image = keras.Input((40, 40, 8))
    model = keras.Model(image, disturb(image, Style(noise=0.25), name="x"))
    ones = np.ones((8, 40, 40, 8), "float32")
    np.testing.assert_array_equal(model(ones), ones)
    found = np.asarray(model(ones, training=True))
    # Of 102,400 values the mean strays by 0.25 / 320 = 0.0008, the deviation by 0.0006.
    assert found.mean() == pytest.approx(1, abs=0.004)
    assert found.std() == pytest.approx(0.25, abs=0.003)


def test_noise_comes_before_what_is_dropped_so_that_this_is_0():
    image = keras.Input((8, 8, 64))
    model = keras.Model(image, disturb(image, Style(noise=0.25, dropout=0.5), name="x"))
    found = np.asarray(model(np.ones((4, 8, 8, 64)), training=True))
    empty = (found == 0).all((1, 2))
    assert 0.3 < empty.mean() < 0.7
    assert (found != 0).mean() == pytest.approx(1 - empty.mean(), abs=1e-3)


@pytest.mark.parametrize(
    "name", [name for name in MEMBERS if "output_stride" in option_names(ENCODERS[name])]
)
def test_output_stride_dilates_instead_of_shrinking(name):
    image = keras.Input((65, 65, 3))
    whole = bind(ENCODERS[name], small(name))(image)
    strides = output_strides(image, whole)
    for stop in strides[1:-1]:
        image = keras.Input((65, 65, 3))
        maps = bind(ENCODERS[name], {**small(name), "output_stride": stop})(image)
        kept = [stride for stride in strides if stride <= stop]
        assert output_strides(image, maps) == kept
        # As deep as without.
        assert maps[-1].shape[-1] == whole[-1].shape[-1]
        convolutions = layers(keras.Model(image, maps), keras.layers.Conv2D)
        rates = [layer.dilation_rate for layer in convolutions]
        # Behind stride 16 VGG only pools.
        assert max(rates) > (1, 1) or (name == "vgg11" and stop == 16)


def test_dilation_doubles_from_stage_to_stage():
    model = encoder("resnet18", output_stride=8)
    rate = {
        stage: model.get_layer(f"stage{stage}_block2_conv1").dilation_rate for stage in (2, 3, 4)
    }
    assert rate == {2: (1, 1), 3: (2, 2), 4: (4, 4)}
    assert len(model.outputs) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drop_block": 3}, "drop_block=3 drops nothing without a rate"),
        ({"drop_block": -1, "dropout": 0.1}, "drop_block=-1"),
        ({"noise": 1.5}, "noise=1.5 is no standard deviation; give a number from 0 to below 1"),
        ({"residual": False, "stochastic_depth": 0.1}, "leaves blocks out"),
        ({"stochastic_depth": 1.0}, "stochastic_depth=1.0 is no share"),
        ({"squeeze_excitation": -2}, "squeeze_excitation=-2"),
        ({"squeeze_excitation": True}, "squeeze_excitation=True"),
        ({"preactivation": "yes"}, "preactivation='yes' is unknown"),
        ({"output_stride": 3}, "give 1 or 2 or 4"),
        ({"output_stride": 8}, "output_stride=8 is none that the stages reach"),
    ],
)
def test_mistakes_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        build("classification", encoder="resnet20", classes=2, input_shape=(8, 8, 3), **options)


def test_a_block_of_one_convolution_takes_what_stages_tell_it():
    image = keras.Input((9, 9, 2))
    y = convolution_block(
        image,
        3,
        3,
        options=Layout(padding="valid"),
        dilation=2,
        depth=0.5,
        activated=True,
        name="b",
    )
    assert y.shape == (None, 5, 5, 3)
