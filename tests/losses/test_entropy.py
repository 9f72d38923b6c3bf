import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from samples import few, masks, seeds, softmax
from sklearn.metrics import log_loss

from zoo.losses import Focal, MaskCrossEntropy

WEIGHTS = np.array([0.5, 2.0, 3.0])


def test_cross_entropy_by_hand():
    # Logits (0, ln 3) are probabilities (1/4, 3/4); the third pixel is ignored.
    logits = np.full((1, 1, 3, 2), (0, math.log(3)), np.float32)
    mask = np.array([[[1, 0, 255]]], np.uint8)
    right, wrong = math.log(4 / 3), math.log(4)
    assert float(MaskCrossEntropy()(mask, logits)) == pytest.approx((right + wrong) / 2)
    np.testing.assert_allclose(
        MaskCrossEntropy(reduction="none")(mask, logits), [[[right, wrong, 0]]], rtol=1e-6
    )
    assert float(MaskCrossEntropy(reduction="sum")(mask, logits)) == pytest.approx(right + wrong)
    # Smoothing by 0.2 gives either pixel 0.2 of the mean of both.
    spread = (right + wrong) / 2
    np.testing.assert_allclose(
        MaskCrossEntropy(label_smoothing=0.2, reduction="none")(mask, logits),
        [[[0.8 * right + 0.2 * spread, 0.8 * wrong + 0.2 * spread, 0]]],
        rtol=1e-6,
    )


def test_class_weights_by_hand():
    # As above, with weight 3 for class 0 and 1 for class 1: (3 wrong + right) / 4.
    logits = np.full((1, 1, 3, 2), (0, math.log(3)), np.float32)
    mask = np.array([[[1, 0, 255]]], np.uint8)
    right, wrong = math.log(4 / 3), math.log(4)
    found = float(MaskCrossEntropy(class_weights=(3, 1))(mask, logits))
    assert found == pytest.approx((3 * wrong + right) / 4)
    found = float(MaskCrossEntropy(class_weights=(3, 1), reduction="sum")(mask, logits))
    assert found == pytest.approx(3 * wrong + right)
    # Smoothed by 0.2, each class has its own weight in what is spread: (3 wrong + right) / 2 for
    # either pixel; the mean is still by the weights of the true classes.
    spread = (3 * wrong + right) / 2
    found = float(MaskCrossEntropy(class_weights=(3, 1), label_smoothing=0.2)(mask, logits))
    assert found == pytest.approx((0.8 * (3 * wrong + right) + 0.2 * 2 * spread) / 4)
    # No weight left: class 1 alone has one, and there is no such pixel.
    alone = MaskCrossEntropy(class_weights=(0, 1))
    assert float(alone(np.where(mask == 1, 0, mask), logits)) == 0


def test_focal_by_hand():
    # Probabilities 1/4 and 3/4 as above: 1 - p is 1/4 where right, 3/4 where wrong.
    logits = np.full((1, 1, 3, 2), (0, math.log(3)), np.float32)
    mask = np.array([[[1, 0, 255]]], np.uint8)
    right, wrong = math.log(4 / 3) / 16, math.log(4) * 9 / 16
    assert float(Focal()(mask, logits)) == pytest.approx((right + wrong) / 2)
    # alpha 0.25 is class 1's, 0.75 class 0's, and the mean is not divided by them.
    found = float(Focal(alpha=0.25)(mask, logits))
    assert found == pytest.approx((0.25 * right + 0.75 * wrong) / 2)
    found = float(Focal(class_weights=(3, 1))(mask, logits))
    assert found == pytest.approx((right + 3 * wrong) / 4)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_equals_keras_and_scikit_learn(smoothing):
    mask, logits = masks(0)
    valid = mask != 255
    found = float(MaskCrossEntropy(label_smoothing=smoothing)(mask, logits))
    dense = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    assert found == pytest.approx(float(dense(np.eye(3)[mask[valid]], logits[valid])), rel=1e-5)
    other = MaskCrossEntropy(label_smoothing=smoothing, from_logits=False)
    assert float(other(mask, softmax(logits))) == pytest.approx(found, rel=1e-5)
    if not smoothing:
        sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
        assert found == pytest.approx(float(sparse(mask, logits)), rel=1e-5)
        reference = log_loss(mask[valid], softmax(logits[valid].astype(np.float64)))
        assert found == pytest.approx(reference, rel=1e-5)


