"""Picture, mask and box stay true to each other: every option alone, and all at once."""

from dataclasses import fields

import numpy as np
import pytest
from scipy import ndimage

from zoo.augment import Augmentation
from zoo.preprocess import IGNORE

COUNT, HEIGHT, WIDTH = 200, 96, 128
PATCH = (72, 96)
# What hides and mixes pictures has tests of its own.
FIELDS = [
    field.name
    for field in fields(Augmentation)
    if field.name not in ("erase", "mixup", "cutmix", "box_shape")
]
RECTANGLE = {"box_shape": "rectangle"}

ALONE = {
    "flip": {"flip": True},
    "vertical_flip": {"vertical_flip": True},
    "rotate": {"rotate": 15, **RECTANGLE},
    "shear": {"shear": 10, **RECTANGLE},
    "perspective": {"perspective": 0.4, **RECTANGLE},
    "elastic": {"elastic": 0.03, **RECTANGLE},
    "zoom": {"zoom": 0.3},
    "translate": {"translate": 0.4},
    "crop": {"crop": 0.5},
    "patch": {"patch": PATCH},
    "brightness": {"brightness": 0.25},
    "contrast": {"contrast": 0.5},
    "saturation": {"saturation": 0.5},
    "noise": {"noise": 8},
    "keep": {"keep": 0.9, "translate": 0.4, **RECTANGLE},
    "hue": {"hue": 0.1},
    "blur": {"blur": 0.5},
    "sharpen": {"sharpen": 2},
    "jpeg": {"jpeg": 60},
}
TOGETHER = {
    "flip": True,
    "vertical_flip": True,
    "rotate": 5,
    "zoom": 0.1,
    "translate": 0.05,
    "crop": 0.1,
    "brightness": 0.15,
    "contrast": 0.3,
    "saturation": 0.3,
    "noise": 5,
    "keep": 0.9,
    "shear": 3,
    "perspective": 0.05,
    "elastic": 0.01,
    "hue": 0.05,
    "blur": 0.5,
    "sharpen": 1,
    **RECTANGLE,
}


def scenes():
    """One bright shape a picture, with its mask and box, around the centre."""
    rng = np.random.default_rng(1)
    edges = np.round(rng.uniform([32, 24, 68, 52], [60, 44, 96, 72], (COUNT, 4)))
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    inside = []
    for x0, y0, x1, y1 in edges:
        inside.append((x > x0) & (x < x1) & (y > y0) & (y < y1))
    shape = np.stack(inside)
    image = np.where(shape[..., np.newaxis], [220, 180, 200], [20, 60, 40])
    return {
        "image": image.astype(np.uint8),
        "mask": np.where(shape, 3, 1).astype(np.uint8),
        "box": (edges / [WIDTH, HEIGHT, WIDTH, HEIGHT]).astype(np.float32),
    }


def uniforms(augment):
    return np.random.default_rng(2).random((COUNT, augment.draws), np.float32)


