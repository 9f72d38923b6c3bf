"""Pictures moved by OpenCV, against TensorFlow's own op and by hand."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.augment import warp


def maps(count, seed, *, tilted=True):
    """Maps that turn, scale, shift and tilt, as TensorFlow and the zoo write them."""
    random = np.random.default_rng(seed)
    angle, scale = random.uniform(-3, 3, count), random.uniform(0.6, 1.6, count)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    shift = random.uniform(-10, 40, (2, count))
    tilt = random.uniform(-0.003, 0.003, (2, count)) * tilted
    rows = [cosine, -sine, shift[0], sine, cosine, shift[1], *tilt]
    return tf.constant(np.stack(rows, -1), tf.float32)


def by_tensorflow(images, transforms, shape, how, fill_mode):
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=shape,
        fill_value=255.0,
        interpolation=how,
        fill_mode=fill_mode,
    )


def places(transforms, height, width):
    """Where each pixel comes from: x and y, float32 [n, height, width] each."""
    y, x = np.mgrid[:height, :width]
    row = np.moveaxis(transforms.numpy().astype(np.float64)[:, :, None, None], 1, 0)
    below = row[6] * x + row[7] * y + 1
    found = ((row[0] * x + row[1] * y + row[2]) / below, (row[3] * x + row[4] * y + row[5]) / below)
    return tuple(tf.constant(one, tf.float32) for one in found)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 6, 7, 14])
@pytest.mark.parametrize("patch", [None, (17, 31)])
def test_pictures_are_moved_as_tensorflow_moves_them(channels, patch):
    images = np.random.default_rng(channels).uniform(0, 255, (6, 40, 53, channels))
    images = tf.constant(images, tf.float32)
    shape = patch or (40, 53)
    transforms = maps(6, channels)
    expected = by_tensorflow(images, transforms, shape, "BILINEAR", "NEAREST")
    # A place between pixels is known to 1e-5 pixels; pixels differ by up to 255.
    np.testing.assert_allclose(warp.bilinear(images, transforms, patch), expected, atol=0.02)
    by_place = warp.bilinear(images, places(transforms, *shape), patch)
    np.testing.assert_allclose(by_place, expected, atol=0.02)


@pytest.mark.parametrize("patch", [None, (17, 31)])
def test_masks_are_moved_as_tensorflow_moves_them(patch):
    masks = np.random.default_rng(0).integers(0, 200, (6, 40, 53, 1))
    masks = tf.constant(masks, tf.uint8)
    shape = patch or (40, 53)
    transforms = maps(6, 1)
    expected = by_tensorflow(masks, transforms, shape, "NEAREST", "CONSTANT")
    for given in (transforms, places(transforms, *shape)):
        moved = warp.nearest(masks, given, 255, patch)
        # Rounding decides where a place is half-way between two pixels.
        assert (moved.numpy() != expected.numpy()).mean() < 1e-3
    assert (expected.numpy() == 255).any()


# By hand: a mirror, a shift by whole pixels, and half a pixel to the right, which is the mean of
# two neighbours and at the edge, which is repeated, the edge.
@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([1, 0, 0, 0, 1, 0, 0, 0], [[1, 3, 7], [2, 4, 8]]),
        ([-1, 0, 2, 0, 1, 0, 0, 0], [[7, 3, 1], [8, 4, 2]]),
        ([1, 0, 1, 0, 1, -1, 0, 0], [[3, 7, 7], [3, 7, 7]]),
        ([1, 0, 0.5, 0, 1, 0, 0, 0], [[2, 5, 7], [3, 6, 8]]),
    ],
)
def test_moves_by_hand(numbers, expected):
    images = tf.constant([[[[1.0], [3.0], [7.0]], [[2.0], [4.0], [8.0]]]])
    moved = warp.bilinear(images, tf.constant([numbers], tf.float32))
    np.testing.assert_array_equal(moved[0, :, :, 0], expected)


def test_what_comes_into_view_of_a_mask_is_filled():
    masks = tf.constant([[[[1], [2]], [[3], [4]]]], tf.uint8)
    moved = warp.nearest(masks, tf.constant([[1.0, 0, 1, 0, 1, 0, 0, 0]]), 255)
    np.testing.assert_array_equal(moved[0, :, :, 0], [[2, 255], [4, 255]])


def test_of_no_pictures_none_are_moved():
    images, none = tf.zeros([0, 8, 8, 3]), tf.zeros([0, 8])
    assert warp.bilinear(images, none).shape == (0, 8, 8, 3)


def test_shapes_stay_known_in_a_graph():
    images = tf.TensorSpec([None, 8, 9, 3], tf.float32)
    function = tf.function(lambda images, maps: warp.bilinear(images, maps))
    graph = function.get_concrete_function(images, tf.TensorSpec([None, 8], tf.float32))
    assert graph.structured_outputs.shape.as_list() == [None, 8, 9, 3]
