import math

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco
from samples import boxes, properties, seeds

from zoo.losses import CIoU, DIoU, GIoU, SmoothL1, overlaps

edge = st.integers(0, 64).map(lambda number: number / 64)
box = st.tuples(edge, edge, edge, edge).map(
    lambda edges: (*np.minimum(edges[:2], edges[2:]), *np.maximum(edges[:2], edges[2:]))
)


@pytest.mark.parametrize(
    ("first", "second", "iou", "giou"),
    [
        # Two 2 x 2 squares share 1 of 4 + 4 - 1 = 7; the hull of 9 has 2 that neither covers.
        ((0, 0, 2, 2), (1, 1, 3, 3), 1 / 7, 1 / 7 - 2 / 9),
        # Unit squares with one between them: union 2, hull 3.
        ((0, 0, 1, 1), (2, 0, 3, 1), 0, -1 / 3),
        # A half inside the whole: hull equals union.
        ((0, 0, 1, 2), (0, 0, 2, 2), 1 / 2, 1 / 2),
        ((1, 2, 5, 4), (1, 2, 5, 4), 1, 1),
        # A line in a square of 4: union 4, hull 4.
        ((1, 0, 1, 2), (0, 0, 2, 2), 0, 0),
        # Two points apart: no union, hull 1.
        ((0, 0, 0, 0), (1, 1, 1, 1), 0, -1),
    ],
)
def test_giou_by_hand(first, second, iou, giou):
    first, second = np.array([first], np.float32), np.array([second], np.float32)
    found = overlaps(first, second)
    np.testing.assert_allclose(found[0], [iou], atol=1e-6)
    np.testing.assert_allclose(found[1], [giou], atol=1e-6)
    np.testing.assert_allclose(GIoU()(first, second), 1 - giou, atol=1e-6)


def test_iou_equals_the_diagonal_of_keras_pairs():
    rng = np.random.default_rng(0)
    first, second = (np.sort(rng.random((20, 2, 2)), axis=1).reshape(20, 4) for _ in "ab")
    first, second = first.astype(np.float32), second.astype(np.float32)
    pairs = keras.utils.bounding_boxes.compute_iou(first, second, "xyxy")
    np.testing.assert_allclose(overlaps(first, second)[0], np.diagonal(pairs), atol=1e-5)


@given(seed=seeds, side=st.sampled_from([1, 4, 640]))
@properties
def test_iou_equals_the_coco_tools(seed, side):
    # As they come, in pixels, and on a grid so coarse that boxes touch, coincide and vanish.
    first, second = boxes(seed) * side
    if side == 4:
        first, second = np.round(first), np.round(second)
    # Left, top, width and height; each with each, and 0 for a true box that is no crowd.
    left_top = [np.hstack([one[:, :2], one[:, 2:] - one[:, :2]]) for one in (first, second)]
    expected = coco.iou(*left_top, [0] * len(second))
    found = overlaps(np.repeat(first, len(second), axis=0), np.tile(second, (len(first), 1)))[0]
    np.testing.assert_allclose(np.reshape(found, expected.shape), expected, atol=1e-12)


