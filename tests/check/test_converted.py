"""Pictures that have to be converted: checked as training reads them, and for the same reasons."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from zoo.check import find_data, open_for_check
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
