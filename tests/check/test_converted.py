"""Pictures that have to be converted: checked as training reads them, and for the same reasons."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from zoo.check import find_data, open_for_check
from zoo.check.page import write_page
from zoo.data.pipeline import prepare_split
from zoo.errors import UserError
from zoo.preprocess import Preprocessing

ALL = {"data.test": 0, "data.validation": 0}
RANDOM = np.random.default_rng(0)


def write(path, *channels, kind=np.uint8, most=256):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = RANDOM.integers(0, most, (8, 8, *channels)).astype(kind)
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, values, photometric="rgb" if channels == (3,) else "minisblack")
    else:
        Image.fromarray(values).save(path)
    return path


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """What is converted is kept in the working directory."""
    (tmp_path / "working").mkdir()
    monkeypatch.chdir(tmp_path / "working")


@pytest.fixture
def photos(tmp_path):
    for number in range(8):
        write(tmp_path / "set" / "ab"[number % 2] / f"{number}.png", 3)
    return tmp_path / "set"


@pytest.fixture
def bands(tmp_path):
    for number in range(8):
        write(tmp_path / "set" / "ab"[number % 2] / f"{number}.npy", 5)
    return tmp_path / "set"


def reasons(checked):
    return {
        (one.file, one.effect): one.detail
        for one in checked.findings
        if one.kind == "unreadable-picture"
    }


def test_what_cannot_be_converted_is_named_with_its_reason(photos, check):
    torn = write(photos / "a" / "torn.tif", 3)
    torn.write_bytes(torn.read_bytes()[:-100])
    write(photos / "a" / "deep.tif", kind=np.float32, most=4096)
    write(photos / "b" / "bands.npy", 5)
    found = reasons(check(photos, source="class_folders", **ALL))
    assert found.keys() == {
        ("a/torn.tif", "stops"),
        ("a/deep.tif", "stops"),
        ("b/bands.npy", "stops"),
    }
    assert found["a/torn.tif", "stops"] == "is damaged or cut short"
    assert "with data.values, as in data.values=[" in found["a/deep.tif", "stops"]
    assert found["b/bands.npy", "stops"].startswith("has 5 channels, where most pictures")


def test_a_photograph_among_arrays_stops_the_check_as_it_stops_training(bands, check):
    write(bands / "a" / "photo.jpg", 3)
    why = "has 1, 3 or 4 channels, where most pictures of this set have 5"
    checked = check(bands, source="class_folders", **ALL)
    assert reasons(checked) == {("a/photo.jpg", "stops"): why}
    assert checked.affects_training
    recipe, task = find_data(str(bands), source="class_folders", overrides=ALL)
    train = open_for_check(recipe, task).dataset.splits["train"]
    with pytest.raises(UserError, match=rf"1 of the 9 .*photo\.jpg {why}"):
        prepare_split(train, Preprocessing((8, 8), 5), ("class",))


@pytest.mark.parametrize(
    "classes", [{"0": "floor", "1": "wall"}, {"0,0,0": "floor", "255,0,0": "x"}]
)
def test_a_fault_of_a_mask_is_none_of_its_picture(tmp_path, check, by_file, classes):
    colours = len(next(iter(classes))) > 1
    for number in range(4):
        write(tmp_path / "set" / "images" / f"{number}.tif", 3)
        mask = np.zeros((8, 8, 3) if colours else (8, 8), np.uint8)
        mask[:4, ..., :1] = 255 if colours else 1
        path = tmp_path / "set" / "masks" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(mask).save(path)
    path.write_bytes(path.read_bytes()[:40])
    options = {"data.options.classes": classes}
    checked = check(tmp_path / "set", source="mask_folders", **ALL, **options)
    assert by_file(checked) == {"images/3.tif": {"unreadable-mask"}}


@pytest.mark.parametrize(("name", "channels"), [("scan.tif", 3), ("bands.npy", 5)])
def test_a_picture_alone_is_converted(tmp_path, check, name, channels):
    checked = check(write(tmp_path / name, channels))
    assert checked.findings == ()
    assert [one.size for one in checked.seen] == [(8, 8)]


def test_a_picture_alone_is_refused_with_the_reason_that_training_gives(tmp_path, check):
    path = write(tmp_path / "deep.tif", kind=np.float32, most=4096)
    ((_, why),) = reasons(check(path)).items()
    assert "with data.values" in why
    assert not check(path, **{"data.values": (0.0, 4095.0)}).findings


def test_pictures_are_converted_where_the_set_cannot_be_opened(tmp_path, check, by_file):
    for number in range(3):
        write(tmp_path / "set" / f"{number}.tif", 3)
    (tmp_path / "set" / "torn.npy").write_bytes(b"\x93NUMPY")
    checked = check(tmp_path / "set", source="class_folders")
    assert by_file(checked) == {"": {"unusable-set"}, "torn.npy": {"unreadable-picture"}}
    assert {effect for _, effect in reasons(checked)} == {"stops"}


def test_what_training_does_not_read_never_stops_it(photos, check, by_file):
    (photos / "table.csv").write_text(
        "".join(f"a/{n}.png,even\nb/{n + 1}.png,odd\n" for n in (0, 2))
    )
    write(photos / "a" / "whole.tif", 3)
    (photos / "a" / "torn.tif").write_bytes(b"II*\0")
    checked = check(photos, source="csv", **ALL)
    found = by_file(checked)
    assert found["a/whole.tif"] == {"missing-label"}
    assert found["a/torn.tif"] == {"missing-label", "unreadable-picture"}
    assert {effect for _, effect in reasons(checked)} == {"left out"}


def test_what_no_split_asks_for_never_stops_training(photos, check):
    (photos / "a" / "0.png").write_bytes(b"torn")
    (photos / "a" / "train.txt").write_text("a/2.png\na/4.png\nb/1.png\nb/3.png\n")
    splits = {"train": "a/train.txt"}
    checked = check(photos, source="class_folders", **{"data.splits": splits, **ALL})
    assert "in-no-split" in {one.kind for one in checked.findings}
    assert list(reasons(checked)) == [("a/0.png", "left out")]


def test_the_page_draws_what_is_converted(photos, check, tmp_path):
    (photos / "table.csv").write_text("a/0.png,even\na/2.png,even\nb/1.png,odd\nb/3.png,odd\n")
    write(photos / "a" / "whole.tif", 3)
    page = tmp_path / "page.html"
    write_page(page, check(photos, source="csv", **ALL))
    assert 'alt="a/whole.tif: the picture"' in page.read_text()


def test_a_check_keeps_what_it_converts_for_training(bands, check):
    check(bands, source="class_folders", **ALL)
    assert len(list(Path("runs", "cache").glob("*/manifest.json"))) == 1


def test_a_check_needs_no_place_to_write_to(bands, check, monkeypatch):
    with monkeypatch.context() as patch:
        # As on a disk that may only be read, root's permissions notwithstanding.
        patch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
        assert not check(bands, source="class_folders", **ALL).findings
    assert not Path("runs").exists()
    Path("runs").write_text("a file of this name")
    assert not check(bands, source="class_folders", **ALL).findings
