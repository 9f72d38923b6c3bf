"""Patches laid around pixels of the foreground, in masks drawn by hand."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.augment import Augmentation
from zoo.preprocess import IGNORE

SEED = tf.constant([0, 0])
HEIGHT, WIDTH = 12, 16
PATCH = (4, 6)
BACKGROUND = 2


def draw(mask, count, background=BACKGROUND, seed=0, **options):
    """Cuts patches of one mask, drawn anew each time; its pixels number the picture's."""
    random = np.random.default_rng(seed)
    mask = np.asarray(mask, np.uint8)
    numbers = np.arange(mask.size, dtype=np.float32).reshape(mask.shape)
    augment = Augmentation(patch=PATCH, **options)
    batch = {
        "image": np.repeat(numbers[None, ..., None], count, 0),
        "mask": np.repeat(mask[None], count, 0),
        "foreground": np.float32(
            np.concatenate([np.full((count, 1), background), random.random((count, 2))], 1)
        ),
        "index": np.arange(count),
    }
    uniforms = random.random((count, augment.draws), np.float32)
    # Eagerly each patch would be a call of its own.
    cut = tf.function(augment, autograph=False)(batch, tf.constant(uniforms), SEED)
    assert set(cut) == {"image", "mask", "index"}
    return cut["image"].numpy()[..., 0], cut["mask"].numpy()


def blank():
    return np.full((HEIGHT, WIDTH), BACKGROUND, np.uint8)


CORNERS = [(0, 0), (0, WIDTH - 1), (HEIGHT - 1, 0), (HEIGHT - 1, WIDTH - 1), (5, 9)]


@pytest.mark.parametrize("place", CORNERS)
def test_every_patch_holds_the_only_pixel_of_foreground(place):
    mask = blank()
    mask[place] = 1
    mask[3, 3] = IGNORE
    image, cut = draw(mask, 200)
    assert cut.shape == (200, *PATCH)
    assert np.all(np.sum(cut == 1, axis=(1, 2)) == 1)
    # Picture and mask are cut alike: the number of the pixel of class 1.
    assert np.all(image[cut == 1] == place[0] * WIDTH + place[1])


# Centred: 4 // 2 = 2 rows above the pixel and 6 // 2 = 3 columns left of it.
def test_the_patch_is_centred_as_far_as_the_border_allows():
    mask = blank()
    mask[5, 9] = 1
    image, _ = draw(mask, 3)
    assert np.all(image[:, 0, 0] == 3 * WIDTH + 6)
    mask = blank()
    mask[11, 1] = 1
    image, _ = draw(mask, 3)
    assert np.all(image[:, 0, 0] == 8 * WIDTH + 0)


def test_classes_are_chosen_evenly_and_pixels_within_them():
    """Class 0 has 1 pixel, class 1 has 4, class 4 has 15: each is looked for a third of times."""
    mask = blank()
    mask[1, 2] = 0
    mask[1, 8:12] = 1
    mask[8:11, 4:9] = 4
    image, _ = draw(mask, 3000)
    rows, columns = np.divmod(image[:, 0, 0].astype(int), WIDTH)
    # At the top the border holds patches in row 0; class 4's centres are in rows 8 to 10, of
    # which the first rows are 6 to 8, and columns 4 to 8 begin in 1 to 5.
    of_four = rows >= 6
    assert np.mean(of_four) == pytest.approx(1 / 3, abs=0.035)
    cells = np.histogram2d(rows[of_four], columns[of_four], [np.arange(6, 10), np.arange(1, 7)])[0]
    assert cells.sum() == of_four.sum()
    assert cells.min() > 0.5 * of_four.sum() / 15
    of_zero = ~of_four & (columns == 0)
    assert np.mean(of_zero) == pytest.approx(1 / 3, abs=0.035)
    of_one = columns[~of_four & ~of_zero]
    assert np.bincount(of_one, minlength=9)[5:9] / len(of_one) == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("filled", [BACKGROUND, IGNORE])
def test_without_foreground_patches_lie_anywhere(filled):
    mask = np.full((HEIGHT, WIDTH), filled, np.uint8)
    looked, _ = draw(mask, 300)
    anywhere, _ = draw(mask, 300, background=-1)
    np.testing.assert_array_equal(looked, anywhere)
    # All 9 x 11 places.
    assert len(np.unique(looked[:, 0, 0])) > 80


def test_a_patch_that_looks_for_nothing_lies_as_ever():
    mask = blank()
    mask[5, 9] = 1
    _, cut = draw(mask, 400, background=-1)
    # The pixel is in 4 * 6 of 9 * 11 places.
    assert np.mean(np.any(cut == 1, axis=(1, 2))) == pytest.approx(24 / 99, abs=0.08)


def test_the_pixel_is_found_wherever_the_picture_is_moved():
    """A blob survives turning; a patch holds foreground whenever the moved mask has some."""
    mask = blank()
    mask[4:8, 6:10] = 1
    options = {"flip": True, "vertical_flip": True, "rotate": 180, "zoom": 0.3, "translate": 0.3}
    _, cut = draw(mask, 400, **options)
    assert np.all(np.any(cut == 1, axis=(1, 2)))
    assert not np.all(np.any(draw(mask, 400, background=-1, **options)[1] == 1, axis=(1, 2)))


def test_rows_of_a_batch_are_laid_by_their_own_wishes_inside_tf_data():
    mask = blank()
    mask[0, 0] = 1
    batch = {
        "image": np.zeros((4, HEIGHT, WIDTH, 1), np.uint8),
        "mask": np.repeat(mask[None], 4, 0),
        "foreground": np.float32(
            [[BACKGROUND, 0, 0], [-1, 0, 0], [-1, 0, 0], [BACKGROUND, 0.9, 0.9]]
        ),
    }
    augment = Augmentation(patch=PATCH)
    uniforms = np.full((4, augment.draws), 0.99, np.float32)
    data = tf.data.Dataset.from_tensors((batch, uniforms))
    data = data.map(lambda batch, uniforms: augment(batch, uniforms, SEED))
    assert data.element_spec["mask"].shape.as_list() == [4, *PATCH]
    (cut,) = data
    assert np.any(cut["mask"] == 1, axis=(1, 2)).tolist() == [True, False, False, True]
    eager = augment(batch, tf.constant(uniforms), SEED)
    np.testing.assert_array_equal(eager["mask"], cut["mask"])
