import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance

from zoo.augment import Augmentation, colour
from zoo.errors import UserError

SEED = tf.constant([3, 4])


def test_brightness_and_contrast_by_hand(both, chances):
    # 0.25 * 255 * (2 * 0.75 - 1) = 31.875 is added, and clipped at 255.
    batch = {"image": np.uint8([[[[0], [100]], [[200], [250]]]])}
    bright = both(Augmentation(brightness=0.25), batch, chances(BRIGHTNESS=0.75))["image"]
    assert bright.ravel().tolist() == [31.875, 131.875, 231.875, 255.0]
    # The mean of 0, 100, 200 and 250 is 137.5; a factor of 1 + 0.4 * (2 * 0.25 - 1) = 0.8.
    flat = both(Augmentation(contrast=0.4), batch, chances(CONTRAST=0.25))["image"]
    assert flat.ravel() == pytest.approx([27.5, 107.5, 187.5, 227.5], abs=1e-3)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_contrast_is_that_of_keras(channels):
    images = np.random.default_rng(channels).uniform(0, 255, (3, 17, 23, channels))
    images = images.astype("float32")
    factor = np.float32([0.5, 1.0, 1.7])
    layer = keras.layers.RandomContrast(0.0, value_range=(0, 255), seed=0)
    expected = layer.transform_images(images, {"contrast_factor": factor[:, None, None, None]})
    np.testing.assert_allclose(colour.contrast(images, tf.constant(factor)), expected, atol=1e-3)


def test_each_example_gets_its_own_colours(both, chances):
    batch = {"image": np.full((3, 2, 2, 1), 100, np.uint8)}
    image = both(Augmentation(brightness=0.2), batch, chances(3, BRIGHTNESS=[0, 0.5, 0.75]))[
        "image"
    ]
    assert image[:, 0, 0, 0] == pytest.approx([49, 100, 125.5])


@pytest.mark.parametrize("draw", [0.0, 0.3, 0.99])
def test_saturation_is_pillow_s(both, chances, pictures, draw):
    batch = {"image": pictures(height=16, width=16)}
    augment = Augmentation(saturation=0.8)
    image = both(augment, batch, chances(SATURATION=draw))["image"][0]
    factor = 1 + 0.8 * (2 * draw - 1)
    expected = ImageEnhance.Color(Image.fromarray(batch["image"][0])).enhance(factor)
    # Pillow rounds the gray value and the result.
    assert np.abs(image - np.asarray(expected)).max() <= 1.5


@pytest.mark.parametrize("channels", [1, 4, 5])
def test_saturation_needs_three_channels(chances, pictures, channels):
    with pytest.raises(UserError, match=f"3 channels, not {channels}"):
        Augmentation(saturation=0.1)({"image": pictures(channels=channels)}, chances(), SEED)


def test_noise_depends_on_the_seed_alone(both, chances):
    batch = {"image": np.full((2, 64, 64, 3), 128, np.uint8)}
    augment = Augmentation(noise=10)
    image = both(augment, batch, chances(2))["image"]
    again = augment(batch, chances(2, FLIP=0.1), SEED)["image"].numpy()
    other = augment(batch, chances(2), SEED + 1)["image"].numpy()
    assert np.array_equal(image, again)
    assert not np.array_equal(image, other)
    # 24,576 draws: the mean is within 5 standard errors of 128, the deviation near 10.
    assert abs(image.mean() - 128) < 5 * 10 / 24576**0.5
    assert image.std() == pytest.approx(10, rel=0.03)


def test_switching_one_option_leaves_the_others_draws_alone(pictures):
    batch = {"image": pictures(3)}
    uniforms = np.random.default_rng(0).random((3, 27 + 72), np.float32)
    assert Augmentation(flip=True).draws == Augmentation(flip=True, zoom=0.3).draws == 27
    # What bends pictures comes last, and only where it is asked for.
    assert Augmentation(flip=True, elastic=0.01).draws == 27 + 72
    flipped = Augmentation(flip=True)(batch, uniforms[:, :27], SEED)["image"].numpy()
    brighter = Augmentation(flip=True, brightness=0.1)(batch, uniforms[:, :27], SEED)["image"]
    delta = 25.5 * (2 * uniforms[:, 6] - 1)
    expected = np.clip(flipped + delta[:, np.newaxis, np.newaxis, np.newaxis], 0, 255)
    assert np.abs(brighter - expected).max() < 1e-3
    bent = Augmentation(flip=True, elastic=1e-6)(batch, uniforms, SEED)["image"].numpy()
    assert np.abs(bent - flipped).max() < 0.1
