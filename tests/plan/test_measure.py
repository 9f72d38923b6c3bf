"""Fingerprints of folders whose every number can be worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zoo import tasks
from zoo.data import open_dataset
from zoo.errors import UserError
from zoo.plan.measure import component_shares, measure, spread, thickness_of
from zoo.training.watch import Watch


def fingerprint(source, path, task, **options):
    task = tasks.get(task)
    dataset = open_dataset(source, path, targets=task.targets, validation=0.0, test=0.0, **options)
    return measure(dataset, task, Watch(quiet=True))


def save(path: Path, size, colour=(9, 9, 9), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (size[1], size[0]), colour)
    image.save(path, **options)
    return image


def test_classes_sizes_and_colour(tmp_path):
    sideways = Image.Exif()
    sideways[0x0112] = 6
    for number in range(4):
        save(tmp_path / f"train/a/{number}.png", (20, 10))
    # Stored 30 high and 60 wide, upright it is 60 high and 30 wide.
    save(tmp_path / "train/b/0.jpg", (30, 60), (200, 9, 9), exif=sideways)
    (tmp_path / "train/b/1.png").write_bytes(b"no picture")
    for split in ("validation", "test"):
        save(tmp_path / split / "a/0.png", (20, 10))
        save(tmp_path / split / "b/0.png", (20, 10))
    found = fingerprint("class_folders", tmp_path, "classification")
    assert found.pictures == {"train": 6, "validation": 2, "test": 2}
    assert found.counts == {"train": (4, 2), "validation": (1, 1), "test": (1, 1)}
    assert found.imbalance == 2.0
    assert found.unusable == 1
    assert found.size == (20, 10)
    assert (found.smallest, found.largest) == ((20, 10), (60, 30))
    assert not found.one_size
    assert found.aspect == (0.5, 0.5, 0.5)
    # One of five that could be read has colour.
    assert (found.channels, found.coloured) == (3, 0.2)
    assert found.boxes is None
    assert found.masks is None


def test_gray_pictures_in_colour_files_are_gray(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / f"{name}/0.png", (8, 8), (90, 90, 90))
        # As far apart as JPEG leaves gray: 10 is still gray.
        save(tmp_path / f"{name}/1.png", (8, 8), (90, 95, 100))
    found = fingerprint("class_folders", tmp_path, "classification")
    assert (found.channels, found.coloured) == (1, 0.0)
    save(tmp_path / "a/0.png", (8, 8), (90, 95, 101))
    save(tmp_path / "a/1.png", (8, 8), (90, 95, 101))
    assert fingerprint("class_folders", tmp_path, "classification").channels == 3


def test_boxes(tmp_path):
    (tmp_path / "Annotations").mkdir()
    # 10 wide and 5 high, 20 x 20, 50 x 20, in pictures 100 wide and 50 high.
    for number, (right, bottom) in enumerate(((10, 5), (20, 20), (50, 20))):
        save(tmp_path / f"images/{number}.png", (50, 100))
        (tmp_path / f"Annotations/{number}.xml").write_text(
            "<annotation><object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin>"
            f"<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object></annotation>"
        )
    found = fingerprint("voc", tmp_path, "localization")
    # Shares 50, 400 and 1,000 of 5,000 pixels; shorter sides 5, 20 and 20 of 100. Of three the
    # tenth percentile lies a fifth of the way from the first to the second: 5 + 0.2 * 15 = 8.
    assert found.boxes is not None
    assert found.boxes.share == pytest.approx(0.08)
    assert found.boxes.small == pytest.approx(0.08)
    assert found.one_size


def test_masks(tmp_path):
    for number in range(2):
        save(tmp_path / f"images/{number}.png", (10, 20))
        mask = np.zeros((10, 20), np.uint8)
        mask[:, 4:8] = 1  # a strip 4 wide, from border to border
        if number:
            mask[0:2, 16:20] = 2  # a corner of 8 pixels
            mask[9, 0:10] = 255  # ignored, 2 of them of the strip's... 4 wide, 1 high
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(mask).save(tmp_path / f"masks/{number}.png")
    classes = {"0": "a", "1": "b", "2": "c"}
    found = fingerprint("mask_folders", tmp_path, "segmentation", classes=classes)
    assert found.counts is None
    masks = found.masks
    assert masks is not None
    a, b, c = masks.regions
    # 400 pixels, 10 of them ignored; the strip has 40 and 36.
    assert masks.ignored == pytest.approx(10 / 400)
    assert b.share == pytest.approx(76 / 390)
    assert c.share == pytest.approx(8 / 390)
    assert a.share == pytest.approx((390 - 76 - 8) / 390)
    assert (a.pictures, b.pictures, c.pictures) == (1.0, 1.0, 0.5)
    # The connected regions: the strip of either picture, 40 and 36 of 200 pixels.
    assert b.component == pytest.approx(38 / 200)
    assert c.component == pytest.approx(8 / 200)
    assert c.thickness > 0


@pytest.mark.parametrize(("width", "thickness"), [(1, 2.0), (2, 2.0), (4, 4.0), (8, 8.0)])
def test_the_thickness_of_a_strip_is_its_width(width, thickness):
    inside = np.zeros((30, 20), bool)
    inside[:, 5 : 5 + width] = True
    # Pixels of a strip 4 wide lie 0.5, 1.5, 1.5 and 0.5 from its edges: 4 times their mean is 4.
    # One pixel lies half a pixel from both.
    assert thickness_of(inside) == pytest.approx(thickness)
    assert thickness_of(inside.T) == pytest.approx(thickness)


def test_what_fills_the_picture_is_as_thick_as_it():
    assert thickness_of(np.ones((6, 9), bool)) == 6.0


def test_pixels_that_touch_at_a_corner_are_one_region():
    inside = np.zeros((4, 5), bool)
    inside[0, 0] = inside[1, 1] = inside[3, 4] = True
    assert sorted(component_shares(inside)) == [1 / 20, 2 / 20]


@settings(deadline=None)
@given(st.integers(1, 5000), st.integers(1, 300))
def test_what_is_looked_at_is_spread_from_first_to_last(length, most):
    chosen = spread(length, most)
    assert len(chosen) == min(length, most)
    assert chosen[0] == 0
    assert chosen[-1] == (length - 1 if most > 1 else 0)
    if len(chosen) > 1:
        assert np.ptp(np.diff(chosen)) <= 1


def test_nothing_that_can_be_read_is_said(tmp_path):
    for name in ("a", "b"):
        for number in range(4):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / f"{number}.png").write_bytes(b"")
    with pytest.raises(UserError, match="none of the 8 pictures"):
        fingerprint("class_folders", tmp_path, "classification")
