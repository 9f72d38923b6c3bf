"""What holds of every loss of masks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from samples import (
    CLASSES,
    MASK_LOSSES,
    few,
    gradient_of,
    mask_loss,
    masks,
    numeric_gradient,
    seeds,
)

every_mask_loss = pytest.mark.parametrize("name", MASK_LOSSES)


@every_mask_loss
@pytest.mark.parametrize("from_logits", [True, False])
def test_mask_gradients_equal_the_numeric_ones(name, from_logits):
    loss = mask_loss(name, from_logits=from_logits, dtype="float64")
    mask, logits = masks(3, shape=(1, 3, 3))
    at = logits.astype(np.float64)
    if not from_logits:
        # Not normalized, so that each value can be moved by itself.
        at = 0.1 + 0.8 / (1 + np.exp(-at))
    weight = np.array([0.7])
    for value in (lambda at: loss(mask, at), lambda at: loss.weighted(mask, at, weight)):
        whole = tf.function(value, autograph=False)
        gradient = gradient_of(whole, at)
        np.testing.assert_allclose(gradient, numeric_gradient(whole, at), atol=1e-7)
        assert np.abs(gradient).max() > 1e-3


@every_mask_loss
@given(seed=seeds)
@few
def test_the_true_mask_has_the_least_loss(name, seed):
    mask, logits = masks(seed)
    loss = mask_loss(name, dtype="float64")
    sure = np.where(mask == 255, 0, mask)[..., None] == np.arange(CLASSES)
    best = float(loss(mask, 200.0 * sure))
    if loss.get_config().get("label_smoothing"):
        # Not to be sure is right there.
        softened = np.where(sure, 1.0, 0.0) * (1 - loss.label_smoothing)
        best = float(loss(mask, np.log(softened + loss.label_smoothing / CLASSES)))
        # Weights and gamma move the best a little; it is exact for plain cross-entropy.
        if loss.class_weights or loss.gamma:
            return
    else:
        assert best == pytest.approx(0, abs=1e-9)
    assert float(loss(mask, logits)) > best


@every_mask_loss
@pytest.mark.parametrize("wild", [1e4, np.inf, np.nan])
def test_ignored_pixels_change_neither_loss_nor_gradient(name, wild):
    loss = mask_loss(name)
    for seed in range(2):
        mask, logits = masks(seed)
        changed = logits.copy()
        changed[mask == 255] = [wild, -3, 7]
        assert float(loss(mask, logits)) == float(loss(mask, changed))
        first = gradient_of(lambda at, mask=mask: loss(mask, at), logits)
        second = gradient_of(lambda at, mask=mask: loss(mask, at), changed)
        np.testing.assert_array_equal(first, second)
        assert np.all(first[mask == 255] == 0)
        assert np.all(np.any(first[mask != 255] != 0, axis=-1))


@every_mask_loss
def test_without_a_valid_pixel_the_loss_is_zero(name):
    mask, logits = masks(2, ignored=1.0)
    loss = mask_loss(name)
    for whole in (lambda at: loss(mask, at), lambda at: loss.weighted(mask, at, np.ones(2))):
        assert float(whole(logits)) == 0
        np.testing.assert_array_equal(gradient_of(whole, logits), 0 * logits)


@every_mask_loss
def test_saturated_logits_have_a_finite_loss_and_gradient(name):
    mask, logits = masks(6)
    loss = mask_loss(name)
    for scale in (1e2, 1e6):
        assert np.isfinite(loss(mask, scale * logits))
        gradient = gradient_of(lambda at: loss(mask, at), np.float32(scale) * logits)
        assert np.all(np.isfinite(gradient))


@every_mask_loss
@given(seed=seeds, order=st.permutations(range(CLASSES)))
@few
def test_the_order_of_classes_and_examples_is_of_no_account(name, seed, order):
    mask, logits = masks(seed)
    order = np.array(order)
    loss = mask_loss(name, dtype="float64")
    # What an option says of classes goes with them.
    config, options = loss.get_config(), {}
    if config.get("class_weights"):
        options["class_weights"] = np.array(config["class_weights"])[order].tolist()
    if config.get("background") is not None:
        options["background"] = int(np.argsort(order)[config["background"]])
    other = mask_loss(name, dtype="float64", **options)
    renamed = np.where(mask == 255, 255, np.argsort(order)[np.minimum(mask, CLASSES - 1)])
    expected = float(loss(mask, logits))
    assert float(other(renamed, logits[..., order])) == pytest.approx(expected, rel=1e-9)
    assert float(loss(mask[::-1], logits[::-1])) == pytest.approx(expected, rel=1e-9)


@every_mask_loss
@given(seed=seeds, scale=st.floats(0.1, 10))
@few
def test_equal_weights_scale_the_loss(name, seed, scale):
    mask, logits = masks(seed)
    loss = mask_loss(name, dtype="float64")
    found = float(loss.weighted(mask, logits, np.full(2, scale)))
    assert found == pytest.approx(scale * float(loss(mask, logits)), rel=1e-9)
    assert float(loss.weighted(mask, logits, None)) == pytest.approx(found / scale, rel=1e-9)


@every_mask_loss
def test_no_ignore_label_means_none(name):
    mask, logits = masks(4, ignored=0)
    loss = mask_loss(name)
    assert float(mask_loss(name, ignore=None)(mask, logits)) == float(loss(mask, logits))
    assert float(mask_loss(name, ignore=0)(mask, logits)) != float(loss(mask, logits))


@every_mask_loss
def test_a_graph_of_any_size_gives_what_is_computed_eagerly(name):
    loss = mask_loss(name)
    unknown = [
        tf.TensorSpec([None, None, None], tf.uint8),
        tf.TensorSpec([None, None, None, CLASSES], tf.float32),
    ]
    traced = tf.function(loss, input_signature=unknown)
    for shape in ((2, 4, 5), (1, 7, 1)):
        mask, logits = masks(5, shape=shape)
        assert float(traced(mask, logits)) == pytest.approx(float(loss(mask, logits)), rel=1e-6)


@every_mask_loss
def test_examples_one_by_one_in_a_graph(name):
    # As attacks measure them: the loss of each by itself, mapped over the batch.
    loss = mask_loss(name)
    mask, logits = masks(7, shape=(3, 4, 5))

    def single(row):
        return loss.weighted(row[0][tf.newaxis], row[1][tf.newaxis], None)

    @tf.function(autograph=False)
    def mapped(mask, logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            values = tf.vectorized_map(single, (mask, logits), warn=False)
        return values, tape.gradient(values, logits)

    values, gradient = mapped(tf.constant(mask), tf.constant(logits))
    for at in range(3):
        part = slice(at, at + 1)
        assert float(values[at]) == pytest.approx(float(loss(mask[part], logits[part])), rel=1e-5)
        alone = gradient_of(lambda row, part=part: loss(mask[part], row), logits[part])
        np.testing.assert_allclose(gradient[part], alone, atol=1e-6)


@pytest.mark.parametrize("name", ["weighted", "focal", "Tversky", "Lovasz", "boundary"])
def test_mask_losses_train_a_model_on_numpy_arrays(name):
    loss = mask_loss(name)
    mask, _ = masks(6, shape=(4, 5, 5))
    image = np.where(mask == 255, 0, mask)[..., np.newaxis].astype(np.float32)
    model = keras.Sequential([keras.Input((5, 5, 1)), keras.layers.Conv2D(CLASSES, 1)])
    model.compile("adam", loss, jit_compile=False)
    expected = float(loss(mask, model(image)))
    history = model.fit(image, mask, batch_size=4, verbose=0)
    assert history.history["loss"][0] == pytest.approx(expected, rel=1e-5)
