"""What is found in small folders of every kind of fault, and that nothing else is."""

import io

import numpy as np
import pytest
from PIL import Image

from zoo.data import open_dataset
from zoo.errors import UserError

ALL = {"data.test": 0, "data.validation": 0}
XML = (
    "<annotation><size><width>{0}</width><height>{1}</height></size>{2}</annotation>",
    "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>"
    "</bndbox></object>",
)


def draw(path, seed=0, size=(20, 10), orientation=1, kind=None, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(path, kind, exif=exif)
    return path


def annotate(path, *objects, size=(20, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(XML[0].format(*size, "".join(XML[1].format(*one) for one in objects)))


def test_boxes_pictures_and_partners(tmp_path, check, by_file):
    pictures, xmls = tmp_path / "images", tmp_path / "xmls"
    box = ("cat", 1, 1, 10, 5)
    for number, name in enumerate(("good", "turned", "swapped", "outside", "flat", "torn")):
        orientation = 6 if name == "turned" else 1
        path = draw(pictures / f"{name}.jpg", number, orientation=orientation)
    path.write_bytes(path.read_bytes()[:-200])
    annotate(xmls / "good.xml", box)
    annotate(xmls / "turned.xml", box)
    annotate(xmls / "swapped.xml", ("cat", 10, 5, 1, 1))
    annotate(xmls / "outside.xml", ("cat", 5, 5, 30, 8), ("cat", 40, 40, 50, 50))
    annotate(xmls / "flat.xml", ("cat", 3, 3, 3, 9))
    annotate(xmls / "torn.xml", box)
    annotate(xmls / "nobody.xml", box)
    (xmls / "unread.xml").write_text("<annotation>")
    draw(pictures / "unread.png", 6)
    draw(pictures / "alone.png", 7)
    draw(pictures / "gray.png", 8, mode="L")
    annotate(xmls / "gray.xml", box)
    checked = check(tmp_path, **ALL)
    assert by_file(checked) == {
        "images/turned.jpg": {"orientation-turned"},
        "images/swapped.jpg": {"corners-swapped"},
        "images/outside.jpg": {"box-outside"},
        "images/flat.jpg": {"box-no-area"},
        "images/torn.jpg": {"truncated-picture"},
        "images/unread.png": {"unreadable-annotation"},
        "images/alone.png": {"missing-annotation"},
        "images/gray.png": {"other-channels"},
        "xmls/nobody.xml": {"missing-picture"},
    }
    effects = {(one.kind, one.effect) for one in checked.findings}
    assert ("corners-swapped", "mended") in effects
    assert ("box-no-area", "left out") in effects
    assert ("truncated-picture", "stops") in effects
    # Flat, unread and alone have nothing to be learnt; the others have a class each.
    assert checked.labels.classes == {"train": {"cat": 6}}
    # Good 10x5, swapped the same: each 50 of 200 pixels.
    assert checked.labels.box_shares.count(0.25) >= 2


@pytest.fixture
def masked(tmp_path):
    """Five pictures with masks of 0 and 1, and places for more."""
    ids = np.zeros((10, 20), np.uint8)
    ids[:, :5] = 1
    for number in range(5):
        draw(tmp_path / "images" / f"{number}.png", number)
        path = tmp_path / "masks" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(ids).save(path)
    return tmp_path


def test_masks_are_counted_and_their_faults_named(masked, check, by_file):
    options = {"data.options.classes": {"0": "floor", "1": "wall"}}
    masks = masked / "masks"
    Image.fromarray(np.zeros((10, 20), np.uint8)).save(masks / "1.png")
    Image.fromarray(np.full((10, 20), 7, np.uint8)).save(masks / "2.png")
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(masks / "3.png")
    half = np.full((10, 20), 255, np.uint8)
    half[5:] = 1
    half[5:, 0] = 0
    Image.fromarray(half).save(masks / "4.png")
    checked = check(masked, source="mask_folders", **ALL, **options)
    assert by_file(checked) == {
        "images/1.png": {"mask-one-class"},
        "images/2.png": {"mask-unknown-id"},
        "images/3.png": {"mask-size"},
    }
    # Of 200 pixels each: 150 and 50, 200 and 0, 5 and 95 with 100 ignored.
    assert checked.labels.mask_pixels == {"train": {"floor": 355, "wall": 145, "ignored": 100}}
    assert checked.labels.mask_pictures == {"train": {"floor": 3, "wall": 2, "ignored": 1}}


def test_masks_are_taken_for_no_pictures_and_files_of_nobodys_are_named(masked, check, by_file):
    (masked / "images" / "Thumbs.db").write_bytes(b"")
    (masked / "images" / "notes.txt").write_text("seen on Monday")
    (masked / "images" / "scan.mat").write_bytes(b"MATLAB")
    (masked / "images" / "5.dat").write_bytes((masked / "images" / "0.png").read_bytes())
    (masked / "images" / "phone.HEIC").write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00")
    (masked / "images" / "web.avif").write_bytes(b"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00")
    (masked / "__MACOSX").mkdir()
    (masked / "__MACOSX" / "0.png").write_bytes(b"\x00\x05\x16\x07")
    Image.new("L", (20, 10)).save(masked / "masks" / "9.png")
    (masked / ".git").mkdir()
    (masked / ".git" / "HEAD.png").write_bytes(b"")
    checked = check(masked, source="mask_folders", **ALL)
    assert len(checked.seen) == 5
    assert by_file(checked) == {
        # Of the whole folder: what the format passed over, by their endings.
        "images": {"other-files"},
        "images/Thumbs.db": {"system-file"},
        "images/scan.mat": {"other-files"},
        "images/5.dat": {"extension-mismatch"},
        "images/phone.HEIC": {"unreadable-picture"},
        "images/web.avif": {"unreadable-picture"},
        "__MACOSX/0.png": {"system-file"},
        "masks/9.png": {"missing-picture"},
    }
    (phone,) = [one for one in checked.findings if one.file == "images/phone.HEIC"]
    assert (phone.detail, phone.effect) == ("HEIC", "left out")
    assert "save them as JPEG" in phone.text


def test_pictures_that_others_take_for_damaged_mislead_and_one_colour_is_said(
    tmp_path, check, by_file
):
    for number in range(4):
        draw(tmp_path / "ab"[number % 2] / f"{number}.png", number)
    file = io.BytesIO()
    Image.new("P", (9, 9), 3).save(file, "GIF")
    # The screen that a GIF claims is larger than the picture in it.
    claims = bytearray(file.getvalue())
    claims[6] = 90
    (tmp_path / "a" / "part.gif").write_bytes(claims)
    Image.new("RGB", (9, 9), "navy").save(tmp_path / "b" / "blank.png")
    checked = check(tmp_path, source="class_folders", **ALL)
    assert by_file(checked)["b/blank.png"] == {"blank-picture"}
    assert "damaged-picture" in by_file(checked)["a/part.gif"]
    (damaged,) = [one for one in checked.findings if one.kind == "damaged-picture"]
    assert damaged.detail == "claims 90x9 pixels, and holds 9x9"
    assert damaged.effect == "misleads"


def test_what_is_in_no_folder_of_a_data_set_is_read_all_the_same(tmp_path, check, by_file):
    draw(tmp_path / "a.png", 1)
    (tmp_path / "b.png").write_bytes(b"no picture")
    checked = check(tmp_path, source="class_folders")
    assert by_file(checked) == {"": {"unusable-set"}, "b.png": {"unreadable-picture"}}
    alone = check(tmp_path / "b.png")
    assert by_file(alone) == {"b.png": {"unreadable-picture"}}
    assert alone.splits == {}


def test_a_class_that_is_held_out_alone_hides_no_other_fault(tmp_path, check, by_file):
    names = [f"train/{label}{number}" for label in ("cat", "dog") for number in range(2)]
    for seed, name in enumerate([*names, "test/eel0", "test/eel1"]):
        draw(tmp_path / "images" / f"{name}.png", seed)
        annotate(tmp_path / "xmls" / f"{name}.xml", (name[-4:-1], 1, 1, 10, 5))
    annotate(tmp_path / "xmls" / "train" / "cat0.xml", ("cat", 10, 5, 1, 1))
    annotate(tmp_path / "xmls" / "test" / "eel0.xml", ("eel", 5, 5, 30, 8))
    checked = check(tmp_path, source="voc", **{"data.validation": 0})
    assert by_file(checked) == {
        # Of the other classes there is no picture in test.
        "": {"unusable-set", "class-absent"},
        "images/train/cat0.png": {"corners-swapped"},
        "images/test/eel0.png": {"box-outside"},
    }
    (unusable,) = [one for one in checked.findings if one.kind == "unusable-set"]
    assert "class 'eel' of" in unusable.text
    assert unusable.effect == "stops"
    assert checked.splits == {"train": 4, "test": 2}
    with pytest.raises(UserError, match=r"'eel' of .* has no picture to train on"):
        open_dataset("voc", tmp_path, validation=0)


def test_pictures_of_no_class_are_read_and_named(tmp_path, check, by_file):
    for number in range(4):
        draw(tmp_path / "ab"[number % 2] / f"{number}.png", number)
    draw(tmp_path / "a" / "more" / "5.png", 5)
    (tmp_path / "a" / "more" / "6.png").write_bytes(b"no picture")
    draw(tmp_path / "7.png", 7)
    checked = check(tmp_path, source="class_folders", **ALL)
    assert by_file(checked) == {
        "": {"other-files"},
        "a/more/5.png": {"missing-label"},
        "a/more/6.png": {"missing-label", "unreadable-picture"},
        "7.png": {"missing-label"},
    }
    assert {one.effect for one in checked.findings if one.file} == {"left out"}
    assert len(checked.seen) == 7
    assert checked.affects_training
