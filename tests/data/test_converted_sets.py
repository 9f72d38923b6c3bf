"""Data sets of TIFF and NumPy pictures: what they give, what is said, what is left out."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tifffile
from PIL import Image
from written_pictures import pixels, write

from zoo.data import open_dataset, sentences
from zoo.data.files.pictures import look_at
from zoo.data.pipeline import evaluation_batches, prepare_split
from zoo.errors import UserError
from zoo.preprocess import Preprocessing


def class_folders(root: Path, suffix: str, make) -> Path:
    for label in ("a", "b"):
        for number in range(4):
            write(root / label / f"{number}{suffix}", make())
    return root


def test_a_set_of_tiffs_gives_the_batches_that_pngs_of_the_same_pixels_give(tmp_path):
    tiffs = class_folders(tmp_path / "set" / "tif", ".tif", lambda: pixels(9, 12, 3))
    for path in tiffs.rglob("*.tif"):
        array = tifffile.imread(path)
        write(tmp_path / "set" / "png" / path.parent.name / f"{path.stem}.png", array)
        # Some of each, and under a wrong name.
        mixed = tmp_path / "set" / "mixed" / path.parent.name / f"{path.stem}.jpg"
        mixed.parent.mkdir(parents=True, exist_ok=True)
        if int(path.stem) % 2:
            mixed.write_bytes(path.read_bytes())
        else:
            Image.fromarray(array).save(mixed, "PNG")
    found = []
    for kind in ("tif", "png", "mixed"):
        dataset = open_dataset(
            "class_folders",
            tmp_path / "set" / kind,
            splits={"train": "all"},
            validation=0,
            test=0,
            cache=tmp_path / "cache",
        )
        prepared = prepare_split(
            dataset.splits["train"],
            Preprocessing((6, 8)),
            ("class",),
            budget_bytes=0 if kind == "mixed" else 2**30,
        )
        (batch,) = evaluation_batches(prepared, batch_size=8)
        found.append({key: value.numpy() for key, value in batch.items()})
    for other in found[1:]:
        for key, value in found[0].items():
            np.testing.assert_array_equal(value, other[key], err_msg=key)


def test_a_corrupt_picture_marks_its_own_example(tmp_path):
    root = class_folders(tmp_path / "set", ".tif", lambda: pixels(9, 12, 3))
    bad = root / "a" / "2.tif"
    bad.write_bytes(bad.read_bytes()[:200])
    dataset = open_dataset("class_folders", root, validation=0, test=0, cache=tmp_path / "cache")
    split, preprocessing = dataset.splits["train"], Preprocessing((6, 8))
    with pytest.raises(UserError, match=r"1 of the 8 .*a/2.tif is damaged or cut short"):
        prepare_split(split, preprocessing, ("class",))
    for budget in (2**30, 0):
        prepared = prepare_split(
            split, preprocessing, ("class",), unreadable="skip", budget_bytes=budget
        )
        ((name, reason),) = prepared.left_out
        assert name.endswith("a/2.tif")
        assert reason.kind == "unreadable-picture"
        assert prepared.length == 7
        assert sum(len(b["class"]) for b in evaluation_batches(prepared, batch_size=3)) == 7


def test_pictures_of_other_channels_than_most_are_named(tmp_path):
    root = class_folders(tmp_path / "set", ".npy", lambda: pixels(9, 12, 5))
    write(root / "a" / "0.npy", pixels(9, 12, 6))
    write(root / "b" / "3.png", pixels(9, 12, 3))
    dataset = open_dataset("class_folders", root, validation=0, test=0, cache=tmp_path / "cache")
    prepared = prepare_split(
        dataset.splits["train"], Preprocessing((6, 8), 5), ("class",), unreadable="skip"
    )
    assert {name[-7:]: str(why) for name, why in prepared.left_out} == {
        "a/0.npy": "has 6 channels, where most pictures of this set have 5",
        "b/3.png": "has 1, 3 or 4 channels, where most pictures of this set have 5",
    }
    (batch,) = evaluation_batches(prepared, batch_size=8)
    assert batch["image"].shape == (7, 6, 8, 5)


def test_lost_precision_is_said_with_the_range_that_is_used(tmp_path):
    root = class_folders(tmp_path / "set", ".tif", lambda: np.uint16([[5, 4000]]))
    write(root / "a" / "4.png", np.uint16([[5, 4000]]))
    dataset = open_dataset("class_folders", root, cache=tmp_path / "cache")
    (said,) = (text for text in sentences(dataset.findings) if "scaled" in text)
    assert said.startswith("scaled from 16 bits to 8, so that 0 is 0 and 65535 is 255")
    assert "a/0.tif (5 to 4000)" in said
    assert "a/4.png" in said
    dataset = open_dataset("class_folders", root, cache=tmp_path / "cache", values=(0, 4095))
    split = dataset.splits["train"]
    image = tf.io.decode_png(split.read(tf.constant(0, tf.int64))["image"])
    # 5 * 255 / 4095 = 0.31, 4000 * 255 / 4095 = 249.08.
    assert image[0, :, 0].numpy().tolist() == [0, 249]


def test_boxes_go_by_the_upright_size_of_a_tiff(voc_folder, tmp_path):
    path = voc_folder.root / "JPEGImages" / "a.tif"
    tifffile.imwrite(path, pixels(10, 20, 3), extratags=[(274, "H", 1, 6, True)])
    (look,) = look_at([path])
    assert (look.kind, look.stored, look.size, look.orientation) == ("TIFF", (10, 20), (20, 10), 6)
    # Drawn on the picture as stored, 20 wide and 10 high; turned by 90 degrees it is 10 x 20.
    voc_folder.xml("a", ("cat", 1, 1, 10, 5))
    voc_folder.good("b", "c")
    dataset = open_dataset("voc", voc_folder.root, validation=0, test=0, cache=tmp_path / "cache")
    example = dataset.splits["train"].read(tf.constant(0, tf.int64))
    # Edges (0, 0, 10, 5) of 20 x 10, turned clockwise: x = 10 - y, y = x: (5, 0, 10, 10).
    assert example["box"].numpy().tolist() == [0.5, 0, 1, 0.5]
    assert tf.io.decode_png(example["image"]).shape == (20, 10, 3)


@pytest.mark.parametrize("channels", [3, 5])
def test_windows_are_cut_out_of_converted_pictures(voc_folder, tmp_path, channels):
    whole = pixels(10, 20, channels)
    np.save(voc_folder.root / "JPEGImages" / "a.npy", whole)
    voc_folder.xml("a", ("cat", 1, 1, 5, 5), ("dog", 12, 1, 18, 5))
    dataset = open_dataset(
        "voc", voc_folder.root, objects="crop", validation=0, test=0, cache=tmp_path / "cache"
    )
    split = dataset.splits["train"]
    assert split.length == 2
    for index, window in enumerate((whole[:, :11], whole[:, 5:])):
        image = split.read(tf.constant(index, tf.int64))["image"]
        image = image if channels == 5 else tf.io.decode_png(image)[..., :3]
        assert np.array_equal(image, window)
