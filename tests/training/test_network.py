"""The network as it trains against the network as it is published."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import UserError
from zoo.training import network as networks
from zoo.training.network import (
    FusedBatchNormalization,
    choose_precision,
    publish,
    training_copy,
    training_network,
)
from zoo.training.recipe import DataOptions, InputOptions, Recipe


def make_recipe(task="classification", **changes):
    values = {
        "task": task,
        "data": DataOptions(source="digit_scenes"),
        "input": InputOptions(size=(8, 8), channels=1),
        "model": {"encoder": "plain", "filters": [2, 4]},
        "precision": "float32",
    }
    return Recipe(**(values | changes))


def layer_pair(shape):
    stock, fused = keras.layers.BatchNormalization(), FusedBatchNormalization()
    rng = np.random.default_rng(0)
    channels = shape[-1]
    for layer in (stock, fused):
        layer.build(shape)
    weights = [rng.normal(size=channels), rng.normal(size=channels), np.zeros(channels)]
    weights.append(np.ones(channels))
    for layer in (stock, fused):
        layer.set_weights([weight.astype("float32") for weight in weights])
    return stock, fused


def test_fused_equals_stock_outputs_gradients_and_statistics():
    shape = (5, 4, 3, 6)
    stock, fused = layer_pair(shape)
    x = tf.constant(np.random.default_rng(1).normal(2.0, 3.0, shape), tf.float32)
    target = tf.constant(np.random.default_rng(2).normal(size=shape), tf.float32)
    for _ in range(3):
        results = []
        for layer in (stock, fused):
            with tf.GradientTape() as tape:
                tape.watch(x)
                outputs = layer(x, training=True)
                loss = tf.reduce_mean((outputs - target) ** 2)
            gradients = tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])
            results.append([outputs, *gradients])
        for one, other in zip(*results, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    for one, other in zip(stock.get_weights(), fused.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert np.abs(fused.get_weights()[2]).max() > 0.01
    np.testing.assert_allclose(stock(x), fused(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(16, 4, 4, 2), (64, 2)], ids=["fused", "Keras' own"])
def test_statistics_in_float16_are_those_of_float32(shape):
    # Squares of 300 are 90,000, more than the 65,504 that float16 ends at.
    x = np.float16(np.random.default_rng(0).normal(300.0, 4.0, shape))
    layer = FusedBatchNormalization(momentum=0.0, dtype="mixed_float16")
    outputs = layer(x, training=True)
    assert outputs.dtype == tf.float16
    axes, exact = tuple(range(len(shape) - 1)), np.float64(x)
    np.testing.assert_allclose(layer.moving_mean, exact.mean(axes), rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, exact.var(axes), rtol=1e-4)
    wanted = (exact - exact.mean(axes)) / np.sqrt(exact.var(axes) + layer.epsilon)
    np.testing.assert_allclose(outputs, wanted, atol=3e-3)


@pytest.mark.parametrize("kind", ["group", "layer"])
def test_other_normalizations_do_not_overflow_in_float16(kind):
    layer = {
        "group": keras.layers.GroupNormalization(1, dtype="mixed_float16"),
        "layer": keras.layers.LayerNormalization(dtype="mixed_float16"),
    }[kind]
    # 300 + 4 and 300 - 4 in turn are 1 and -1.
    x = np.float16(300 + 4 * (-1.0) ** np.arange(32)).reshape(1, 2, 2, 8)
    np.testing.assert_allclose(layer(x), (x - 300) / 4, atol=1e-3)


def test_fused_leaves_frozen_statistics_alone():
    _, fused = layer_pair((2, 4, 4, 3))
    fused.trainable = False
    before = fused.get_weights()
    fused(tf.random.stateless_normal((2, 4, 4, 3), (0, 0)), training=True)
    for one, other in zip(before, fused.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("task", ["classification", "localization", "segmentation"])
def test_published_network_is_stock_float32_and_equal(task):
    recipe = make_recipe(task)
    network = training_network(recipe, classes=3)
    assert any(isinstance(layer, FusedBatchNormalization) for layer in network.layers)
    x = tf.constant(np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1)), tf.float32)
    network(x, training=True)
    published = publish(network, recipe, classes=3)
    assert not any(isinstance(layer, FusedBatchNormalization) for layer in published.layers)
    assert {layer.compute_dtype for layer in published.layers} == {"float32"}
    logits, answers = network(x), published(x)
    for key, value in answers.items():
        expected = logits[key] if key == "box" else keras.ops.softmax(logits[key])
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("task", ["classification", "localization", "segmentation"])
def test_low_precision_trains_and_publishes_float32(task, precision):
    recipe = make_recipe(task, precision=precision)
    network = training_network(recipe, classes=3)
    assert precision in {layer.compute_dtype for layer in network.layers}
    assert keras.config.dtype_policy().name == "float32"
    outputs = network(tf.zeros([2, 8, 8, 1]), training=True)
    assert {value.dtype for value in outputs.values()} == {tf.float32}
    published = publish(network, recipe, classes=3)
    assert {layer.compute_dtype for layer in published.layers} == {"float32"}


def test_same_seed_same_weights():
    first, second = (training_network(make_recipe(seed=5), 3).get_weights() for _ in range(2))
    other = training_network(make_recipe(seed=6), 3).get_weights()
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)
    assert any((one != two).any() for one, two in zip(first, other, strict=True))


def test_copy_keeps_weights():
    model = make_recipe().build_model(3)
    copy = training_copy(model)
    for one, other in zip(model.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_copy_keeps_each_layer_s_precision(precision):
    recipe = make_recipe(model={"encoder": "plain", "filters": [2, 4], "dropout": 0.5})
    keras.config.set_dtype_policy(precision)
    try:
        model = recipe.build_model(3)
    finally:
        keras.config.set_dtype_policy("float32")
    kinds = {type(layer) for layer in model.layers}
    assert {keras.layers.SpatialDropout2D, keras.layers.Dropout} <= kinds

    def policies(model):
        # The input's says nothing: it computes nothing.
        return {layer.name: layer.dtype_policy.name for layer in model.layers[1:]}

    assert policies(training_copy(model)) == policies(model)
    assert set(policies(model).values()) == {precision, "float32"}


def test_weights_of_another_network_are_refused():
    network = training_network(make_recipe(), classes=3)
    with pytest.raises(UserError, match="the recipe was changed after training"):
        publish(network, make_recipe(model={"encoder": "plain", "filters": [2, 6]}), classes=3)


@pytest.mark.parametrize(
    ("flags", "expected"), [("avx2 avx512_bf16", "bfloat16"), ("avx2 avx512f", "float32")]
)
def test_precision_follows_the_processor(tmp_path, monkeypatch, flags, expected):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"flags : {flags}\n")
    monkeypatch.setattr(networks, "Path", lambda path: cpuinfo)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert choose_precision("auto") == expected
    assert choose_precision("float32") == "float32"
    assert choose_precision("float16") == "float16"


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ([(9, 0)], "bfloat16"),
        ([(8, 0)], "bfloat16"),
        ([(7, 5)], "float16"),
        ([(7, 0)], "float16"),
        ([(6, 1)], "float32"),
        # One that says nothing of itself.
        ([None], "float32"),
        ([(8, 6), (7, 5)], "float16"),
        ([(7, 5), (6, 1), (9, 0)], "float32"),
        ([(10, 0), (8, 0)], "bfloat16"),
    ],
    ids=str,
)
def test_precision_follows_the_least_capable_gpu(monkeypatch, capabilities, expected):
    details = [{"compute_capability": one} if one else {} for one in capabilities]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: list(range(len(details))))
    monkeypatch.setattr(tf.config.experimental, "get_device_details", details.__getitem__)
    assert choose_precision("auto") == expected
    assert choose_precision("bfloat16") == "bfloat16"


@pytest.mark.parametrize("own", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("other", ["float32", "float16", "bfloat16"])
def test_workers_train_in_what_all_are_quick_in(own, other):
    least = ["float32", "float16", "bfloat16"]
    # The other worker answers the same questions in the same order.
    answers = iter([other == one for one in least])
    found = choose_precision(own, lambda wish: wish or next(answers))
    assert found == min(own, other, key=least.index)
