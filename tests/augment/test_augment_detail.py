"""Hue, blur, sharpening, JPEG and erasing."""

import colorsys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance
from scipy import ndimage

from zoo.augment import Augmentation
from zoo.errors import UserError
from zoo.preprocess import IGNORE

SEED = tf.constant([3, 4])


# Twice 0.25 of the way from 0 to 1, less half: a quarter of 2/3 of the circle back, 1/3 in all
# where the chance is 0: red becomes blue, and where it is nearly 1, green. Gray stays.
def test_hue_turns_colours(both, chances, pictures):
    colours = np.uint8([[[255, 0, 0], [10, 200, 30]], [[90, 90, 90], [0, 0, 0]]])
    batch = {"image": np.tile(colours, (2, 1, 1, 1))}
    image = both(Augmentation(hue=1 / 3), batch, chances(2, HUE=[0.0, 1 - 2**-20]))["image"]
    expected = [
        [[[0, 0, 255], [200, 30, 10]], [[90, 90, 90], [0, 0, 0]]],
        [[[0, 255, 0], [30, 10, 200]], [[90, 90, 90], [0, 0, 0]]],
    ]
    np.testing.assert_allclose(image, expected, atol=0.01)
    batch = {"image": pictures(height=4, width=4)}
    image = both(Augmentation(hue=0.2), batch, chances(HUE=0.75))["image"]
    for given, found in zip(batch["image"].reshape(-1, 3), image.reshape(-1, 3), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(given / 255))
        turned = colorsys.hsv_to_rgb((hue + 0.1) % 1, saturation, value)
        np.testing.assert_allclose(found, np.array(turned) * 255, atol=0.02)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_blur_is_scipy_s_over_the_pixels_that_there_are(both, chances, pictures, channels):
    batch = {"image": pictures(3, channels=channels)}
    sigmas = [0.0, 0.8, 1.5]
    # Up to 2 pixels, thus 6 to either side; the pictures are of 6 x 8.
    image = both(Augmentation(blur=2), batch, chances(3, BLUR=np.array(sigmas) / 2))["image"]
    np.testing.assert_allclose(image[0], batch["image"][0], atol=1e-3)

    def filtered(values, sigma):
        options = {"sigma": sigma, "radius": 6, "axes": (0, 1), "mode": "constant"}
        return ndimage.gaussian_filter(values.astype(np.float64), **options)

    for row in (1, 2):
        known = filtered(np.ones((6, 8, channels)), sigmas[row])
        expected = filtered(batch["image"][row], sigmas[row]) / known
        np.testing.assert_allclose(image[row], expected, atol=2e-3)


# The mean of the middle's nine pixels is 40 / 9, so that 40 is 35.56 above it, and twice that is
# added: 111.1. Its neighbours are 4.44 below theirs, or 40 / 6 at the middle of an edge, or 10 in
# a corner: they end below 0.
def test_sharpening_by_hand(both, chances):
    image = np.zeros((1, 3, 3, 2), np.uint8)
    image[0, 1, 1] = 40
    sharp = both(Augmentation(sharpen=4), {"image": image}, chances(SHARPEN=0.5))["image"]
    assert sharp[0, 1, 1] == pytest.approx([40 + 2 * (40 - 40 / 9)] * 2, abs=1e-3)
    assert sharp.sum() == pytest.approx(sharp[0, 1, 1].sum())
    # Nothing is dark beyond the border: an even picture stays even.
    even = {"image": np.full((1, 4, 5, 1), 80, np.uint8)}
    assert both(Augmentation(sharpen=4), even, chances(SHARPEN=0.9))["image"] == pytest.approx(80)


