"""The loss scale: how it follows the gradients, and what a step that is left out leaves."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from six_pixels import make_recipe

import zoo
from zoo import tasks
from zoo.errors import UserError
from zoo.training import checkpoint, loss_scale, update
from zoo.training.loop import Loop
from zoo.training.loss_scale import LossScale, not_finite
from zoo.training.optimizer import make_optimizer
from zoo.training.watch import Watch

random = np.random.default_rng(0)
# In batches of 4 the second holds a white picture, of whose batch no gradient is finite.
IMAGES = random.integers(0, 200, (16, 6, 6, 1), np.uint8)
IMAGES[7] = 255
CLASSES = random.integers(0, 3, 16, np.int32)


@tf.custom_gradient
def spoilt(x, images):
    white = tf.reduce_any(images == 255.0)
    return tf.identity(x), lambda upstream: (
        tf.where(white, float("inf"), upstream),
        tf.zeros_like(images),
    )


class SpoiltByWhite(keras.layers.Layer):
    """Passes on the first of what it is given, with an infinite gradient if a picture is white."""

    def call(self, x, images):
        return spoilt(x, images)


def make_loop(recipe, scaled=True):
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 1), name="image")
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(2, 3, activation="relu")(x)
    x = keras.layers.Flatten()(SpoiltByWhite()(x, image))
    network = keras.Model(image, {"class": keras.layers.Dense(3)(x)})
    return Loop(
        network, tasks.get("classification"), ("a", "b", "c"), {},
        make_optimizer(recipe, 100, network), tf.distribute.get_strategy(),
        accumulate=recipe.accumulate, ema=recipe.ema, scaled=scaled,
    )  # fmt: skip


def batches(*numbers):
    """Batches of 4 pictures by their numbers."""
    chosen = np.concatenate([np.arange(4 * number, 4 * number + 4) for number in numbers])
    return tf.data.Dataset.from_tensor_slices(
        {"image": IMAGES[chosen], "class": CLASSES[chosen]}
    ).batch(4)


def values(loop):
    return {name: variable.value.numpy() for name, variable in loop.variables.items()}


def scale_of(loop):
    return loop.update.facts["loss_scale"]


def test_it_doubles_after_finite_steps_in_a_row_and_halves_after_others(monkeypatch):
    monkeypatch.setattr(loss_scale, "GROWTH_STEPS", 3)
    scale, seen = LossScale(), []
    # Two finite ones, one that is not, and three: only the last were three in a row.
    for finite in (True, True, False, True, True, True, True):
        scale.follow(tf.constant(finite))
        seen.append(scale.value / 2.0**15)
    assert seen == [1, 1, 0.5, 0.5, 0.5, 1, 1]
    assert int(scale.variables[1]) == 1


def test_it_has_an_end_above_and_none_below():
    scale = LossScale()
    scale.variables[0].assign(2.0**24)
    scale.variables[1].assign(loss_scale.GROWTH_STEPS - 1)
    scale.follow(tf.constant(True))
    assert (scale.value, int(scale.variables[1])) == (2.0**24, 0)
    # From 2**15 to 2**-14 are 29 halvings; the thirtieth leaves no number.
    scale = LossScale()
    for _ in range(29):
        scale.follow(tf.constant(False))
    assert scale.value == 2.0**-14
    scale.follow(tf.constant(False))
    assert np.isnan(scale.value)


def test_gradients_are_counted_that_are_not_finite():
    gradients = [tf.constant([1.0, 2.0]), None, tf.constant([np.inf, np.nan]), tf.constant(np.nan)]
    assert float(not_finite(gradients)) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": {"name": "adamw", "clip_norm": 0.01}, "ema": 0.9},
        {"optimizer": {"name": "sgd", "clip_value": 0.001}, "accumulate": 2},
    ],
    ids=["clipped by norm", "clipped by value, accumulated"],
)
def test_a_power_of_two_changes_no_bit_of_an_update(changes):
    # In float32, where nothing overflows. Scaled gradients would be clipped to 2**-15 of these.
    recipe = make_recipe(**changes)
    scaled, plain = make_loop(recipe), make_loop(recipe, scaled=False)
    for loop in (scaled, plain):
        loop.train(batches(0, 2, 3, 0))
    found = checkpoint.variables_of(scaled.network, scaled.optimizer)
    wanted = checkpoint.variables_of(plain.network, plain.optimizer)
    for name, variable in wanted.items():
        np.testing.assert_array_equal(found[name], variable, err_msg=name)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_step_that_is_left_out_is_as_if_it_had_not_been(accumulate):
    recipe = make_recipe(accumulate=accumulate, ema=0.9)
    spoilt, other = make_loop(recipe), make_loop(recipe)
    # Its own loss is a number, and belongs to the epoch's.
    assert np.isfinite(spoilt.train(batches(0, 1, 2))["loss"])
    other.train(batches(0, 2))
    assert (scale_of(spoilt), scale_of(other)) == (2.0**14, 2.0**15)
    assert int(spoilt.optimizer.iterations) == 2 // accumulate
    assert float(spoilt.optimizer.learning_rate) == float(other.optimizer.learning_rate)
    # Weights, moments, averages, sums and counts: all but the scale and its own count.
    states = [
        [*loop.network.variables, *loop.optimizer.variables, *loop.update.variables]
        for loop in (spoilt, other)
    ]
    scales = [id(one) for one in spoilt.update._scale.variables]
    for one, two in zip(*states, strict=True):
        if id(one) not in scales:
            np.testing.assert_array_equal(one, two, err_msg=one.path)


_REPLICAS = """
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from six_pixels import make_recipe
from test_loss_scale import batches, make_loop, scale_of

