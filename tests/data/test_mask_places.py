"""Where masks lie, and how they are asked for: objects, lists, colours, folders."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from drawn_masks import OBJECTS, SIZE, coloured, drawn, save
from PIL import Image, ImageFilter

from zoo.data import open_dataset, sentences
from zoo.data.formats.mask_folders import recognize
from zoo.data.pipeline import prepare_split
from zoo.errors import UserError
from zoo.preprocess import Preprocessing


def folder(root, *names, masks=()):
    for name in names:
        save(root / "images" / f"{name}.png", np.zeros((*SIZE, 3), np.uint8))
    for name in masks:
        save(root / "masks" / name, np.uint8(drawn("c") > 0))


def opened(root, **options):
    return open_dataset("mask_folders", root, validation=0, test=0, **options)


def test_masks_of_objects_belong_to_the_picture_of_the_longest_name(tmp_path):
    folder(
        tmp_path,
        *("cell", "cell_1", "7"),
        masks=("cell_0.png", "cell_1_0.png", "cell_1-1.tif", "7/0.png", "7/1.gif", "cells.png"),
    )
    dataset = opened(tmp_path)
    assert dataset.mask_names == ("background", "foreground")
    split = dataset.splits["train"]
    labels = [Path(split.label(index)).stem for index in range(3)]
    assert labels == ["7", "cell", "cell_1"]
    np.testing.assert_array_equal(split.read(tf.constant(0, tf.int64))["mask"], drawn("c") > 0)
    assert sentences(dataset.findings) == (
        "5 masks of one object each, the smaller on top: background, foreground",
        "masks without a picture: masks/cells.png",
    )


def test_parts_of_a_set_may_have_folders_of_their_own(tmp_path):
    folder(tmp_path / "north", "a", "b", masks=("a.png", "b.png"))
    folder(tmp_path / "south", "a", masks=("a.png",))
    split = opened(tmp_path).splits["train"]
    found = [split.label(index).removeprefix(f"{tmp_path}/") for index in range(split.length)]
    assert found == ["north/images/a.png", "north/images/b.png", "south/images/a.png"]
    assert recognize(tmp_path) == "there are the folders north/images and north/masks"
    assert recognize(tmp_path / "south" / "masks") is None


def test_folders_of_masks_that_are_no_pictures_names_are_classes(tmp_path):
    folder(tmp_path, "1", "2", masks=("wall/1.png", "roof/1.png", "roof/2.png", "wall/2.png"))
    save(tmp_path / "masks" / "wall" / "1.png", np.uint8(np.indices(SIZE)[1] < 2))
    dataset = opened(tmp_path)
    assert dataset.mask_names == ("background", "roof", "wall")
    expected = np.where(drawn("c") > 0, 1, 0)
    # 24 pixels, fewer than the roof's 28 + 12.
    expected[:, :2] = 2
    found = dataset.splits["train"].read(tf.constant(0, tf.int64))["mask"]
    np.testing.assert_array_equal(found, expected)


def test_a_folder_a_picture_as_the_data_science_bowl_has_them(tmp_path):
    for name in ("x", "y", "z"):
        save(tmp_path / name / "images" / f"{name}.png", np.zeros((*SIZE, 3), np.uint8))
        for number, (box, _) in enumerate(OBJECTS["a"] if name != "z" else ()):
            mask = np.zeros(SIZE, np.uint8)
            mask[box[1] : box[3], box[0] : box[2]] = 255
            save(tmp_path / name / "masks" / f"hash{number}.png", mask)
    (tmp_path / "z" / "masks").mkdir()
    save(tmp_path / "y" / "masks" / "wide.png", np.zeros((3, 3), np.uint8))
    assert recognize(tmp_path) == "there are the folders x/images and x/masks"
    dataset = opened(tmp_path)
    assert dataset.mask_names == ("background", "foreground")
    split = dataset.splits["train"]
    assert split.length == 1
    np.testing.assert_array_equal(split.read(tf.constant(0, tf.int64))["mask"], drawn("a") > 0)
    assert sentences(dataset.findings)[1:] == (
        "left out of train: y/images/y.png has 16x12 pixels, and its mask y/masks/wide.png 3x3",
        "left out of train: z/images/z.png has no mask of an object",
    )


def test_lists_are_found_and_are_splits_by_their_names(tmp_path):
    for name in "abcd":
        save(tmp_path / "x" / f"{name}.png", np.zeros((*SIZE, 3), np.uint8))
        save(tmp_path / "y" / f"{name}.png", np.uint8(drawn("c") > 0))
    (tmp_path / "train.txt").write_text("# two columns\nx/a.png y/a.png\nx/c.png\ty/c.png\n")
    (tmp_path / "val.txt").write_text("/SegNet/x/b.png /SegNet/y/b.png\n")
    (tmp_path / "notes.txt").write_text("nothing\n")
    assert recognize(tmp_path) == "train.txt has a picture and its mask in each line"
    dataset = open_dataset("mask_folders", tmp_path, test=0)
    names = {
        name: [Path(split.label(index)).stem for index in range(split.length)]
        for name, split in dataset.splits.items()
    }
    assert names == {"train": ["a", "c"], "validation": ["b"]}
    assert sentences(dataset.findings)[:2] == ("train is train.txt", "validation is val.txt")
    with pytest.raises(UserError, match=r"notes\.txt line 1 has no two columns, a picture and"):
        opened(tmp_path, pairs="notes.txt")


def test_coloured_masks_without_a_map_are_refused_with_their_colours(tmp_path):
    folder(tmp_path, "a")
    save(tmp_path / "masks" / "a.png", coloured(drawn("c")))
    with pytest.raises(UserError) as error:
        opened(tmp_path)
    # 28 and 12 of 192 pixels.
    assert str(error.value).endswith(
        'as in classes={"0,0,0": "background", "255,0,0": "road"}; masks/a.png holds 3 colours: '
        "0,0,0 (79%), 255,0,0 (15%), 0,128,255 (6%)"
    )


def test_an_unknown_colour_is_named_when_the_mask_is_read(tmp_path):
    folder(tmp_path, "a", "b", masks=("a.png",))
    save(tmp_path / "masks" / "b.png", coloured(drawn("c")))
    split = opened(tmp_path, classes={"0,0,0": "x", "1,1,1": "y"}).splits["train"]
    prepared = prepare_split(split, Preprocessing((4, 4)), ("mask",), unreadable="skip")
    ((name, why),) = prepared.left_out
    assert name.endswith("images/b.png")
    assert why.kind == "mask-unknown-id"
    assert str(why).startswith("has the mask masks/b.png, which holds 2 unknown colours in 40 pix")


def test_jpeg_masks_are_refused_and_smoothed_ones_too(tmp_path):
    folder(tmp_path, "a")
    save(tmp_path / "masks" / "a.jpg", drawn("c") * 200)
    with pytest.raises(UserError, match=r"has the mask masks/a\.jpg, which is a JPEG: its compr"):
        opened(tmp_path)
    smooth = np.kron(np.uint8(drawn("c") > 0) * 255, np.ones((8, 8), np.uint8))
    smooth = Image.fromarray(smooth).filter(ImageFilter.GaussianBlur(3))
    save(tmp_path / "masks" / "a.png", smooth)
    save(tmp_path / "images" / "a.png", np.zeros((96, 128, 3), np.uint8))
    with pytest.raises(UserError, match="values between, as smoothing or JPEG compression makes"):
        opened(tmp_path)
    # As VOC's masks are: many ids, and 255 at the edges.
    labels = np.zeros((96, 128), np.uint8)
    labels[0, :21], labels[1:20] = np.arange(21), 255
    save(tmp_path / "masks" / "a.png", labels)
    assert len(opened(tmp_path).mask_names) == 21


def test_unfit_options_are_refused(tmp_path):
    folder(tmp_path, "a", masks=("a.png",))
    for options, says in (
        ({"object_classes": {"*": "x"}, "classes": {"0": "a"}}, "leave one out"),
        ({"classes": "map.txt"}, "has no file 'map.txt', named in data.options.classes"),
        ({"pairs": "list.csv"}, "has no list 'list.csv', named in data.options.pairs"),
        ({"ignore": ["x"]}, "ignore: 'x' is no id of a mask's pixels, 0 to 255"),
    ):
        with pytest.raises(UserError, match=says):
            opened(tmp_path, **options)


def test_lists_of_masks_come_before_lists_of_boxes(tmp_path):
    folder(tmp_path, "a", "b", "c", masks=("a.png", "b.png"))
    for name, train, val in (("Main", "a\nc", "b"), ("Segmentation", "b", "a")):
        lists = tmp_path / "ImageSets" / name
        lists.mkdir(parents=True)
        (lists / "train.txt").write_text(train)
        (lists / "val.txt").write_text(val)
    dataset = open_dataset("mask_folders", tmp_path, test=0)
    labels = {name: Path(split.label(0)).name for name, split in dataset.splits.items()}
    assert labels == {"train": "b.png", "validation": "a.png"}
    assert "train is ImageSets/Segmentation/train.txt" in sentences(dataset.findings)


@pytest.mark.parametrize("train", ["train", "."], ids=["in train", "beside test"])
def test_a_test_without_masks_is_left_out(tmp_path, train):
    for number in range(10):
        picture = np.full((*SIZE, 3), number, np.uint8)
        save(tmp_path / train / "image" / f"{number}.png", picture)
        save(tmp_path / train / "label" / f"{number}.png", np.uint8(drawn("c") > 0) * 255)
        save(tmp_path / "test" / f"{number}.png", picture)
    dataset = open_dataset("auto", tmp_path)
    assert {name: split.length for name, split in dataset.splits.items()} == {
        "train": 7,
        "validation": 1,
        "test": 2,
    }
    (left_out,) = [one for one in dataset.findings if one.effect == "left out"]
    assert (left_out.kind, left_out.file) == ("missing-mask", "test")
    assert left_out.text == (
        "left out: 10 pictures in test, which has not both a folder of pictures and one of masks "
        "by usual names"
    )


def test_what_train_lacks_is_said(tmp_path):
    folder(tmp_path / "test", "a", masks=("a.png",))
    save(tmp_path / "train" / "images" / "b.png", np.zeros((*SIZE, 3), np.uint8))
    with pytest.raises(UserError, match="train has no folder of masks by a usual name"):
        opened(tmp_path)