def test_sharpening_is_pillow_s(both, chances, pictures):
    # Pillow smooths with weights of 1/13, 5/13 in the middle: 9/13 of the distance to the mean.
    batch = {"image": (pictures(height=9, width=9) // 4 + 96).astype(np.uint8)}
    image = both(Augmentation(sharpen=2 * 9 / 13), batch, chances(SHARPEN=0.5))["image"][0]
    expected = ImageEnhance.Sharpness(Image.fromarray(batch["image"][0])).enhance(2.0)
    inner = np.s_[1:-1, 1:-1]
    assert np.abs(image[inner] - np.asarray(expected, np.float32)[inner]).max() <= 2


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_tensorflow_s_of_the_quality_drawn(both, chances, pictures, channels):
    batch = {"image": pictures(3, height=16, width=24, channels=channels)}
    # Of the 51 qualities from 100 down to 50: the first, the 26th and the last.
    changed = both(Augmentation(jpeg=50), batch, chances(3, JPEG=[0.0, 0.5, 0.99]))["image"]
    for row, quality in enumerate([100, 75, 50]):
        coded = tf.io.encode_jpeg(batch["image"][row], quality=quality)
        assert np.array_equal(changed[row], tf.io.decode_jpeg(coded, channels))


@pytest.mark.parametrize(
    ("options", "channels", "named"),
    [
        ({"hue": 0.1}, 1, "hue needs pictures of 3 channels, not 1; set hue=0"),
        ({"hue": 0.1}, 5, "hue needs pictures of 3 channels, not 5"),
        ({"jpeg": 10}, 4, "jpeg needs pictures of 1 or 3 channels, not 4; set jpeg=0"),
        ({"jpeg": 10}, 5, "not 5"),
    ],
)
def test_channels_without_the_thing_are_refused(chances, pictures, options, channels, named):
    with pytest.raises(UserError, match=named):
        Augmentation(**options)({"image": pictures(channels=channels)}, chances(), SEED)


# Half of 0.5 is a quarter of the area; a square, since 0.5 is the middle of the aspects: of a
# picture of 8 x 8, 4 x 4 pixels. A quarter of the four places left over is 1 down, three
# quarters 3 across.
def test_erasing_by_hand(both, chances, pictures):
    batch = {
        "image": pictures(height=8, width=8, channels=5),
        "mask": np.arange(64, dtype=np.uint8).reshape(1, 8, 8),
        "box": np.float32([[0, 0, 0.5, 1]]),
    }
    columns = {"ERASE_AREA": 0.5, "ERASE_ASPECT": 0.5, "ERASE_Y": 0.25, "ERASE_X": 0.75}
    erased = both(Augmentation(erase=0.5), batch, chances(**columns))
    where = np.zeros((8, 8), bool)
    where[1:5, 3:7] = True
    mean = batch["image"][0].mean((0, 1))
    np.testing.assert_allclose(erased["image"][0][where], np.tile(mean, (16, 1)), atol=1e-3)
    assert np.array_equal(erased["image"][0][~where], batch["image"][0][~where])
    assert np.array_equal(erased["mask"][0], np.where(where, IGNORE, batch["mask"][0]))
    assert np.array_equal(erased["box"], batch["box"])


# Three times as high as wide: of a twelfth of 12 x 12 pixels, 12, it is 2 wide and 6 high.
def test_erased_rectangles_are_up_to_three_times_as_high_as_wide(both, chances):
    batch = {"image": np.zeros((2, 12, 12, 1), np.uint8), "mask": np.zeros((2, 12, 12), np.uint8)}
    uniforms = chances(2, ERASE_AREA=0.5, ERASE_ASPECT=[0.0, 1 - 2**-20], ERASE_X=0, ERASE_Y=0)
    mask = both(Augmentation(erase=1 / 6), batch, uniforms)["mask"]
    sizes = [((m == IGNORE).any(0).sum(), (m == IGNORE).any(1).sum()) for m in mask]
    assert sizes == [(6, 2), (2, 6)]


# A square over the left half of a box hides half of it: with keep 0.5 it may, with 0.6 not.
def test_nothing_is_erased_that_would_hide_too_much_of_an_object(both, chances, pictures):
    batch = {"image": pictures(height=8, width=8), "box": np.float32([[0.25, 0.25, 0.75, 0.5]])}
    columns = {"ERASE_AREA": 0.5, "ERASE_ASPECT": 0.5, "ERASE_Y": 0.0, "ERASE_X": 0.0}
    for keep, hidden in ((0.5, True), (0.6, False)):
        image = both(Augmentation(erase=0.5, keep=keep), batch, chances(**columns))["image"]
        assert np.array_equal(image, batch["image"]) != hidden