one, two = tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
for changes in ({"optimizer": {"name": "sgd", "clip_norm": 0.1}}, {"accumulate": 2, "ema": 0.9}):
    loops = []
    for strategy in (one, two):
        with strategy.scope():
            loops.append(make_loop(make_recipe(**changes)))
        # Of the second batch only the last picture, the second device's, is white.
        loops[-1].train(batches(0, 1, 2, 3))
        assert scale_of(loops[-1]) == 2.0**14
    first, second = (np.asarray(loop.optimizer.iterations) for loop in loops)
    assert first == second == 3 // changes.get("accumulate", 1)
    with loops[0].update.averaged(), loops[1].update.averaged():
        for first, second in zip(*(loop.network.variables for loop in loops), strict=True):
            np.testing.assert_allclose(np.asarray(first), np.asarray(second), atol=1e-5)
    local = two.experimental_local_results
    for variable in loops[1].network.variables:
        first, second = local(variable.value)
        np.testing.assert_array_equal(first, second)
"""


def test_what_one_device_finds_counts_for_all(tmp_path):
    paths = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {paths!r}\n{_REPLICAS}"],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_run_in_float16_learns_and_is_saved_with_its_scale(stripes_recipe, tmp_path, capfd):
    recipe = stripes_recipe.with_overrides({"precision": "float16", "epochs": 3, "remat": True})
    run = zoo.train(recipe, run=tmp_path / "run")
    said = capfd.readouterr().err
    assert ", float16" in said
    assert "no longer a number" not in said
    assert run.history[-1]["loss"] < run.history[0]["loss"]
    assert run.history[-1]["loss_scale"] == 2.0**15
    assert {layer.compute_dtype for layer in run.model.layers} == {"float32"}
    with np.load(tmp_path / "run" / "checkpoints" / "last.npz") as archive:
        kept = [archive[name] for name in archive.files if name.startswith("others")]
    assert any(value.shape == () and value == 2.0**15 for value in kept)
    # 18 steps of 4 pictures were all finite.
    assert any(value.dtype == np.int64 and value.shape == () and value == 18 for value in kept)


def test_steps_left_out_are_no_reason_to_go_back(stripes_recipe, tmp_path, monkeypatch, capfd):
    # 2**40 times a loss of about 1 is far above 65,504.
    monkeypatch.setattr(loss_scale, "INITIAL", 2.0**40)
    recipe = stripes_recipe.with_overrides({"precision": "float16", "epochs": 8})
    run = zoo.train(recipe, run=tmp_path / "run")
    assert "no longer a number" not in capfd.readouterr().err
    scales = [row["loss_scale"] for row in run.history]
    # Six steps an epoch: none of the first was finite, and in the end there is a scale that fits.
    assert scales[0] == 2.0**34
    assert scales[-1] == scales[-2] < 2.0**34
    assert run.history[-1]["loss"] < run.history[0]["loss"]


def test_a_scale_that_falls_to_nothing_is(stripes_recipe, tmp_path, monkeypatch):
    # The epoch's six steps halve it from 2**15 to 2**9, then to nothing.
    monkeypatch.setattr(update, "not_finite", lambda gradients: tf.constant(1.0))
    monkeypatch.setattr(loss_scale, "_SMALLEST", 2.0**10)
    recipe = stripes_recipe.with_overrides({"precision": "float16"})
    said = "in epoch 1, after 3 tries .* or give precision=float32, and train again"
    with pytest.raises(UserError, match=said):
        zoo.train(recipe, run=tmp_path / "run", watch=Watch(quiet=True))


def test_it_is_resumed_to_the_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(loss_scale, "GROWTH_STEPS", 2)
    recipe = make_recipe(accumulate=2, ema=0.9)
    straight, first, second = (make_loop(recipe) for _ in range(3))
    straight.train(batches(0, 1, 2))
    straight.train(batches(3, 0, 1, 2))
    first.train(batches(0, 1, 2))
    checkpoint.save(tmp_path / "last.npz", first.variables, checkpoint.Progress())
    checkpoint.restore(tmp_path / "last.npz", second.variables)
    second.train(batches(3, 0, 1, 2))
    # Saved after one finite step in a row. The next doubles what the second had halved; batch 1
    # halves it once more.
    assert scale_of(second) == 2.0**14
    found = values(second)
    for name, value in values(straight).items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
