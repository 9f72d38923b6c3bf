import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.preprocess import IGNORE, Preprocessing

sizes = st.tuples(st.integers(1, 3000), st.integers(1, 3000))
properties = settings(deadline=None, derandomize=True, max_examples=150)


# A float32 fraction of an input of W pixels holds W / 2**25 of them, which the way back
# enlarges: inputs no longer than four times their width keep that below 1e-3.
@properties
@given(sizes, st.tuples(st.integers(128, 512), st.integers(128, 512)), st.integers(0, 2**32))
def test_boxes_come_back(size, target, seed):
    corners = np.random.default_rng(seed).random((2, 2))
    box = np.concatenate([corners.min(0), corners.max(0)]).astype(np.float32)
    truth = box * [size[1], size[0], size[1], size[0]]
    for fit in ("pad", "stretch"):
        preprocessing = Preprocessing(size=target, fit=fit)
        there = preprocessing.fit_box(box, tf.constant(size))
        back = preprocessing.restore_box(there[tf.newaxis], tf.constant([size]))[0]
        assert np.abs(back - truth).max() < 1e-3


def test_boxes_are_clipped_to_their_picture(everywhere):
    # 100 x 50 (height, width) in 8 x 8 lies in columns 2 to 6; the box is the whole input.
    preprocessing = Preprocessing(size=(8, 8))
    (boxes,) = everywhere(
        lambda box: preprocessing.restore_box(box, tf.constant([[100, 50], [8, 8]])),
        [np.float32([[0, 0, 1, 1], [0.25, 0.5, 1, 1]])],
    )
    assert boxes.tolist() == [[0, 0, 50, 100], [2, 4, 8, 8]]
    assert preprocessing.restore_box(tf.zeros([0, 4]), tf.zeros([0, 2], tf.int32)).shape == [0, 4]


@pytest.mark.parametrize("fit", ["pad", "stretch"])
@pytest.mark.parametrize("size", [(40, 60), (61, 33), (9, 14), (200, 10), (1, 1)])
def test_masks_come_back(everywhere, fit, size):
    # Two halves: on the way back each must fill its half again, up to one pixel of the
    # coarser of the two grids.
    preprocessing = Preprocessing(size=(32, 32), fit=fit)
    mask = np.zeros(size, np.uint8)
    mask[:, size[1] // 2 :] = 2
    fitted = preprocessing.fit_mask(mask).numpy()
    probabilities = np.stack([fitted == index for index in range(3)], -1).astype(np.float32)
    # What a network says in the padding must not matter.
    probabilities[fitted == IGNORE] = [0, 1, 0]
    (back,) = everywhere(
        lambda one: preprocessing.restore_mask(one, tf.constant(size)), [probabilities]
    )
    assert back.dtype == np.uint8
    assert back.shape == size
    assert set(np.unique(back)) <= {0, 2}
    wrong = np.flatnonzero((back != mask).any(axis=0))
    reach = max(1, size[1] / (fitted != IGNORE).any(0).sum())
    assert (np.abs(wrong + 0.5 - size[1] // 2) <= reach).all()


def test_padding_does_not_bleed_into_a_mask():
    # The picture lies in rows 3 and 4 of 8 x 8 and is barely of class 0, the padding
    # surely of class 1: on the way back to 20 x 80 each row becomes ten, and the outermost
    # would take 0.45 of its answer from the padding.
    probabilities = np.full((8, 8, 2), [0.0, 1.0], np.float32)
    probabilities[3:5] = [0.6, 0.4]
    back = Preprocessing(size=(8, 8)).restore_mask(
        tf.constant(probabilities), tf.constant([20, 80])
    )
    assert (back.numpy() == 0).all()


@pytest.mark.parametrize("size", [(40, 60), (7, 5)])
def test_masks_come_back_as_resize_and_argmax_would_bring_them(size):
    preprocessing = Preprocessing(size=(16, 16), fit="stretch")
    probabilities = tf.nn.softmax(tf.random.stateless_normal([16, 16, 4], [0, 1]))
    resized = tf.image.resize(probabilities, size, antialias=True)
    back = preprocessing.restore_mask(probabilities, tf.constant(size))
    assert np.array_equal(back, tf.argmax(resized, -1))


def test_what_a_crop_cut_off_has_no_answer():
    # 4 x 8 in 4 x 4: columns 2 to 6 were seen.
    preprocessing = Preprocessing(size=(4, 4), fit="crop")
    back = preprocessing.restore_mask(tf.ones([4, 4, 1]), tf.constant([4, 8])).numpy()
    assert back.tolist() == [[IGNORE, IGNORE, 0, 0, 0, 0, IGNORE, IGNORE]] * 4


@pytest.mark.parametrize("size", [(4, 4), (9, 7), (2, 3)])
@pytest.mark.parametrize("classes", [3, 9])
def test_where_no_class_is_above_0_there_is_no_answer(everywhere, classes, size):
    # Few classes are compared at once, many by turns; size decides how they are scaled.
    preprocessing = Preprocessing(size=(4, 4), fit="stretch")
    probabilities = np.zeros([2, 4, 4, classes], np.float32)
    probabilities[1, :, :, classes - 1] = 1
    both = everywhere(lambda row: preprocessing.restore_mask(row, np.array(size)), probabilities)
    assert (both[0] == IGNORE).all()
    assert (both[1] == classes - 1).all()
    assert both[0].shape == size
