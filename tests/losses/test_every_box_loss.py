"""What holds of every loss of boxes."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from samples import BOX_LOSSES, box_loss, boxes, gradient_of, numeric_gradient, properties, seeds

from zoo.losses import CIoU, overlaps

every_box_loss = pytest.mark.parametrize("name", BOX_LOSSES)
edge = st.integers(-1, 3)
any_box = st.tuples(edge, edge, edge, edge)


@every_box_loss
def test_box_gradients_equal_the_numeric_ones(name):
    loss = box_loss(name, dtype="float64")
    truth, answer = boxes(4, count=3)

    def value(at):
        if not isinstance(loss, CIoU):
            return loss(truth, at)
        # alpha counts as a constant: that of where the gradient is taken.
        aspects = [np.arctan2(b[:, 2] - b[:, 0], b[:, 3] - b[:, 1]) for b in (truth, answer, at)]
        here, there = (4 / np.pi**2 * (aspects[0] - aspect) ** 2 for aspect in aspects[1:])
        alpha = here / (1 - np.asarray(overlaps(truth, answer)[0]) + here)
        return box_loss("DIoU", dtype="float64")(truth, at) + np.mean(alpha * there)

    assert float(value(answer)) == pytest.approx(float(loss(truth, answer)))
    gradient = gradient_of(lambda at: loss(truth, at), answer)
    np.testing.assert_allclose(gradient, numeric_gradient(value, answer), atol=1e-6)
    assert np.abs(gradient).max() > 0.01


@every_box_loss
@given(truth=any_box, answer=any_box, scale=st.sampled_from([1e-20, 1e-12, 1e-3, 1.0, 1e3]))
@properties
def test_any_boxes_have_a_finite_loss_and_gradient(name, truth, answer, scale):
    # Points, lines, corners the wrong way round, equal boxes, boxes that touch.
    truth, answer = (scale * np.array([one], np.float32) for one in (truth, answer))
    loss = box_loss(name)
    assert np.isfinite(loss(truth, answer))
    assert np.all(np.isfinite(gradient_of(lambda at: loss(truth, at), answer)))


@every_box_loss
@given(seed=seeds, scale=st.floats(0.01, 1000))
@properties
def test_losses_by_overlap_do_not_depend_on_the_unit(name, seed, scale):
    truth, answer = boxes(seed).astype(np.float32)
    loss = box_loss(name, reduction="none")
    scaled = loss(np.float32(scale) * truth, np.float32(scale) * answer)
    if name == "L1":
        np.testing.assert_allclose(scaled, scale * np.asarray(loss(truth, answer)), rtol=1e-3)
    elif name != "smooth L1":
        np.testing.assert_allclose(scaled, loss(truth, answer), atol=1e-3)


@every_box_loss
@given(seed=seeds)
@properties
def test_the_true_box_has_the_least_loss(name, seed):
    truth, answer = boxes(seed)
    loss = box_loss(name, reduction="none", dtype="float64")
    np.testing.assert_allclose(loss(truth, truth), 0, atol=1e-12)
    assert np.all(np.asarray(loss(truth, answer)) > 0)


@every_box_loss
def test_a_graph_of_boxes_gives_what_is_computed_eagerly(name):
    truth, answer = boxes(5).astype(np.float32)
    loss = box_loss(name)
    traced = tf.function(loss, input_signature=[tf.TensorSpec([None, 4], tf.float32)] * 2)
    assert float(traced(truth, answer)) == pytest.approx(float(loss(truth, answer)), rel=1e-6)
