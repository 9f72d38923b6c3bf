"""Crops and patches."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.augment import Augmentation
from zoo.errors import UserError
from zoo.preprocess import IGNORE

SEED = tf.constant([3, 4])
LAST = float(np.nextafter(np.float32(1), np.float32(0)))


# A window of 1 - 0.5 * 0.5 = 3/4 of 8 columns is 6, at 0.5 * (8 - 6) = 1 from the left.
# Column j's centre comes from (j + 0.5) * 6 / 8 + 1 = 1.375, 2.125, 2.875, 3.625 ...; with
# 10 * column as the values that is 10 * (that - 0.5) = 8.75, 16.25, ...
# Of 4 rows it is 3, at the top: row i's centre comes from (i + 0.5) * 3 / 4 = 0.375, 1.125,
# 1.875, 2.625. The first lies above the centre of the first row, whose value is repeated.
# Boxes: columns 2 to 4 become (2 - 1) / 6 to (4 - 1) / 6; rows 1 to 4, cut at 3, become 1/3
# to 3/3.
def test_crop_by_hand(both, chances):
    rows, columns = np.mgrid[:4, :8].astype(np.uint8)
    batch = {
        "image": (10 * np.stack([columns, rows]))[..., np.newaxis],
        "mask": np.stack([columns, rows]),
        "box": np.float32([[0.25, 0, 0.5, 1], [0.25, 0.25, 0.5, 1]]),
    }
    uniforms = chances(2, CROP_WIDTH=[0.5, 0], CROP_X=0.5, CROP_HEIGHT=[0, 0.5], CROP_Y=[0.9, 0.0])
    moved = both(Augmentation(crop=0.5), batch, uniforms)
    across = [8.75, 16.25, 23.75, 31.25, 38.75, 46.25, 53.75, 61.25]
    np.testing.assert_allclose(moved["image"][0, ..., 0], [across] * 4, atol=1e-3)
    assert moved["mask"][0].tolist() == [[1, 2, 2, 3, 4, 5, 5, 6]] * 4
    np.testing.assert_allclose(moved["box"][0], [1 / 6, 0, 1 / 2, 1], atol=1e-6)
    down = np.float32([0, 6.25, 13.75, 21.25])
    np.testing.assert_allclose(moved["image"][1, ..., 0], np.tile(down, (8, 1)).T, atol=1e-3)
    assert moved["mask"][1].T.tolist() == [[0, 1, 1, 2]] * 8
    np.testing.assert_allclose(moved["box"][1], [0.25, 1 / 3, 0.5, 1], atol=1e-6)


# The window of columns 1 to 7 holds nothing of column 0, and 3/4 of columns 0 to 4.
def test_a_crop_that_would_lose_the_object_is_not_made(both, chances, pictures):
    batch = {
        "image": pictures(2),
        "mask": pictures(2, channels=1)[..., 0],
        "box": np.float32([[0, 0, 0.125, 1], [0, 0, 0.5, 1]]),
    }
    moved = both(Augmentation(crop=0.5), batch, chances(2, CROP_WIDTH=0.5, CROP_HEIGHT=0))
    for name in batch:
        assert np.array_equal(moved[name][0], batch[name][0])
    np.testing.assert_allclose(moved["box"][1], [0, 0, 0.5, 1], atol=1e-6)
    assert not np.array_equal(moved["mask"][1], batch["mask"][1])


# A patch of 2 x 3 in 6 x 8 has 5 places down and 6 across: 0.5 * 5 is in place 2, 0.35 * 6 too;
# the last number below 1 is the last place.
def test_patches_are_exact_copies(both, chances, pictures):
    batch = {"image": pictures(3), "mask": pictures(3, channels=1)[..., 0]}
    augment = Augmentation(patch=(2, 3))
    assert augment.moves
    moved = both(augment, batch, chances(3, PATCH_Y=[0, 0.5, LAST], PATCH_X=[LAST, 0.35, 0]))
    for row, (top, left) in enumerate([(0, 5), (2, 2), (4, 0)]):
        window = np.s_[top : top + 2, left : left + 3]
        assert np.array_equal(moved["image"][row], batch["image"][row][window])
        assert np.array_equal(moved["mask"][row], batch["mask"][row][window])


def test_a_patch_is_a_window_of_the_moved_picture(chances, pictures):
    options = {"rotate": 30, "zoom": 0.3, "translate": 0.4, "crop": 0.3, "vertical_flip": True}
    batch = {
        "image": pictures(height=32, width=40),
        "mask": pictures(height=32, width=40, channels=1)[..., 0] % 7,
    }
    # 0.4 of 32 - 16 + 1 = 17 places is in place 6, 0.95 of 40 - 20 + 1 = 21 in place 19.
    uniforms = chances(
        VERTICAL=0, ROTATE=0.9, ZOOM=0.3, MOVE_X=0.1, CROP_WIDTH=0.6, PATCH_Y=0.4, PATCH_X=0.95
    )
    whole = Augmentation(**options)(batch, uniforms, SEED)
    patch = Augmentation(**options, patch=(16, 20))(batch, uniforms, SEED)
    window = np.s_[:, 6:22, 19:39]
    np.testing.assert_allclose(patch["image"], whole["image"][window], atol=0.01)
    assert np.array_equal(patch["mask"], whole["mask"][window])
    assert (patch["mask"].numpy() == IGNORE).any()


def test_a_patch_has_a_static_shape_inside_tf_data(pictures):
    augment = Augmentation(patch=[4, 5])
    assert augment == Augmentation(patch=(4, 5))
    batch = {"image": pictures(3), "mask": pictures(3, channels=1)[..., 0]}
    data = tf.data.Dataset.from_tensor_slices(batch).batch(2)
    spec = data.map(lambda b: augment(b, tf.zeros([tf.shape(b["image"])[0], 27]), SEED))
    assert spec.element_spec["image"].shape.as_list() == [None, 4, 5, 3]
    assert spec.element_spec["mask"].shape.as_list() == [None, 4, 5]


def test_a_patch_of_a_picture_with_a_box_is_refused(chances, pictures):
    batch = {"image": pictures(), "box": np.float32([[0, 0, 1, 1]])}
    with pytest.raises(UserError, match=r"patch=\(2, 2\) may miss the object of a box"):
        Augmentation(patch=(2, 2))(batch, chances(), SEED)


@pytest.mark.parametrize("patch", [(7, 8), (6, 9)])
def test_a_patch_larger_than_the_picture_is_refused(chances, pictures, patch):
    named = rf"patch=\({patch[0]}, {patch[1]}\) does not fit .* height and width \(6, 8\)"
    with pytest.raises(UserError, match=named):
        Augmentation(patch=patch)({"image": pictures()}, chances(), SEED)
    whole = Augmentation(patch=(6, 8))({"image": pictures()}, chances(), SEED)
    assert np.array_equal(whole["image"], pictures())


def test_a_patch_of_pictures_of_unknown_size_is_refused():
    spec = tf.TensorSpec([1, None, 8, 3], tf.uint8)
    with pytest.raises(UserError, match=r"height and width \(None, 8\)"):
        tf.function(Augmentation(patch=(2, 2)), autograph=False).get_concrete_function(
            {"image": spec}, tf.TensorSpec([1, 27]), tf.TensorSpec([2], tf.int32)
        )
