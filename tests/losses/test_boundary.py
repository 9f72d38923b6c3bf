import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from samples import few, masks, seeds, softmax
from scipy import ndimage

from zoo.losses import BoundaryCrossEntropy, MaskCrossEntropy, boundary_distance


def exact(mask):
    """SciPy's distance to the nearest valid pixel of another class; NaN where ignored."""
    found = np.full(mask.shape, np.nan)
    for class_id in np.unique(mask[mask != 255]):
        own, others = mask == class_id, (mask != class_id) & (mask != 255)
        distance = ndimage.distance_transform_edt(~others) if others.any() else np.inf
        found[own] = np.broadcast_to(distance, mask.shape)[own]
    return found


def test_distances_by_hand():
    # The ones are a knight's move from the corner: 1 and 2 pixels, the root of 5.
    mask = np.array([[[0, 0, 0], [0, 0, 1], [255, 0, 1]]], np.uint8)
    expected = [[math.sqrt(5), math.sqrt(2), 1], [2, 1, 1], [math.nan, 1, 1]]
    found = np.asarray(boundary_distance(mask, 3))[0]
    valid = mask[0] != 255
    np.testing.assert_allclose(found[valid], np.array(expected)[valid], rtol=1e-6)


@given(seed=seeds, reach=st.sampled_from([1, 3, 30]), shape=st.tuples(*[st.integers(1, 12)] * 2))
@few
def test_distances_equal_those_of_scipy(seed, reach, shape):
    mask, _ = masks(seed, classes=4, shape=(2, *shape), ignored=0.2)
    # Fewer borders, so that some are far.
    mask[1][mask[1] == 1] = 0
    mask[1, : shape[0] // 2] = 0
    found = np.asarray(boundary_distance(mask, reach))
    for one, distance in zip(mask, found, strict=True):
        expected = exact(one)
        near = expected <= reach
        np.testing.assert_allclose(distance[near], expected[near], rtol=1e-6)
        assert np.all(distance[expected > reach] > reach)


def test_distances_in_a_graph_mapped_over_pictures():
    mask, _ = masks(1, shape=(3, 6, 7), classes=2, ignored=0.1)
    mask[:, :4] = 0
    mapped = tf.function(
        lambda masks: tf.vectorized_map(lambda one: boundary_distance(one[tf.newaxis], 4)[0], masks)
    )
    np.testing.assert_array_equal(mapped(tf.constant(mask)), boundary_distance(mask, 4))


def test_weights_by_hand():
    # Probabilities 3/4 of class 0; distances 2, 1, 1; the fourth pixel is ignored. With w0 = 2
    # and sigma = 1: weights 1 + 2 e^-2, 1 + 2 e^-1/2, 1 + 2 e^-1/2.
    mask = np.array([[[0, 0, 1, 255]]], np.uint8)
    logits = np.log(np.full((1, 1, 4, 2), (0.75, 0.25)))
    far, near = 1 + 2 * math.exp(-2), 1 + 2 * math.exp(-0.5)
    right, wrong = math.log(4 / 3), math.log(4)
    loss = BoundaryCrossEntropy(2.0, 1.0)
    expected = (far * right + near * right + near * wrong) / (far + 2 * near)
    assert float(loss(mask, logits)) == pytest.approx(expected, rel=1e-6)
    each = BoundaryCrossEntropy(2.0, 1.0, reduction="none")(mask, logits)
    np.testing.assert_allclose(each, [[[far * right, near * right, near * wrong, 0]]], rtol=1e-6)
    # w_c of 3 for class 1 takes the place of its 1.
    more = near + 2
    expected = (far * right + near * right + more * wrong) / (far + near + more)
    weighted = BoundaryCrossEntropy(2.0, 1.0, (1.0, 3.0))
    assert float(weighted(mask, logits)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.5, 3.0])
def test_weights_equal_those_by_distances_of_scipy(seed, sigma):
    mask, logits = masks(seed, shape=(2, 12, 9), ignored=0.1)
    mask[:, :9] = 0
    distances = np.stack([exact(one) for one in mask])
    valid = mask != 255
    weights = 1 + 10 * np.exp(-(distances[valid] ** 2) / (2 * sigma**2))
    entropy = -np.log(softmax(logits.astype(float))[valid, mask[valid]])
    each = BoundaryCrossEntropy(10.0, sigma, reduction="none", dtype="float64")(mask, logits)
    # What lies beyond 4 sigma is left out: e^-8 of w0.
    np.testing.assert_allclose(
        np.asarray(each)[valid] / entropy, weights, atol=10 * math.exp(-8), rtol=1e-5
    )
    found = float(BoundaryCrossEntropy(10.0, sigma)(mask, logits))
    expected = np.sum(weights * entropy) / np.sum(weights)
    assert found == pytest.approx(expected, abs=10 * math.exp(-8) * entropy.max())


def test_without_a_border_it_is_cross_entropy():
    mask, logits = masks(3)
    mask[mask != 255] = 1
    found = float(BoundaryCrossEntropy()(mask, logits))
    assert found == pytest.approx(float(MaskCrossEntropy()(mask, logits)), rel=1e-6)
    mask, logits = masks(3)
    found = float(BoundaryCrossEntropy(w0=0.0)(mask, logits))
    assert found == pytest.approx(float(MaskCrossEntropy()(mask, logits)), rel=1e-6)