@given(seed=seeds)
@few
def test_class_weights_are_scikit_learns_sample_weights(seed):
    mask, logits = masks(seed)
    valid = mask != 255
    expected = log_loss(
        mask[valid],
        softmax(logits[valid].astype(np.float64)),
        sample_weight=WEIGHTS[mask[valid]],
        labels=range(3),
    )
    for scale in (1.0, 7.0):
        loss = MaskCrossEntropy(class_weights=scale * WEIGHTS)
        assert float(loss(mask, logits)) == pytest.approx(expected, rel=1e-5)
        assert float(loss.weighted(mask, logits, None)) == pytest.approx(expected, rel=1e-5)


@given(seed=seeds, gamma=st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0]), smoothing=st.floats(0, 0.5))
@few
def test_focal_equals_keras(seed, gamma, smoothing):
    mask, logits = masks(seed)
    valid = mask != 255
    keras_loss = keras.losses.CategoricalFocalCrossentropy(
        alpha=WEIGHTS.tolist(),
        gamma=gamma,
        from_logits=True,
        label_smoothing=smoothing,
        reduction="sum",
    )
    expected = float(keras_loss(np.eye(3)[mask[valid]], logits[valid]))
    ours = Focal(gamma, None, WEIGHTS, smoothing, reduction="sum")
    assert float(ours(mask, logits)) == pytest.approx(expected, rel=1e-4)
    mean = Focal(gamma, None, WEIGHTS, smoothing)
    expected /= WEIGHTS[mask[valid]].sum()
    assert float(mean(mask, logits)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_alpha_equals_keras_of_two_classes(smoothing):
    mask, logits = masks(1, classes=2, ignored=0)
    keras_loss = keras.losses.CategoricalFocalCrossentropy(
        alpha=[0.75, 0.25], gamma=2.0, from_logits=True, label_smoothing=smoothing
    )
    expected = float(keras_loss(np.eye(2)[mask], logits))
    for dtype in ("float32", "float64"):
        loss = Focal(2.0, 0.25, label_smoothing=smoothing, dtype=dtype)
        assert float(loss(mask, logits)) == pytest.approx(expected, rel=1e-5)


def test_without_gamma_focal_is_cross_entropy():
    mask, logits = masks(2)
    expected = float(MaskCrossEntropy(label_smoothing=0.1, class_weights=WEIGHTS)(mask, logits))
    found = float(Focal(0.0, class_weights=WEIGHTS, label_smoothing=0.1)(mask, logits))
    assert found == expected


def test_labels_are_masks_of_one_pixel():
    mask, logits = masks(3, shape=(6, 1, 1), ignored=0)
    for loss in (MaskCrossEntropy(class_weights=WEIGHTS, label_smoothing=0.1), Focal()):
        expected = float(loss(mask, logits))
        assert float(loss(mask[:, 0, 0], logits[:, 0, 0])) == pytest.approx(expected, rel=1e-6)


def test_an_id_that_is_no_class_is_refused():
    mask, logits = masks(5)
    mask[0, 0, 0] = 3
    with pytest.raises(tf.errors.InvalidArgumentError):
        MaskCrossEntropy()(mask, logits)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (MaskCrossEntropy(class_weights=(1, 2)), "2 class_weights for 3 classes"),
        (Focal(alpha=0.25), "alpha weighs one of two classes, not of 3"),
    ],
)
def test_what_does_not_fit_the_classes_is_refused(loss, message):
    with pytest.raises(ValueError, match=message):
        loss(*masks(0))
