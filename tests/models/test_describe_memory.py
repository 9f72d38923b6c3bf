"""Memory of activations, by hand, and models side by side."""

import json

import keras
import pytest

from zoo.errors import UserError
from zoo.models import build, compare_models, describe


def two_branches():
    image = keras.Input((4, 4, 1))
    first = keras.layers.Conv2D(8, 1, name="first")(image)
    second = keras.layers.Conv2D(2, 1, name="second")(first)
    third = keras.layers.Conv2D(2, 1, name="third")(second)
    added = keras.layers.Add(name="added")([second, third])
    return keras.Model(image, keras.layers.Flatten(name="flat")(added))


def test_memory_by_hand():
    found = describe(two_branches(), batch_size=3)
    rows = {row.name: row for row in found.rows}
    # 4*4 positions of 4 bytes: 64 bytes a channel.
    assert rows["first"].activation_bytes == 512
    assert rows["flat"].activation_bytes == 128
    # 1 + 8 + 2 + 2 + 2 channels are kept; the flat one is the last again.
    assert found.training_memory == 3 * 64 * (1 + 8 + 2 + 2 + 2)
    # At most at the second convolution, which reads 8 channels and writes 2.
    assert found.inference_memory == 3 * 64 * (8 + 2)
    # 1*8 + 8, 8*2 + 2 and 2*2 + 2 weights of 4 bytes.
    assert found.parameter_memory == 4 * (16 + 18 + 6)
    assert "training keeps    2.8 KiB of activations for a batch of 3" in str(found)


def test_a_skip_is_held_until_it_is_read():
    image = keras.Input((4, 4, 1))
    skip = keras.layers.Conv2D(8, 1)(image)
    x = keras.layers.Conv2D(4, 1)(skip)
    x = keras.layers.Conv2D(4, 1)(x)
    model = keras.Model(image, keras.layers.Concatenate()([skip, x]))
    # The skip's 8, the 4 that are joined to it and the 12 that come of it.
    assert describe(model).inference_memory == 64 * (8 + 4 + 12)


@pytest.mark.parametrize(
    ("frozen", "channels"),
    [
        ("", 1 + 8 + 4 + 6 + 10 + 2),
        # A gradient of the first layer reaches what is frozen behind it.
        ("b", 1 + 8 + 4 + 6 + 10 + 2),
        # b gets the 8 of a, to learn from.
        ("a", 1 + 8 + 4 + 6 + 10 + 2),
        # The 8 are given back; the 4 are kept, for c and for the join.
        ("ab", 1 + 4 + 6 + 10 + 2),
        # Most while maps are joined: 4 and 6 to 10. On the way back the input, 10 and 2.
        ("abc", 4 + 6 + 10),
        # The same, and then the join with what comes of it.
        ("abcd", 4 + 6 + 10),
    ],
)
def test_what_frozen_layers_compute_is_given_back(frozen, channels):
    image = keras.Input((4, 4, 1))
    a = keras.layers.Conv2D(8, 1, name="a")(image)
    b = keras.layers.Conv2D(4, 1, name="b")(a)
    c = keras.layers.Conv2D(6, 1, name="c")(b)
    joined = keras.layers.Identity()(keras.layers.Concatenate()([b, c]))
    model = keras.Model(image, keras.layers.Conv2D(2, 1, name="d")(joined))
    for name in frozen:
        model.get_layer(name).trainable = False
    assert describe(model).training_memory == 64 * channels


def test_half_precision_takes_half_the_memory():
    def net(dtype):
        image = keras.Input((8, 8, 4), dtype=dtype)
        return describe(keras.Model(image, keras.layers.Conv2D(4, 3, dtype=dtype)(image)))

    assert net("float32").training_memory == 2 * net("float16").training_memory


def test_training_needs_more_than_inference_and_grows_with_depth():
    shallow, deep = (
        describe(build("classification", encoder=name, classes=10, input_shape=(32, 32, 3)))
        for name in ("resnet20", "resnet56")
    )
    assert deep.training_memory > 2 * shallow.training_memory
    # What a layer needs at once does not depend on how many there are.
    assert deep.inference_memory == shallow.inference_memory < shallow.training_memory


def test_an_open_size_has_no_memory_until_one_is_given():
    model = build("segmentation", classes=2, input_shape=(None, None, 3), filters=(2, 4))
    found = describe(model)
    assert found.training_memory is found.inference_memory is None
    assert "training keeps    unknown" in str(found)
    assert describe(model, size=(8, 8)).training_memory > 0


def test_models_side_by_side():
    models = [
        build("classification", encoder=name, classes=10, input_shape=(32, 32, 3))
        for name in ("resnet20", "resnet56", "plain")
    ]
    found = compare_models(models, batch_size=32)
    text = str(found)
    assert max(map(len, text.splitlines())) <= 80
    # What all names have in common tells nothing: "classification_", then "_average".
    rows = text.splitlines()[2:5]
    assert [row.split()[0] for row in rows] == [
        "resnet20_average",
        "resnet56_average",
        "plain_average",
    ]
    # He et al. 2016, table 6: 0.27 and 0.85 million.
    millions = [f"{row.parameters / 1e6:.2f}" for row in found.descriptions.values()]
    assert millions[:2] == ["0.27", "0.85"]
    values = json.loads(json.dumps(found.to_dict()))
    assert [row["parameters"] for row in values.values()] == [
        describe(model).parameters for model in models
    ]
    assert all("rows" not in row and row["batch_size"] == 32 for row in values.values())


def test_names_in_a_comparison():
    model = two_branches()
    assert list(compare_models({"a": model, "b": model}).descriptions) == ["a", "b"]
    twice = compare_models([model, model])
    assert list(twice.descriptions) == [model.name, f"{model.name}_2"]
    long = {"a_name_that_is_longer_than_the_column": model, "b": model}
    assert str(compare_models(long)).splitlines()[2].startswith("a_name_th~e_column ")
    with pytest.raises(UserError, match="there is no model to compare"):
        compare_models([])
    with pytest.raises(UserError, match=r"'resnet18' is no model to compare; give what zoo.build"):
        compare_models(["resnet18"])
