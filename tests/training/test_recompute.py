"""Feature maps that are computed again: the same training in less memory."""

import math
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo import tasks
from zoo.training.loop import Loop
from zoo.training.network import training_network
from zoo.training.optimizer import make_optimizer
from zoo.training.recipe import DataOptions, InputOptions, Recipe
from zoo.training.recompute import Recomputed

RANDOM = np.random.default_rng(0)
IMAGES = tf.constant(RANDOM.integers(0, 256, (4, 16, 16, 3)), tf.float32)


def make_network(task, precision="float32", **model):
    recipe = Recipe(
        task=task,
        data=DataOptions(source="digit_scenes"),
        input=InputOptions(size=(16, 16), channels=3),
        model={"encoder": "plain", "filters": [2, 4], **model},
        precision=precision,
    )
    return training_network(recipe, 3)


def step_of(network, forward):
    def step(images):
        with tf.GradientTape() as tape:
            outputs = keras.tree.flatten(forward(images))
            loss = tf.add_n([tf.reduce_mean(tf.sin(output)) for output in outputs])
        return loss, tape.gradient(loss, network.trainable_variables)

    return step


NETWORKS = [
    ("classification", {"dropout": 0.5}),
    ("classification", {"residual": True, "stochastic_depth": 0.5, "freeze": 1}),
    ("localization", {"dropout": 0.3, "residual": True}),
    ("segmentation", {"noise": 0.3}),
    ("segmentation", {"normalization": "group"}),
]


CASES = [
    *((*network, "float32", True) for network in NETWORKS),
    (*NETWORKS[0], "bfloat16", True),
    (*NETWORKS[0], "float16", True),
    (*NETWORKS[0], "float32", False),
]


