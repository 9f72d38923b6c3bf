import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from samples import few, masks, properties, seeds, softmax
from scipy import ndimage

from zoo.losses import (
    BoundaryCrossEntropy,
    MaskCrossEntropy,
    boundary_distance,
    cell_distances,
    connected_regions,
)


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


def cells_of(mask):
    """SciPy's regions of each class but 0, by 4-connectivity: a boolean [h, w] for each."""
    found = []
    for class_id in np.unique(mask[(mask != 0) & (mask != 255)]):
        numbers, count = ndimage.label(mask == class_id)
        found += [numbers == number for number in range(1, count + 1)]
    return found


@given(seed=seeds, shape=st.tuples(*[st.integers(1, 14)] * 2), classes=st.sampled_from([2, 3]))
@properties
def test_regions_are_those_of_scipy(seed, shape, classes):
    mask, _ = masks(seed, classes=classes, shape=(2, *shape), ignored=0.05)
    found = np.asarray(connected_regions(mask, 0))
    for one, numbers in zip(mask, found, strict=True):
        cells = cells_of(one)
        assert np.array_equal(numbers > 0, np.any([np.zeros(shape, bool), *cells], axis=0))
        own = [np.unique(numbers[cell]) for cell in cells]
        assert all(len(number) == 1 for number in own)
        assert len({int(number[0]) for number in own}) == len(cells)


def spiral(size):
    """A path one pixel wide that winds inwards, between walls as wide."""
    mask = np.zeros((size, size), np.uint8)
    row, column, turn, length = 0, 0, 0, size - 1
    mask[0, 0] = 1
    steps = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    legs = [length] * 3 + [side for side in range(length - 2, 0, -2) for _ in range(2)]
    for leg in legs:
        for _ in range(leg):
            row, column = row + steps[turn][0], column + steps[turn][1]
            mask[row, column] = 1
        turn = (turn + 1) % 4
    return mask


def test_what_winds_is_one_region():
    mask = spiral(17)
    assert ndimage.label(mask)[1] == 1
    found = np.asarray(connected_regions(mask[np.newaxis], 0))[0]
    assert np.array_equal(found > 0, mask == 1)
    assert len(np.unique(found[mask == 1])) == 1


@given(seed=seeds, reach=st.sampled_from([2, 30]), shape=st.tuples(*[st.integers(1, 12)] * 2))
@few
def test_distances_to_two_cells_equal_those_of_scipy(seed, reach, shape):
    mask, _ = masks(seed, classes=2, shape=(1, *shape), ignored=0.1)
    # Fewer cells, so that some are far.
    mask[0, : shape[0] // 2] = 0
    distances = [ndimage.distance_transform_edt(~cell) for cell in cells_of(mask[0])]
    far = np.full(shape, np.inf)
    ordered = np.sort([far, far, *distances], axis=0)[:2]
    for found, expected in zip(cell_distances(mask, 0, reach), ordered, strict=True):
        near = expected <= reach
        np.testing.assert_allclose(np.asarray(found)[0][near], expected[near], rtol=1e-6)
        assert np.all(np.asarray(found)[0][expected > reach] > reach)


def test_distances_to_cells_in_a_graph_mapped_over_pictures():
    mask, _ = masks(1, shape=(3, 6, 7), classes=2, ignored=0.1)
    mask[:, :3] = 0
    mapped = tf.function(
        lambda masks: tf.vectorized_map(
            lambda one: [found[0] for found in cell_distances(one[tf.newaxis], 0, 4)], masks
        )
    )
    expected = cell_distances(mask, 0, 4)
    for found, wanted in zip(mapped(tf.constant(mask)), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    unknown = tf.function(
        lambda masks: cell_distances(masks, 0, 4),
        input_signature=[tf.TensorSpec([None, None, None], tf.uint8)],
    )
    for found, wanted in zip(unknown(tf.constant(mask)), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_weights_of_gaps_by_hand():
    # Two cells two pixels apart: d1 + d2 is 0 + 3, 1 + 2, 2 + 1, 3 + 0 and 4 + 1 of what is beyond
    # the second. With w0 = 2 and sigma = 1, weights 1 + 2 e^-9/2, four times, and 1 + 2 e^-25/2.
    mask = np.array([[[1, 0, 0, 1, 0]]], np.uint8)
    logits = np.log(np.full((1, 1, 5, 2), (0.5, 0.5)))
    loss = BoundaryCrossEntropy(2.0, 1.0, reduction="none", background=0)
    gap, beyond = 1 + 2 * math.exp(-4.5), 1 + 2 * math.exp(-12.5)
    expected = [[[weight * math.log(2) for weight in (gap, gap, gap, gap, beyond)]]]
    np.testing.assert_allclose(loss(mask, logits), expected, rtol=1e-6)
    # One class alone is one cell: there is no gap.
    alone = np.ones((1, 2, 2), np.uint8)
    found = loss(alone, np.zeros((1, 2, 2, 2), np.float32))
    np.testing.assert_allclose(found, np.full((1, 2, 2), math.log(2)), rtol=1e-6)
