"""Several devices that share a batch train as one: in a process of its own, whose CPU is split."""

import subprocess
import sys

import pytest

_REPLICAS = """
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from zoo import tasks
from zoo.data.pipeline import Part
from zoo.training.checkpoint import Progress, restore, save
from zoo.training.cluster import Group
from zoo.training.loop import Loop
from zoo.training.network import training_copy
from zoo.training.optimizer import make_optimizer
from zoo.training.recipe import DataOptions, InputOptions, Recipe

rng = np.random.default_rng(0)
masks = rng.integers(0, 3, (14, 6, 6), np.uint8)
# So many ignored pixels in some, that means of parts are not the batch's.
masks[:3, :, :5] = 255
box = np.sort(rng.random((14, 2, 2), np.float32), axis=1).reshape(14, 4)
EXAMPLES = {
    "image": rng.integers(0, 256, (14, 6, 6, 1), np.uint8),
    "mask": masks, "class": rng.integers(0, 3, 14, np.int32), "box": box,
}
one, two = tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def batches(context):
    # Batches of 5, cut into 2 and 3, and what is left, 4.
    cut = Part.of_context(context).cut(14, 5, False)
    def examples():
        for at in cut:
            yield {key: value[at.begin : at.end] for key, value in EXAMPLES.items()}
    signature = {
        key: tf.TensorSpec((None, *value.shape[1:]), value.dtype) for key, value in EXAMPLES.items()
    }
    data = tf.data.Dataset.from_generator(examples, output_signature=signature)
    return data.apply(tf.data.experimental.assert_cardinality(len(cut)))


def make_loop(strategy, name, options, **changes):
    task = tasks.get(name)
    recipe = Recipe(**{
        "task": name, "data": DataOptions(source="digit_scenes"),
        "input": InputOptions(size=(6, 6)), "learning_rate": 0.05, "optimizer": {"name": "sgd"},
        **changes,
    })
    keras.utils.set_random_seed(0)
    with strategy.scope():
        image = keras.Input((6, 6, 1))
        x = keras.layers.Rescaling(1 / 255)(image)
        x = keras.layers.Conv2D(4, 3, padding="same")(x)
        x = keras.layers.BatchNormalization(momentum=0.8)(x)
        x = keras.layers.ReLU()(x)
        pooled = keras.layers.GlobalAveragePooling2D()(x)
        # Not of four dimensions: Keras' own, synchronized.
        pooled = keras.layers.BatchNormalization()(pooled)
        heads = {
            "mask": lambda: keras.layers.Conv2D(3, 1)(x),
            "class": lambda: keras.layers.Dense(3)(pooled),
            "box": lambda: keras.layers.Dense(4, "sigmoid")(pooled),
        }
        model = keras.Model(image, {key: heads[key]() for key in task.targets})
        network = training_copy(model)
        optimizer = make_optimizer(recipe, 20, network)
        return Loop(
            network, task, ("0", "1", "2"), options, optimizer, strategy,
            accumulate=recipe.accumulate, ema=recipe.ema,
        )


def numbers(loop):
    means = [loop.train(batches), loop.validate(batches)]
    return means, [np.asarray(variable) for variable in loop.network.variables]


weights = {"class_weights": {"1": 4.0}}
clipped = {"optimizer": {"name": "sgd", "clip_norm": 0.1}}
cases = (
    ("classification", {**weights, "label_smoothing": 0.1}),
    # Without gradients of the head for classes.
    ("localization", {"class_weight": 0.0}, clipped),
    ("localization", {**weights, "focal_gamma": 2.0, "ciou_weight": 1.0}),
    ("segmentation", {**weights, "tversky_weight": 1.0, "focal_weight": 1.0,
                      "boundary_weight": 1.0, "boundary_sigma": 1.0}),
)
for name, options, *changes in cases:
    changes = dict(*changes)
    found, wanted = (
        numbers(make_loop(strategy, name, options, **changes)) for strategy in (two, one)
    )
    for first, second in zip(found[0], wanted[0], strict=True):
        assert first.keys() == second.keys()
        for key in first:
            message = f"{name} {key}"
            np.testing.assert_allclose(first[key], second[key], 1e-5, 1e-6, err_msg=message)
    for first, second in zip(found[1], wanted[1], strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5, err_msg=name)

# What each device has added up is saved and restored as it is, odd counts included.
changes = {"accumulate": 2, "ema": 0.9}
first, second = (make_loop(two, "segmentation", {"dice_weight": 0.0}, **changes) for _ in range(2))
first.train(batches)
save(Path("state.npz"), first.variables, Progress())
restore(Path("state.npz"), second.variables)
for (name, one_), other in zip(first.variables.items(), second.variables.values(), strict=True):
    np.testing.assert_array_equal(one_.value.numpy(), other.value.numpy(), err_msg=name)
assert first.running("mean_iou") == second.running("mean_iou") > 0
# Other devices than those that saved it get the sum.
alone = make_loop(one, "segmentation", {"dice_weight": 0.0}, **changes)
restore(Path("state.npz"), alone.variables)
assert alone.running("mean_iou") == first.running("mean_iou")
"""


@pytest.mark.slow
def test_several_devices_train_as_one(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{_REPLICAS}"],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