@pytest.mark.parametrize(("task", "options", "precision", "compiled"), CASES)
def test_equals_the_network(task, options, precision, compiled):
    plain, again = (make_network(task, precision, **options) for _ in range(2))
    wrap = tf.function if compiled else lambda function: function
    steps = wrap(step_of(plain, lambda images: plain(images, training=True)))
    others = wrap(step_of(again, Recomputed(again)))
    # Rounding to 8 bits goes another way here and there.
    tolerance = 1e-5 if precision == "float32" else 3e-2
    for _ in range(2):
        loss, gradients = steps(IMAGES)
        other_loss, other_gradients = others(IMAGES)
        assert float(loss) == pytest.approx(float(other_loss), abs=tolerance)
        for one, other in zip(gradients, other_gradients, strict=True):
            assert np.abs(one).max() > 0 or np.abs(other).max() == 0
            np.testing.assert_allclose(one, other, atol=tolerance * (1 + np.abs(one).max()))
    # Moving statistics once a step, and the states of what draws.
    for one, other in zip(
        plain.non_trainable_variables, again.non_trainable_variables, strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
    states = [np.array(v) for v in again.variables if "seed_generator_state" in v.path]
    assert all(state[-1] == 2 for state in states)
    assert bool(states) == bool({"dropout", "noise", "stochastic_depth"} & set(options))


def kept_bytes(network, forward):
    """What the way back takes of feature maps from the way there, bytes."""

    @tf.function
    def step(images):
        loss, gradients = step_of(network, forward)(images)
        return tf.identity(loss, name="the_loss"), gradients

    graph = step.get_concrete_function(IMAGES).graph
    there, waiting = set(), [graph.get_operation_by_name("the_loss")]
    while waiting:
        operation = waiting.pop()
        if operation not in there:
            there.add(operation)
            waiting.extend(tensor.op for tensor in operation.inputs)
    views = ("Identity", "IdentityN", "ReadVariableOp", "Cast", "Reshape")

    def source(tensor):
        # One map under several names is kept once.
        while tensor.op.type in views and tensor.op.inputs:
            tensor = tensor.op.inputs[tensor.value_index if tensor.op.type == "IdentityN" else 0]
        return tensor

    kept = {
        source(tensor).ref()
        for operation in graph.get_operations()
        if operation not in there
        for tensor in operation.inputs
        if tensor.op in there and tensor.op.type not in ("Const", "Shape", "VariableShape")
    }
    maps = [ref.deref() for ref in kept]
    return sum(
        math.prod(tensor.shape) * tensor.dtype.size
        for tensor in maps
        if tensor.shape.rank == 4 and tensor.shape[0] == len(IMAGES)
    )


@pytest.mark.parametrize(
    ("task", "options", "share"),
    [
        ("classification", {"filters": [4, 8], "blocks": 6}, 0.4),
        ("segmentation", {"filters": [4, 8], "blocks": 2}, 0.7),
    ],
)
def test_keeps_less(task, options, share):
    network = make_network(task, **options)
    plain = kept_bytes(network, lambda images: network(images, training=True))
    again = kept_bytes(network, Recomputed(network))
    assert 0 < again < share * plain


def test_of_any_size():
    keras.utils.set_random_seed(0)
    image = keras.Input((None, None, 3), name="image")
    x = image
    for filters in (2, 3, 4, 3):
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = keras.layers.BatchNormalization()(x)
    network = keras.Model(image, {"mask": x})
    forward = tf.function(Recomputed(network), reduce_retracing=True)
    for size in (8, 12, 9):
        shown = tf.ones([2, size, size + 1, 3])
        np.testing.assert_allclose(
            forward(shown)["mask"], network(shown, training=True)["mask"], atol=1e-5
        )


def test_a_layer_that_is_called_twice():
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 2), name="image")
    shared = keras.layers.Conv2D(2, 3, padding="same")
    norm = keras.layers.BatchNormalization()
    x = image
    for _ in range(6):
        x = keras.layers.Activation("relu")(norm(shared(x)))
    plain = keras.Model(image, x)
    again = keras.models.clone_model(plain)
    again.set_weights(plain.get_weights())
    shown = IMAGES[:, :8, :8, :2] / 255
    loss, gradients = step_of(plain, lambda images: plain(images, training=True))(shown)
    other_loss, others = tf.function(step_of(again, Recomputed(again)))(shown)
    assert float(loss) == pytest.approx(float(other_loss), abs=1e-5)
    for one, other in zip(gradients, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    for one, other in zip(plain.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def train_a_step(remat, strategy=None, **changes):
    strategy = strategy or tf.distribute.get_strategy()
    recipe = Recipe(
        task="classification",
        data=DataOptions(source="digit_scenes"),
        input=InputOptions(size=(16, 16), channels=3),
        model={"encoder": "plain", "filters": [2], "dropout": 0.5},
        precision="float32",
        warmup=0.0,
        **changes,
    )
    with strategy.scope():
        network = training_network(recipe, 3)
        optimizer = make_optimizer(recipe, 4, network)
        loop = Loop(
            network, tasks.get("classification"), ("a", "b", "c"), {}, optimizer, strategy,
            recipe.adversarial, accumulate=recipe.accumulate, ema=recipe.ema, remat=remat,
        )  # fmt: skip
    examples = {"image": tf.cast(IMAGES, tf.uint8), "class": tf.constant([0, 1, 2, 1])}
    batches = tf.data.Dataset.from_tensor_slices(examples).batch(2, drop_remainder=True)
    history = loop.train(batches)
    return history, [np.asarray(variable.value) for variable in network.variables]


def test_in_the_loop_with_everything_else():
    changes = {"accumulate": 2, "ema": 0.9, "adversarial": {"attack": "fgsm"}}
    plain, values = train_a_step(False, **changes)
    again, others = train_a_step(True, **changes)
    assert plain == pytest.approx(again, abs=1e-5)
    for one, other in zip(values, others, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


_REPLICAS = """
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from test_recompute import train_a_step

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
for first, second in zip(train_a_step(False, strategy)[1], train_a_step(True, strategy)[1]):
    np.testing.assert_allclose(first, second, atol=1e-5)
"""


def test_on_replicas():
    # In a process of its own, because devices are to be split before TensorFlow starts.
    paths = [str(Path(__file__).parent), *sys.path]
    script = f"import sys; sys.path[:] = {paths!r}\n{_REPLICAS}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