def extent(shape):
    rows, columns = np.flatnonzero(shape.any(1)), np.flatnonzero(shape.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def seen(image):
    """The bright shape of a picture, whatever its colours became."""
    gray = image.mean(-1)
    return gray > (gray.min() + gray.max()) / 2


def assert_aligned(image, mask):
    """Picture and mask differ only in pixels that the shape's edge runs through, and seldom."""
    # What came into view is unknown, never a class that was not there.
    assert set(np.unique(mask)) <= {1, 3, IGNORE}
    shape = mask == 3
    disagree = seen(image) ^ shape
    around = np.ones((3, 3), bool)
    edge = ndimage.binary_dilation(shape, around) & ~ndimage.binary_erosion(shape, around)
    assert not (disagree & ~edge).any()
    assert disagree.sum() <= 0.2 * 2 * (np.ptp(extent(shape).reshape(2, 2), axis=0)).sum()


def assert_true(moved):
    """Box, mask and picture agree within a pixel, and over all examples have no bias."""
    errors = []
    for image, mask, box in zip(moved["image"], moved["mask"], moved["box"], strict=True):
        assert_aligned(image, mask)
        expected = box * [WIDTH, HEIGHT, WIDTH, HEIGHT]
        errors.append([extent(mask == 3) - expected, extent(seen(image)) - expected])
    assert np.abs(errors).max() <= 1
    # Half a pixel forgotten somewhere would shift all edges of an axis one way.
    assert np.abs(np.mean(errors, axis=0).reshape(2, 2, 2).mean(axis=1)).max() < 0.1


@pytest.mark.parametrize("name", [*FIELDS, "all", "all, and a patch"])
def test_picture_mask_and_box_stay_true(both, name):
    options = {"all": TOGETHER, "all, and a patch": TOGETHER | {"patch": PATCH}, **ALONE}[name]
    augment = Augmentation(**options)
    if name in FIELDS:
        assert getattr(augment, name) != getattr(Augmentation(), name)
    batch = scenes()
    if augment.patch:
        del batch["box"]
    moved = both(augment, batch, uniforms(augment))
    assert not np.array_equal(moved["image"], batch["image"])
    if augment.patch:
        assert moved["image"].shape == (COUNT, *PATCH, 3)
        assert moved["mask"].shape == (COUNT, *PATCH)
        for image, mask in zip(moved["image"], moved["mask"], strict=True):
            assert_aligned(image, mask)
    elif augment.moves:
        assert_true(moved)
        assert not np.array_equal(moved["box"], batch["box"])
    else:
        assert np.array_equal(moved["box"], batch["box"])
        assert np.array_equal(moved["mask"], batch["mask"])
        for image, mask in zip(moved["image"], batch["mask"], strict=True):
            assert np.array_equal(seen(image), mask == 3)


def test_all_at_once_is_all():
    # A JPEG makes steps of the last digit's differences between a graph and none.
    assert {*TOGETHER, "patch", "jpeg"} == {*FIELDS, "box_shape"}


def test_bare_patches_are_exact_copies_from_all_over_the_picture(both):
    batch = scenes()
    # Numbers that tell every place from every other.
    batch["image"] = np.random.default_rng(0).integers(0, 256, batch["image"].shape, np.uint8)
    batch["mask"] = batch["image"][..., 0]
    del batch["box"]
    augment = Augmentation(patch=PATCH)
    moved = both(augment, batch, uniforms(augment))
    assert np.array_equal(moved["mask"], moved["image"][..., 0])
    corners = []
    for image, patch in zip(batch["image"], moved["image"], strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(image[..., 0], PATCH)
        # The first row tells where; the rest must follow.
        found = np.argwhere((windows[:, :, 0] == patch[0, :, 0]).all(-1))
        assert len(found) == 1
        y, x = found[0]
        assert np.array_equal(image[y : y + PATCH[0], x : x + PATCH[1]], patch)
        corners.append(found[0])
    # 96 - 72 + 1 = 25 places down and 128 - 96 + 1 = 33 across, drawn 200 times: a place is
    # missed with a chance of (24/25)^200 = 0.0003 or (32/33)^200 = 0.002.
    down, across = np.transpose(corners)
    assert set(down) == set(range(25))
    assert set(across) == set(range(33))


@pytest.mark.parametrize("option", ["translate", "crop"])
def test_keep_is_the_least_share_of_a_box_in_view(both, option):
    batch = scenes()
    augment = Augmentation(keep=0.8, **RECTANGLE, **{option: 0.6})
    moved = both(augment, batch, uniforms(augment))
    still = (moved["box"] == batch["box"]).all(1)
    # Some are left alone, some are cut and some are moved as a whole.
    assert 20 < still.sum() < COUNT - 20
    assert np.array_equal(moved["image"][still], batch["image"][still])
    area = {
        name: (b["box"][:, 2:] - b["box"][:, :2]).prod(1)
        for name, b in (("before", batch), ("after", moved))
    }
    # A crop enlarges, by 1 / (1 - 0.6 u) along each axis.
    draws = uniforms(augment)[:, 9:11]
    scale = (1 / (1 - 0.6 * draws)).prod(1) if option == "crop" else 1.0
    kept = area["after"] / (area["before"] * scale)
    assert kept[~still].min() >= 0.8 - 1e-4
    assert ((kept < 0.99) & ~still).any()
