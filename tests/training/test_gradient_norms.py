"""The gradient at each convolution, against the loss's own rise."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo import DataOptions, InputOptions, Recipe
from zoo.training.gradients import gradient_norms, kernels
from zoo.training.session import open_session
from zoo.training.watch import Watch


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    pictures = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3), np.uint8)
    np.savez(folder / "set.npz", x_train=pictures, y_train=np.arange(24) % 2)
    recipe = Recipe(
        task="classification",
        data=DataOptions(source="npz", path=str(folder / "set.npz"), validation=0.25, test=0.25),
        input=InputOptions(size=(8, 8), channels=3),
        model={"encoder": "plain", "filters": [2, 3], "residual": True},
        batch_size=4,
        precision="float32",
    )
    return open_session(recipe, Watch(quiet=True), runs=folder)


def loss_of(session, batch):
    loss = session.task.loss(len(session.class_names))
    outputs = session.loop.network(tf.cast(batch["image"], tf.float32), training=True)
    return float(loss(batch, outputs)["loss"])


def test_the_norm_is_how_fast_the_loss_rises_along_the_gradient(session):
    (batch,) = session.epoch_batches(0).take(1)
    norms = gradient_norms(session, [batch])
    for name, kernel in kernels(session.loop.network).items():
        with tf.GradientTape() as tape:
            outputs = session.loop.network(tf.cast(batch["image"], tf.float32), training=True)
            logits = outputs["class"]
            # The loss, written out.
            value = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(batch["class"], logits)
            )
        gradient = np.asarray(tape.gradient(value, kernel))
        before, step = np.asarray(kernel), 1e-3
        direction = gradient / np.linalg.norm(gradient)
        ends = []
        for sign in (-1, 1):
            kernel.assign(before + sign * step * direction)
            ends.append(loss_of(session, batch))
        kernel.assign(before)
        # A central difference, in single precision.
        assert norms[name] == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=0.05)


def test_it_is_the_mean_over_batches_and_changes_no_weight(session):
    batches = list(session.epoch_batches(0).take(3))
    assert len(batches) == 3
    weights = [np.asarray(one) for one in session.loop.network.trainable_variables]
    each = [gradient_norms(session, [batch]) for batch in batches]
    together = gradient_norms(session, batches)
    for name, norm in together.items():
        assert norm == pytest.approx(np.mean([one[name] for one in each]), rel=1e-5)
    for before, now in zip(weights, session.loop.network.trainable_variables, strict=True):
        np.testing.assert_array_equal(before, np.asarray(now))


def test_classes_are_weighed_by_their_names(session):
    (batch,) = session.epoch_batches(0).take(1)

    def norms(names, weights):
        recipe = session.recipe.with_overrides({"loss.class_weights": weights})
        return gradient_norms(replace(session, recipe=recipe, class_names=names), [batch])

    plain, named = norms(("0", "1"), {"1": 3.0}), norms(("down", "across"), {"across": 3.0})
    assert named == pytest.approx(plain, rel=1e-5)
    assert named != pytest.approx(norms(("down", "across"), {"down": 3.0}), rel=1e-2)


def test_kernels_are_named_by_their_layers_from_the_picture_on(session):
    assert list(kernels(session.loop.network)) == [
        *("stage1_block1_conv1", "stage1_block1_shortcut_conv", "stage1_block1_conv2"),
        *("stage2_block1_conv1", "stage2_block1_shortcut_conv", "stage2_block1_conv2"),
    ]


def test_both_kernels_of_a_separable_convolution():
    image = keras.Input((8, 8, 3))
    x = keras.layers.SeparableConv2D(2, 3, name="both")(image)
    x = keras.layers.Flatten()(x)
    network = keras.Model(image, keras.layers.Dense(2)(x))
    shapes = {name: tuple(one.shape) for name, one in kernels(network).items()}
    assert shapes == {"both": (3, 3, 3, 1), "both/pointwise_kernel": (1, 1, 3, 2)}
