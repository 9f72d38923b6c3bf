"""Training on attacked pictures: which are, how, and that nothing else changes."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo import tasks
from zoo.training.loop import Loop
from zoo.training.network import training_network
from zoo.training.optimizer import make_optimizer
from zoo.training.recipe import DataOptions, InputOptions, Recipe
from zoo.training.sections import AdversarialOptions

LENGTH = 8
RANDOM = np.random.default_rng(0)
BATCH = {
    "image": RANDOM.integers(0, 256, (LENGTH, 8, 8, 2), np.uint8),
    "class": RANDOM.integers(0, 3, LENGTH, np.int32),
    "box": np.tile(np.float32([0.2, 0.1, 0.6, 0.9]), (LENGTH, 1)),
    "mask": RANDOM.integers(0, 3, (LENGTH, 8, 8), np.uint8),
}
PARTS = {
    "classification": {"head": "average"},
    "localization": {"head": "average"},
    "segmentation": {"decoder": "unet"},
}


def make_loop(task, precision="float32", **attack):
    recipe = Recipe(
        task=task,
        data=DataOptions(source="digit_scenes"),
        input=InputOptions(size=(8, 8), channels=2),
        model={"encoder": "plain", "filters": [2, 4], "dropout": 0.3, **PARTS[task]},
        adversarial=AdversarialOptions(**attack),
        precision=precision,
    )
    network = training_network(recipe, 3)
    return Loop(
        network,
        tasks.get(task),
        ("a", "b", "c"),
        {},
        make_optimizer(recipe, 20, network),
        tf.distribute.get_strategy(),
        recipe.adversarial,
        seed=3,
        scaled=precision == "float16",
    )


def batch_of(task):
    return {key: tf.constant(BATCH[key]) for key in ("image", *tasks.get(task).targets)}


def attacked(loop, task):
    batch = batch_of(task)
    images = tf.cast(batch["image"], tf.float32)
    return loop._attacked(images, batch).numpy(), images.numpy()


@pytest.fixture(
    scope="module", params=[*((task, "bfloat16") for task in PARTS), ("segmentation", "float16")]
)
def loop(request):
    task, precision = request.param
    return task, make_loop(task, precision, epsilon=6, steps=2, share=0.4)


# 0.4 * 8 = 3.2: three pictures.
def test_a_share_of_each_batch_is_attacked_and_nothing_else_changes(loop):
    task, loop = loop
    variables = [*loop.network.variables, *loop.optimizer.variables]
    before = [np.array(variable) for variable in variables]
    moved, images = attacked(loop, task)
    changed = np.abs(moved - images).max((1, 2, 3))
    assert np.all(changed[:3] > 3)
    assert np.all(changed[:3] <= 6 + 1e-4)
    assert not changed[3:].any()
    assert moved.min() >= 0
    assert moved.max() <= 255
    # Neither moving statistics nor the seeds of dropout.
    for variable, old in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable, old)


def test_random_starts_belong_to_the_step(loop):
    task, loop = loop
    first, _ = attacked(loop, task)
    np.testing.assert_array_equal(first, attacked(loop, task)[0])
    loop.optimizer.iterations.assign_add(1)
    assert np.abs(first - attacked(loop, task)[0]).max() > 1
    loop.optimizer.iterations.assign_sub(1)


def test_training_traces_one_graph(loop):
    task, loop = loop
    data = tf.data.Dataset.from_tensors(batch_of(task)).repeat(3)
    for _ in range(2):
        assert np.isfinite(loop.train(data)["loss"])
    assert [steps.traces for steps in loop._known_steps.values()] == [1]


@pytest.mark.parametrize(("share", "count"), [(0.01, 1), (0.3, 2), (0.5, 4), (0.99, 8), (1, 8)])
def test_at_least_one_picture_is_attacked(share, count):
    # 0.3 * 8 = 2.4 and 0.99 * 8 = 7.92.
    moved, images = attacked(
        make_loop("classification", share=share, attack="fgsm"), "classification"
    )
    assert np.any(moved != images, axis=(1, 2, 3)).tolist() == [True] * count + [False] * (
        8 - count
    )


def test_the_attack_raises_the_loss_that_is_trained():
    loop = make_loop("segmentation", attack="fgsm", epsilon=2, share=1)
    moved, images = attacked(loop, "segmentation")
    before, after = (
        float(loop._loss(BATCH, loop.network(pixels, training=False))["loss"])
        for pixels in (images, moved)
    )
    assert after > before


def test_fgsm_training_step_is_the_one_written_out():
    """A linear network: attack by hand, then one step of plain training on what came of it."""
    loop = make_loop("classification", attack="fgsm", epsilon=5, share=1)
    image = keras.Input((8, 8, 2), name="image")
    logits = keras.layers.Dense(3, name="class")(keras.layers.Flatten()(image))
    loop.network = keras.Model(image, {"class": logits})
    kernel = loop.network.trainable_variables[0]
    kernel.assign(np.random.default_rng(1).normal(0, 1e-3, kernel.shape))
    moved, images = attacked(loop, "classification")
    weights = np.array(kernel)
    scores = images.reshape(LENGTH, -1) @ weights
    odds = np.exp(scores - scores.max(1, keepdims=True))
    # The gradient of cross-entropy by the logits is p - y, by the pixels W (p - y).
    pull = odds / odds.sum(1, keepdims=True) - np.eye(3)[BATCH["class"]]
    wanted = np.clip(images + 5 * np.sign(pull @ weights.T).reshape(images.shape), 0, 255)
    np.testing.assert_array_equal(moved, wanted)


_REPLICAS = """
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras
from zoo import tasks
from zoo.training.loop import Loop
from zoo.training.sections import AdversarialOptions

random = np.random.default_rng(0)
batch = {
    "image": random.integers(0, 256, (4, 6, 6, 1), np.uint8),
    "class": random.integers(0, 3, 4, np.int32),
}


def weights_after_a_step(strategy, attack):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        image = keras.Input((6, 6, 1), name="image")
        x = keras.layers.Conv2D(2, 3, activation="relu")(image / 255.0)
        logits = keras.layers.Dense(3)(keras.layers.Flatten()(x))
        network = keras.Model(image, {"class": logits})
        loop = Loop(
            network, tasks.get("classification"), ("a", "b", "c"), {},
            keras.optimizers.SGD(0.1), strategy, attack,
        )
    loop.train(tf.data.Dataset.from_tensors(batch).unbatch().batch(4, drop_remainder=True))
    return [np.asarray(variable) for variable in network.trainable_variables]


one, two = tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
# Where no start is random a replica's part is attacked as it is in the whole batch.
for attack in (None, AdversarialOptions(attack="fgsm", share=1)):
    pairs = zip(weights_after_a_step(one, attack), weights_after_a_step(two, attack))
    for first, second in pairs:
        np.testing.assert_allclose(first, second, atol=1e-5)
weights_after_a_step(two, AdversarialOptions(steps=2))
"""


def test_replicas_attack_their_own_parts():
    # In a process of its own, because devices are to be split before TensorFlow starts.
    done = subprocess.run([sys.executable, "-c", _REPLICAS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
