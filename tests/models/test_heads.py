import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.models import build, list_heads


def localizer(**options):
    arguments = {"classes": 3, "input_shape": (16, 16, 1), "filters": (2, 3), **options}
    return build("localization", **arguments)


def noise(*shape):
    return np.random.default_rng(0).uniform(0, 255, shape).astype("float32")


# Logits of size (s) and position (p) go through a sigmoid: 0 gives 1/2, +-100 gives 1 and 0.
# x_min = p (1 - s), x_max = x_min + s.
@pytest.mark.parametrize(
    ("size", "position", "expected"),
    [
        ((0, 0), (0, 0), (0.25, 0.25, 0.75, 0.75)),
        ((100, 100), (-100, 100), (0, 0, 1, 1)),
        ((-200, -200), (-200, 200), (0, 1, 0, 1)),
        ((0, 0), (-200, 200), (0, 0.5, 0.5, 1)),
    ],
)
@pytest.mark.parametrize("head", ["flatten", "average", "max", "average_max"])
def test_size_and_position_make_the_box(head, size, position, expected):
    model = localizer(head=head)
    for name, logits in (("box_size", size), ("box_position", position)):
        layer = model.get_layer(name)
        layer.set_weights([np.zeros(layer.kernel.shape), np.array(logits, "float32")])
    np.testing.assert_allclose(
        model(noise(2, 16, 16, 1))["box"], np.tile(expected, (2, 1)), atol=1e-6
    )


@pytest.mark.parametrize("head", list_heads("localization"))
@pytest.mark.parametrize("scale", [1, 30, 1000])
def test_a_box_is_one_whatever_the_weights(head, scale):
    model = localizer(head=head)
    generator = np.random.default_rng(scale)
    model.set_weights(
        [
            generator.normal(0, scale, w.shape) ** 2
            if "moving" in v.path
            else generator.normal(0, scale, w.shape)
            for v, w in zip(model.weights, model.get_weights(), strict=True)
        ]
    )
    box = np.asarray(model(noise(64, 16, 16, 1))["box"])
    assert (box >= 0).all()
    assert (box <= 1).all()
    assert (box[:, :2] <= box[:, 2:]).all()


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.lists(st.floats(-120, 120, width=32), min_size=200, max_size=200))
def test_rounding_leaves_the_box_inside(sizes):
    # The first corner as far out as it goes, where only rounding could take the last one beyond.
    model = SATURATED
    box = np.asarray(model(np.array(sizes, "float32").reshape(-1, 2)))
    assert box.max() <= 1
    assert (box[:, :2] <= box[:, 2:]).all()


def saturated():
    model = localizer(head="average", filters=(2,))
    for name, kernel, bias in (("box_size", np.eye(2), 0), ("box_position", np.zeros((2, 2)), 200)):
        model.get_layer(name).set_weights([kernel, np.full(2, bias)])
    return keras.Function(model.get_layer("average").output, model.output["box"])


SATURATED = saturated()


def spatial_answers(maps, size):
    """The box that given heat maps mean: logits [n, h, w, 2] for x and for y."""
    model = localizer(input_shape=(*size, 1))
    expected = {}
    for name in ("edges_x", "edges_y"):
        expected[name] = model.get_layer(f"{name}_map").output
    function = keras.Function(list(expected.values()), model.output["box"])
    return np.asarray(function([maps["x"], maps["y"]]))


def point(height, width, row, column):
    chart = np.zeros((height, width), "float32")
    chart[row, column] = 1
    return chart


def test_spatial_edges_are_mean_positions():
    # 2 stages on 8x12: the heat maps lie on 8x12 positions, 0..1 in steps of 1/7 down and 1/11
    # across. Half the mass at column 0 and half at column 11 mean 1/2.
    both = (point(8, 12, 3, 0) + point(8, 12, 5, 11)) / 2
    maps = {
        # The larger one comes first: the head has to put them in order.
        "x": np.stack([point(8, 12, 0, 11), both], -1)[None],
        "y": np.stack([point(8, 12, 2, 4), point(8, 12, 6, 1)], -1)[None],
    }
    box = spatial_answers(maps, (8, 12))
    np.testing.assert_allclose(box, [[0.5, 2 / 7, 1, 6 / 7]], atol=1e-6)


def test_spatial_boxes_reach_the_borders():
    maps = {
        "x": np.stack([point(8, 12, 1, 0), point(8, 12, 1, 11)], -1)[None],
        "y": np.stack([point(8, 12, 0, 1), point(8, 12, 7, 1)], -1)[None],
    }
    np.testing.assert_array_equal(spatial_answers(maps, (8, 12)), [[0, 0, 1, 1]])


def test_spatial_takes_any_size_with_the_same_weights():
    free, fixed = localizer(input_shape=(None, None, 1)), localizer(input_shape=(13, 9, 1))
    free.set_weights(fixed.get_weights())
    x = noise(2, 13, 9, 1)
    for key, value in fixed(x).items():
        np.testing.assert_allclose(free(x)[key], value, atol=1e-6)