@given(first=box, second=box, scale=st.floats(0.01, 1000))
@properties
def test_giou_is_bounded_symmetric_and_free_of_scale(first, second, scale):
    first, second = np.array([first], np.float32), np.array([second], np.float32)
    iou, giou = overlaps(first, second)
    assert -1 - 1e-6 <= giou[0] <= iou[0] + 1e-6 <= 1 + 2e-6
    np.testing.assert_allclose(overlaps(second, first)[1], giou, atol=1e-6)
    scaled = overlaps(first * np.float32(scale), second * np.float32(scale))[1]
    np.testing.assert_allclose(scaled, giou, atol=1e-4)
    area = np.prod(first[0, 2:] - first[0, :2])
    np.testing.assert_allclose(overlaps(first, first)[1], [1.0 if area else 0.0], atol=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "diou", "aspect"),
    [
        # IoU 1/7; centres 1 apart on either axis: 2 of 3^2 + 3^2.
        ((0, 0, 2, 2), (1, 1, 3, 3), 1 - 1 / 7 + 2 / 18, 0),
        # The left half of a square: 1/2; centres 1/2 apart, 0.25 of 8. Angles atan(1/2), atan(1).
        ((0, 0, 1, 2), (0, 0, 2, 2), 1 / 2 + 0.25 / 8, math.atan(0.5) - math.pi / 4),
        # The same half in the middle: only now are the centres one.
        ((0.5, 0, 1.5, 2), (0, 0, 2, 2), 1 / 2, math.atan(0.5) - math.pi / 4),
        # Unit squares with one between them: 2^2 of 3^2 + 1.
        ((0, 0, 1, 1), (2, 0, 3, 1), 1 + 4 / 10, 0),
        ((1, 2, 5, 4), (1, 2, 5, 4), 0, 0),
        # A point at the corner of a square: 0.5 of 2; a point has no aspect, angle 0.
        ((0, 0, 0, 0), (0, 0, 1, 1), 1 + 0.5 / 2, math.pi / 4),
        # An upright line: its angle is atan(0) = 0; centres 1/2 apart on one axis, 0.25 of 2.
        ((0, 0, 0, 1), (0, 0, 1, 1), 1 + 0.25 / 2, math.pi / 4),
        # A level one: width by height is infinite, the angle a quarter turn.
        ((0, 0, 1, 0), (0, 0, 1, 1), 1 + 0.25 / 2, math.pi / 4),
        # Two points apart: across is all there is.
        ((0, 0, 0, 0), (1, 1, 1, 1), 2, 0),
        # One point twice: nothing to divide by.
        ((1, 1, 1, 1), (1, 1, 1, 1), 1, 0),
    ],
)
def test_distance_and_complete_iou_by_hand(first, second, diou, aspect):
    iou = float(overlaps(*(np.array([side], float) for side in (first, second)))[0][0])
    v = 4 / math.pi**2 * aspect**2
    ciou = diou + (v * v / (1 - iou + v) if v else 0)
    for one, other in ((first, second), (second, first)):
        one, other = np.array([one], np.float32), np.array([other], np.float32)
        assert float(DIoU()(one, other)) == pytest.approx(diou, abs=1e-6)
        assert float(CIoU()(one, other)) == pytest.approx(ciou, abs=1e-6)


@given(seed=seeds)
@properties
def test_complete_iou_equals_keras(seed):
    # Keras adds 1e-7 here and there, which boxes of an area do not feel.
    truth, answer = boxes(seed) * 100
    expected = 1 - np.asarray(keras.utils.bounding_boxes.compute_ciou(truth, answer, "xyxy"))
    found = CIoU(reduction="none", dtype="float64")(truth, answer)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_smooth_l1_by_hand():
    # Edges off by 0, 0.1, 0.2 and 0.7. With beta 0.2: 0, 0.01 / 0.4, then less 0.1: 0.1, 0.6.
    truth, answer = np.zeros((1, 4)), np.array([[0, 0.1, -0.2, 0.7]])
    assert float(SmoothL1(0.2)(truth, answer)) == pytest.approx(0.025 + 0.1 + 0.6)
    assert float(SmoothL1(0.0)(truth, answer)) == pytest.approx(1.0)


@given(seed=seeds, beta=st.floats(0.01, 2))
@properties
def test_smooth_l1_is_keras_huber_loss(seed, beta):
    # Huber's is beta times as large, and a mean over the four edges.
    truth, answer = boxes(seed)
    expected = 4 / beta * float(keras.losses.Huber(beta, dtype="float64")(truth, answer))
    found = float(SmoothL1(beta, dtype="float64")(truth, answer))
    assert found == pytest.approx(expected, rel=1e-9)
    plain = 4 * float(keras.losses.MeanAbsoluteError(dtype="float64")(truth, answer))
    assert float(SmoothL1(0.0, dtype="float64")(truth, answer)) == pytest.approx(plain, rel=1e-9)
