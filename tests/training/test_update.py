"""Updates of the weights: several steps together, averages, several devices."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from six_pixels import make_recipe

from zoo import tasks
from zoo.training import checkpoint
from zoo.training.loop import Loop
from zoo.training.optimizer import make_optimizer

random = np.random.default_rng(0)
EXAMPLES = {
    "image": random.integers(0, 256, (24, 6, 6, 1), np.uint8),
    "class": random.integers(0, 3, 24, np.int32),
}


def make_loop(recipe, steps, dropout=0.0, optimizer=None):
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 1), name="image")
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(2, 3, activation="relu")(x)
    x = keras.layers.Dropout(dropout, seed=3)(keras.layers.Flatten()(x))
    network = keras.Model(image, {"class": keras.layers.Dense(3)(x)})
    return Loop(
        network, tasks.get("classification"), ("a", "b", "c"), {},
        optimizer or make_optimizer(recipe, steps, network), tf.distribute.get_strategy(),
        accumulate=recipe.accumulate, ema=recipe.ema,
    )  # fmt: skip


def batches(size):
    return tf.data.Dataset.from_tensor_slices(EXAMPLES).batch(size, drop_remainder=True)


def state(loop):
    return checkpoint.variables_of(loop.network, loop.optimizer, loop.update.variables)


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.Adam(1e-3),
        lambda: keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 10), 0.9),
    ],
    ids=["a rate", "a schedule"],
)
def test_optimizers_of_keras_work_unchanged(make, tmp_path):
    straight = make_loop(make_recipe(), 12, optimizer=make())
    straight.train(batches(4))
    checkpoint.save(tmp_path / "last.npz", straight.variables, checkpoint.Progress())
    straight.train(batches(4))
    resumed = make_loop(make_recipe(), 12, optimizer=make())
    checkpoint.restore(tmp_path / "last.npz", resumed.variables)
    resumed.train(batches(4))
    assert int(resumed.optimizer.iterations) == 12
    for name, variable in straight.variables.items():
        np.testing.assert_array_equal(variable.value.numpy(), resumed.variables[name].value.numpy())


@pytest.mark.parametrize("name", ["adamw", "sgd", "lamb"])
def test_accumulated_steps_equal_one_large_batch(name):
    # Two epochs of 6 steps of 4 pictures, 3 to an update, against 2 of 12: the same 4 updates,
    # under a schedule, clipped, averaged.
    # Adam's usual epsilon of 1e-7 would magnify what rounding leaves of gradients that cancel.
    options = {"epsilon": 1e-2} if name == "adamw" else {}
    changes = {"optimizer": {"name": name, "options": options, "clip_norm": 0.5}, "ema": 0.9}
    parts = make_loop(make_recipe(accumulate=3, **changes), 12)
    whole = make_loop(make_recipe(**changes), 4)
    for _ in range(2):
        parts.train(batches(4))
        whole.train(batches(12))
    assert int(parts.optimizer.iterations) == int(whole.optimizer.iterations) == 4
    assert float(parts.optimizer.learning_rate) == float(whole.optimizer.learning_rate)
    for one, other in (
        (parts.network, whole.network),
        (parts.update._average, whole.update._average),
    ):
        for value, expected in zip(one.variables, other.variables, strict=True):
            if "seed" not in getattr(value, "path", ""):
                np.testing.assert_allclose(value, expected, atol=2e-5)


def test_nothing_changes_between_updates():
    loop = make_loop(make_recipe(accumulate=3, ema=0.5), 100)
    before = [np.array(variable) for variable in loop.network.trainable_variables]
    averages = [np.array(variable) for variable in loop.update.variables[: len(before)]]
    loop.train(batches(4).take(2))
    for variable, value in zip(loop.network.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    for variable, value in zip(loop.update.variables, averages, strict=False):
        np.testing.assert_array_equal(variable, value)
    assert int(loop.optimizer.iterations) == 0
    assert int(loop.update.steps()) == 2
    loop.train(batches(4).take(1))
    assert int(loop.optimizer.iterations) == 1
    assert not np.array_equal(loop.network.trainable_variables[0], before[0])


@pytest.mark.parametrize("accumulate", [1, 3])
def test_resumes_between_updates_bit_for_bit(tmp_path, accumulate):
    recipe = make_recipe(accumulate=accumulate, ema=0.9)
    straight, first, second = (make_loop(recipe, 30, dropout=0.5) for _ in range(3))
    straight.train(batches(4).take(4))
    straight.train(batches(4).skip(4))
    first.train(batches(4).take(4))
    checkpoint.save(tmp_path / "last.npz", state(first), checkpoint.Progress())
    checkpoint.restore(tmp_path / "last.npz", state(second))
    second.train(batches(4).skip(4))
    for one, other in zip(state(straight).values(), state(second).values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_averages_are_measured_and_weights_are_back():
    loop = make_loop(make_recipe(ema=0.999, learning_rate=0.5), 30)
    loop.train(batches(4))
    weights = [np.array(variable) for variable in loop.network.variables]
    own = loop.validate(batches(4))["loss"]
    with loop.update.averaged():
        averaged = loop.validate(batches(4))["loss"]
        np.testing.assert_array_equal(loop.network.trainable_variables[0], loop.update.variables[0])
    assert averaged != own
    assert loop.validate(batches(4))["loss"] == own
    for variable, value in zip(loop.network.variables, weights, strict=True):
        np.testing.assert_array_equal(variable, value)


_REPLICAS = """
from pathlib import Path

import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from six_pixels import make_recipe
from test_update import batches, make_loop, state
from zoo.training import checkpoint


def values(strategy, resumed, **changes):
    with strategy.scope():
        loop = make_loop(make_recipe(**changes), 12)
    loop.train(batches(4).take(4))
    if resumed:
        # Between two updates, where there are sums to keep.
        checkpoint.save(Path("state.npz"), state(loop), checkpoint.Progress())
        with strategy.scope():
            loop = make_loop(make_recipe(**changes), 12)
        checkpoint.restore(Path("state.npz"), state(loop))
    loop.train(batches(4).skip(4))
    with loop.update.averaged():
        averaged = [np.asarray(variable) for variable in loop.network.trainable_variables]
    return [*averaged, *(np.asarray(variable.value) for variable in state(loop).values())]


one, two = tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
cases = (
    (True, {"accumulate": 3, "ema": 0.9, "optimizer": {"name": "sgd", "clip_norm": 0.1}}),
    (False, {"ema": 0.9, "optimizer": {"name": "sgd", "clip_value": 0.01}}),
    (False, {"optimizer": {"name": "muon", "options": {"epsilon": 0.01}}}),
)
for resumed, changes in cases:
    pairs = zip(values(one, resumed, **changes), values(two, resumed, **changes), strict=True)
    for first, second in pairs:
        np.testing.assert_allclose(first, second, atol=1e-5)
"""


def test_replicas_update_as_one_device(tmp_path):
    # In a process of its own, because devices are to be split before TensorFlow starts.
    paths = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {paths!r}\n{_REPLICAS}"],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