def test_spatial_heat_maps_lie_on_the_second_coarsest_map():
    model = localizer(filters=(2, 3, 4), input_shape=(32, 24, 1))
    assert model.get_layer("edges_x").output.shape == (None, 16, 12, 2)
    assert localizer(filters=(2,)).get_layer("edges_x").output.shape == (None, 16, 16, 2)


def test_average_knows_no_order_of_positions():
    model = build(
        "classification",
        classes=2,
        input_shape=(8, 8, 1),
        filters=(8,),
        kernel_size=1,
        activation=None,
        head="average",
    )
    x = noise(1, 8, 8, 1)
    shuffled = np.random.default_rng(1).permutation(x.reshape(-1)).reshape(x.shape)
    np.testing.assert_allclose(model(x)["class"], model(shuffled)["class"], atol=1e-4)
    flat = build(
        "classification",
        classes=2,
        input_shape=(8, 8, 1),
        filters=(8,),
        kernel_size=1,
        activation=None,
        head="flatten",
    )
    assert np.abs(np.asarray(flat(x)["class"]) - np.asarray(flat(shuffled)["class"])).max() > 1e-3


@pytest.mark.parametrize("task", ["classification", "localization"])
def test_hidden_layer_and_dropout_of_the_flatten_head(task):
    model = build(
        task,
        classes=2,
        input_shape=(8, 8, 1),
        filters=(3,),
        head="flatten",
        hidden=7,
        dropout=0.4,
        block_activation="tanh",
    )
    assert model.get_layer("hidden").units == 7
    assert model.get_layer("hidden_act").activation is keras.activations.tanh
    assert model.get_layer("dropout").rate == 0.4
    assert model.get_layer("class_logits").kernel.shape == (7, 2)


def test_pooling_by_hand():
    # Two channels on 2x2 positions: averages 2.5 and 0, maxima 4 and 3.
    maps = np.array([[[[1, -3], [2, 0]], [[3, 0], [4, 3]]]], "float32")
    for head, expected in (
        ("average", [2.5, 0]),
        ("max", [4, 3]),
        ("average_max", [2.5, 0, 4, 3]),
        ("flatten", [1, -3, 2, 0, 3, 0, 4, 3]),
    ):
        model = build("classification", classes=2, input_shape=(2, 2, 1), filters=(2,), head=head)
        last = model.get_layer("stage1_block1_act2").output
        vector = keras.Function(last, model.get_layer("class_logits").input)
        np.testing.assert_allclose(np.asarray(vector(maps))[0], expected, err_msg=head)


@pytest.mark.parametrize("head", list_heads("classification"))
@pytest.mark.parametrize(("hidden", "units"), [(0, []), (5, [5]), ((5,), [5]), ([7, 4], [7, 4])])
def test_hidden_layers_stand_between_vector_and_answers(head, hidden, units):
    model = build(
        "classification",
        classes=2,
        input_shape=(8, 8, 1),
        filters=(3,),
        head=head,
        hidden=hidden,
        dropout=0.5,
    )
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.units for layer in dense] == [*units, 2]
    drops = [layer for layer in model.layers if type(layer) is keras.layers.Dropout]
    # One behind each hidden layer, one before the answers where there is none.
    assert len(drops) == max(len(units), 1)
    assert model.layers.index(drops[-1]) > model.layers.index(dense[-1]) - 2


@pytest.mark.parametrize("head", list_heads("localization"))
def test_class_only_and_box_only(head):
    both = localizer(head=head)
    for only in ("class", "box"):
        model = localizer(head=head, only=only)
        assert model.output.keys() == {only}
        names = {layer.name for layer in both.layers}
        assert {layer.name for layer in model.layers} < names
        x = noise(2, 16, 16, 1)
        for layer in model.layers:
            layer.set_weights(both.get_layer(layer.name).get_weights())
        np.testing.assert_allclose(model(x)[only], both(x)[only], atol=1e-6)


def test_the_class_of_the_spatial_head_may_have_hidden_layers():
    model = localizer(hidden=(6, 5))
    assert model.get_layer("hidden").units == 6
    assert model.get_layer("hidden2").units == 5
    # The vector is the attended and the averaged map, three channels each.
    assert model.get_layer("hidden").kernel.shape[0] == 2 * 3


def test_hidden_layers_keep_a_low_precision_models_vector():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        spatial = localizer(hidden=4)
        average = localizer(hidden=4, head="average")
    finally:
        keras.config.set_dtype_policy("float32")
    assert spatial.get_layer("hidden").compute_dtype == "float32"
    assert average.get_layer("hidden").compute_dtype == "bfloat16"
    assert average.get_layer("hidden").variable_dtype == "float32"
