"""MixUp and CutMix."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from zoo.augment import Augmentation
from zoo.augment.mixing import mix
from zoo.augment.regions import rest


def seed(number):
    return tf.constant([5, number])


def plain(count, size=32, **targets):
    """Pictures each of one value of its own, so that a mixed pixel tells whence it is."""
    values = np.arange(count, dtype=np.float32)
    image = np.broadcast_to(values[:, None, None, None], (count, size, size, 1))
    return {"image": image, "class": np.arange(count, dtype=np.int32), **targets}


def test_mixup_blends_pictures_as_it_weighs_classes(both, chances):
    batch = plain(8)
    mixed = both(Augmentation(mixup=0.4), batch, chances(8))
    share = mixed["share"]
    assert np.array_equal(mixed["class"], batch["class"])
    # A partner of each one's own, and never itself.
    assert sorted(mixed["other_class"]) == list(range(8))
    assert (mixed["other_class"] != batch["class"]).all()
    expected = share * batch["class"] + (1 - share) * mixed["other_class"]
    np.testing.assert_allclose(mixed["image"][:, 0, 0, 0], expected, atol=1e-5)
    assert np.ptp(mixed["image"], axis=(1, 2, 3)).max() == 0
    assert ((share >= 0.5) & (share <= 1)).all()


@pytest.mark.parametrize("alpha", [0.4, 1.0, 3.0])
def test_shares_are_beta_distributed(alpha):
    batch = {"image": np.zeros((4000, 1, 1, 1), np.float32), "class": np.zeros(4000, np.int32)}
    share = mix(batch, seed(1), alpha, 0.0, 0.5)["share"].numpy()
    beta = stats.beta(alpha, alpha)
    # The larger part of one or the other: twice the upper half of the distribution.
    assert stats.kstest(share, lambda x: 2 * beta.cdf(x) - 1).pvalue > 0.01


def test_cutmix_pastes_as_much_as_it_weighs_classes(both, chances):
    batch = plain(64)
    mixed = both(Augmentation(cutmix=1.0), batch, chances(64))
    own = (mixed["image"] == batch["image"]).mean((1, 2, 3))
    np.testing.assert_allclose(own, mixed["share"], atol=1e-6)
    assert own.min() >= 0.45
    assert own.max() > own.min() + 0.3
    for picture, one, other in zip(
        mixed["image"][..., 0], mixed["class"], mixed["other_class"], strict=True
    ):
        pasted = picture != one
        assert (picture[pasted] == other).all()
        rows, columns = np.flatnonzero(pasted.any(1)), np.flatnonzero(pasted.any(0))
        # A rectangle, without a hole.
        assert pasted.sum() == len(rows) * len(columns)


def test_masks_are_pasted_with_their_pictures(both, chances):
    masks = np.broadcast_to(np.arange(8, dtype=np.uint8)[:, None, None], (8, 32, 32))
    batch = {"image": plain(8)["image"], "mask": masks}
    mixed = both(Augmentation(cutmix=1.0), batch, chances(8))
    assert mixed.keys() == {"image", "mask"}
    assert np.array_equal(mixed["image"][..., 0], mixed["mask"])
    assert not np.array_equal(mixed["mask"], masks)
    # Blended, both masks count; a coin decides which way.
    mixed = both(Augmentation(mixup=1.0, cutmix=1.0), batch, chances(8))
    blended = mixed["share"] < 1
    assert 0 < blended.sum() < 8
    assert np.array_equal(mixed["mask"][blended], masks[blended])
    assert np.array_equal(mixed["image"][~blended][..., 0], mixed["mask"][~blended])
    np.testing.assert_allclose(
        mixed["image"][blended][:, 0, 0, 0],
        mixed["share"][blended] * masks[blended, 0, 0]
        + (1 - mixed["share"][blended]) * mixed["other_mask"][blended, 0, 0],
        atol=1e-5,
    )


def test_boxes_are_those_of_what_is_visible(both, chances):
    rng = np.random.default_rng(0)
    low = rng.integers(0, 20, (200, 2))
    box = np.concatenate([low, low + rng.integers(4, 13, (200, 2))], -1)
    y, x = np.mgrid[:32, :32] + 0.5
    objects = np.stack([(x > a) & (x < c) & (y > b) & (y < d) for a, b, c, d in box])
    # An object shows as its picture's number and a half.
    image = plain(200)["image"] + 0.5 * objects[..., None]
    batch = plain(200) | {"image": image, "box": (box / 32).astype(np.float32)}
    keep = 0.3
    mixed = both(Augmentation(cutmix=1.0, keep=keep), batch, chances(200))
    swapped, empty = 0, 0
    for number, picture in enumerate(mixed["image"][..., 0]):
        one, other = mixed["class"][number], mixed["other_class"][number]
        visible = {which: picture == which + 0.5 for which in (one, other)}
        parts = {which: v.sum() / objects[which].sum() for which, v in visible.items()}
        counted = {which: part if part >= keep else 0 for which, part in parts.items()}
        if not sum(counted.values()):
            pytest.fail("no object is left")
        share = counted[one] / sum(counted.values())
        assert mixed["share"][number] == pytest.approx(share, abs=1e-5)
        assert share >= 0.5
        swapped += one != number
        empty += share == 1
        for which, found, weight in (
            (one, mixed["box"][number], share),
            (other, mixed["other_box"][number], 1 - share),
        ):
            if weight:
                rows, columns = (np.flatnonzero(visible[which].any(axis)) for axis in (1, 0))
                expected = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
                np.testing.assert_allclose(found * 32, expected, atol=1e-4)
    assert swapped > 5
    assert 20 < empty < 195


# What is left of 0..1 by 0..1: nothing cut by a rectangle in a corner; an end by one across it.
def test_the_box_of_what_is_left():
    box = tf.constant([[0.0, 0.0, 1.0, 1.0]])
    for rectangle, expected in (
        ([0, 0, 0.5, 0.5], [0, 0, 1, 1]),
        ([0, 0, 1, 0.25], [0, 0.25, 1, 1]),
        ([0, 0.5, 1, 1], [0, 0, 1, 0.5]),
        ([-1, -1, 0.3, 2], [0.3, 0, 1, 1]),
        ([0.75, 0, 1, 1], [0, 0, 0.75, 1]),
        ([0.25, 0, 0.75, 1], [0, 0, 1, 1]),
        ([2, 0, 3, 1], [0, 0, 1, 1]),
        ([0, 0, 0, 0], [0, 0, 1, 1]),
    ):
        found = rest(box, tf.constant([rectangle], tf.float32))[0]
        np.testing.assert_allclose(found, expected)


def test_mixup_weighs_both_boxes(both, chances):
    box = np.float32([[0.1, 0.1, 0.4, 0.5], [0.3, 0.2, 0.9, 0.8]])
    mixed = both(Augmentation(mixup=0.2), plain(2, box=box), chances(2))
    assert np.array_equal(mixed["box"], box)
    assert np.array_equal(mixed["other_box"], box[::-1])
    assert np.array_equal(mixed["other_class"], [1, 0])


def test_what_is_mixed_follows_from_the_seed_alone(chances):
    batch, augment = plain(16), Augmentation(mixup=1.0, cutmix=1.0)
    first = augment(batch, chances(16), seed(1))
    again = augment(batch, chances(16, FLIP=0.1), seed(1))
    other = augment(batch, chances(16), seed(2))
    for name in first:
        assert np.array_equal(first[name], again[name])
    assert not np.array_equal(first["share"], other["share"])


@pytest.mark.parametrize("count", [0, 1])
def test_nobody_to_mix_with(both, chances, count):
    batch = plain(count, box=np.tile(np.float32([0.2, 0.2, 0.8, 0.8]), (count, 1)))
    mixed = both(Augmentation(mixup=1.0, cutmix=1.0), batch, chances(count))
    for name in batch:
        np.testing.assert_allclose(mixed[name], batch[name], atol=1e-6)
