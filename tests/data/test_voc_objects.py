"""Pascal VOC folders: several objects in a picture, splits, and what real folders hold."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from zoo.data import open_dataset, sentences
from zoo.data.pipeline import prepare_split
from zoo.errors import UserError
from zoo.preprocess import Preprocessing, decode_image

TARGETS = ("class", "box")


def open_all(folder, **options):
    options = {"targets": TARGETS, "validation": 0, "test": 0, **options}
    return open_dataset("voc", folder.root, **options)


def read(dataset, split="train"):
    """Name below the pictures' folder, class's name, box and picture of each example."""
    found = dataset.splits[split]
    examples = [found.read(tf.constant(i, tf.int64)) for i in range(found.length)]
    return {
        found.label(i).partition("JPEGImages/")[2]: (
            dataset.label_names[int(example["class"])],
            example["box"].numpy(),
            decode_image(example["image"]).numpy(),
        )
        for i, example in enumerate(examples)
    }


def two_objects(folder):
    """Two objects apart from each other, 40x30 pixels: edges 0, 0, 10, 10 and 20, 10, 30, 25."""
    folder.good("a", "b", label="dog")
    folder.xml("two", ("cat", 1, 1, 10, 10), ("dog", 21, 11, 30, 25), size=(40, 30))
    return folder.picture("two.png", (40, 30))


def test_the_largest_of_several_objects_is_taken(voc_folder):
    two_objects(voc_folder)
    dataset = open_all(voc_folder)
    # 10 x 15 is more than 10 x 10.
    label, box, picture = read(dataset)["two.png"]
    assert label == "dog"
    np.testing.assert_allclose(box, [20 / 40, 10 / 30, 30 / 40, 25 / 30], rtol=1e-6)
    assert picture.shape == (30, 40, 3)
    assert sentences(dataset.findings) == (
        "1 picture holds several objects, the largest is taken: JPEGImages/two.png (2)",
    )


def test_pictures_of_several_objects_are_skipped_and_named(voc_folder):
    two_objects(voc_folder)
    voc_folder.picture("more.png")
    voc_folder.xml("more", ("cat", 1, 1, 4, 4), ("cat", 1, 1, 4, 4), ("cat", 1, 1, 4, 4))
    dataset = open_all(voc_folder, objects="skip")
    assert set(read(dataset)) == {"a.png", "b.png"}
    assert sentences(dataset.findings) == (
        "2 pictures hold several objects, such pictures are left out: "
        "JPEGImages/more.png (3), JPEGImages/two.png (2)",
        "left out of train: JPEGImages/more.png holds 3 objects, and pictures of several are "
        "skipped",
        "left out of train: JPEGImages/two.png holds 2 objects, and pictures of several are "
        "skipped",
    )


def test_each_object_is_cut_out_whole_without_the_others(voc_folder):
    path = two_objects(voc_folder)
    original = decode_image(path.read_bytes()).numpy()
    found = read(open_all(voc_folder, objects="crop"))
    assert set(found) == {"a.png", "b.png", "two.png object 1", "two.png object 2"}
    # What each may keep: left of the other, 30 rows by 20 columns (more than the 10 rows
    # above it by 40); right of the other, 30 by 30 (more than the 20 rows below it by 40).
    for name, label, edges, window in (
        ("two.png object 1", "cat", (0, 0, 10, 10), (0, 0, 20, 30)),
        ("two.png object 2", "dog", (20, 10, 30, 25), (10, 0, 40, 30)),
    ):
        left, top, right, bottom = window
        says, box, picture = found[name]
        assert says == label
        np.testing.assert_array_equal(picture, original[top:bottom, left:right])
        width, height = right - left, bottom - top
        np.testing.assert_allclose(
            box * (width, height, width, height) + (left, top, left, top), edges, atol=1e-5
        )


def test_objects_are_cut_out_of_the_upright_picture_in_tf_data(voc_folder):
    voc_folder.good("a")
    # Stored 20 wide and 10 high, upright 10 wide and 20 high, where the boxes are drawn.
    path = voc_folder.picture("turned.png", orientation=6)
    voc_folder.xml("turned", ("cat", 1, 1, 10, 8), ("cat", 1, 13, 10, 20), size=(10, 20))
    split = open_all(voc_folder, objects="crop").splits["train"]
    upright = decode_image(path.read_bytes()).numpy()
    pictures = [decode_image(e["image"]) for e in tf.data.Dataset.range(3).map(split.read)]
    np.testing.assert_array_equal(pictures[1], upright[:12])
    np.testing.assert_array_equal(pictures[2], upright[8:])


def test_overlapping_objects_are_not_cut_out(voc_folder):
    voc_folder.good("a")
    voc_folder.picture("three.png", (40, 30))
    voc_folder.picture("both.png", (40, 30))
    three = ("cat", 1, 1, 10, 10), ("cat", 10, 1, 15, 10), ("cat", 21, 1, 30, 10)
    voc_folder.xml("three", *three, size=(40, 30))
    voc_folder.xml("both", *three[:2], size=(40, 30))
    dataset = open_all(voc_folder, objects="crop")
    assert set(read(dataset)) == {"a.png", "three.png object 3"}
    assert sentences(dataset.findings) == (
        "Annotations/both.xml: left out: object 1 (cat) overlaps another",
        "Annotations/both.xml: left out: object 2 (cat) overlaps another",
        "Annotations/three.xml: left out: object 1 (cat) overlaps another",
        "Annotations/three.xml: left out: object 2 (cat) overlaps another",
        "2 pictures hold several objects, each object that no other overlaps is cut out as an "
        "example of its own: JPEGImages/both.png (2), JPEGImages/three.png (3)",
        "left out of train: JPEGImages/both.png holds 2 objects that overlap, of which none can "
        "be cut out",
    )


def test_a_cut_out_of_a_damaged_picture_is_named_as_damaged(voc_folder):
    two_objects(voc_folder)
    path = voc_folder.picture("two.png", (40, 30))
    path.write_bytes(path.read_bytes()[:-200])
    split = open_all(voc_folder, objects="crop").splits["train"]
    with pytest.raises(UserError, match=r"two\.png object 1 is damaged .*object 2 is"):
        prepare_split(split, Preprocessing((4, 4)), TARGETS)


def test_only_the_objects_of_the_classes_asked_for_count(voc_folder):
    two_objects(voc_folder)
    voc_folder.good("c", label="cat")
    dataset = open_all(voc_folder, classes=["cat", "cot"])
    assert dataset.label_names == ("cat",)
    found = read(dataset)
    np.testing.assert_allclose(found["two.png"][1], [0, 0, 10 / 40, 10 / 30], rtol=1e-6)
    assert set(found) == {"c.png", "two.png"}
    assert sentences(dataset.findings) == (
        "no object is of class 'cot'; did you mean 'cat'?",
        "left out of train: JPEGImages/a.png has the annotation Annotations/a.xml: it names no "
        "object of cat, cot",
        "left out of train: JPEGImages/b.png has the annotation Annotations/b.xml: it names no "
        "object of cat, cot",
    )


def test_lists_under_image_sets_are_the_splits(voc_folder):
    voc_folder.good("a", "b", "c", "d")
    lists = voc_folder.root / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for name, text in (("train", "a\nb"), ("val", "c"), ("test", "d\ngone"), ("trainval", "a\nc")):
        (lists / f"{name}.txt").write_text(text)
    dataset = open_all(voc_folder)
    assert {name: list(read(dataset, name)) for name in dataset.splits} == {
        "train": ["a.png", "b.png"],
        "validation": ["c.png"],
        "test": ["d.png"],
    }
    assert sentences(dataset.findings)[-1] == (
        "left out of test: gone is listed in ImageSets/Main/test.txt, but there is no such picture"
    )


def test_folders_of_pictures_are_the_splits(voc_folder):
    voc_folder.good("train/a", "train/b", "val/c", "test/a")
    dataset = open_all(voc_folder)
    assert {name: list(read(dataset, name)) for name in dataset.splits} == {
        "train": ["train/a.png", "train/b.png"],
        "validation": ["val/c.png"],
        "test": ["test/a.png"],
    }
    voc_folder.good("d")
    with pytest.raises(UserError, match=r"has a folder JPEGImages/train, and JPEGImages/d\.png"):
        open_all(voc_folder)
    assert open_all(voc_folder, splits={"train": "all"}).splits["train"].length == 5
    (voc_folder.root / "JPEGImages" / "d.png").unlink()
    voc_folder.good("valid/d")
    with pytest.raises(UserError, match=r"two folders for validation: .*val and .*valid; name"):
        open_all(voc_folder)


def test_the_parts_of_a_picture_stay_in_one_split(voc_folder):
    for index in range(20):
        voc_folder.picture(f"{index}.png")
        voc_folder.xml(str(index), ("cat", 1, 1, 9, 9), ("dog", 11, 1, 20, 9))
    # By name: these pictures are alike, and the same content goes to one split.
    dataset = open_all(voc_folder, objects="crop", test=0.2, validation=0.1, divide="name")
    pictures = {
        name: {split.label(i).partition(" object")[0] for i in range(split.length)}
        for name, split in dataset.splits.items()
    }
    assert {name: len(found) for name, found in pictures.items()} == {
        "train": 14,
        "validation": 2,
        "test": 4,
    }
    assert len(set.union(*pictures.values())) == 20


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"images": "photos"}, "has no folder 'photos', which holds the pictures"),
        ({"annotations": ".."}, r"has no folder '\.\.', which holds the annotations"),
        ({"objects": "all"}, "'all'"),
        ({"clases": ["cat"]}, "did you mean 'classes'"),
    ],
)
def test_unfit_options_are_refused_in_one_sentence(voc_folder, options, says):
    voc_folder.good("a", "b")
    with pytest.raises(UserError, match=says) as error:
        open_all(voc_folder, **options)
    assert "\n" not in str(error.value)


def test_pictures_and_annotations_may_lie_side_by_side(voc_folder):
    for name in ("a", "b"):
        voc_folder.picture(f"../{name}.png")
        voc_folder.xml(f"../{name}", ("cat", 1, 1, 10, 5))
    assert open_all(voc_folder, images=".", annotations=".").splits["train"].length == 2
    shutil.rmtree(voc_folder.root / "JPEGImages")
    shutil.rmtree(voc_folder.root / "Annotations")
    assert open_all(voc_folder).splits["train"].length == 2


REAL = [
    ("bccd_BloodImage_00338.jpg", "bccd_BloodImage_00338_zero_area_box.xml"),
    ("fruit_apple_1_is_PNG_RGBA.jpg", "fruit_apple_1_xml_size_0x0.xml"),
    ("kangaroo_00090_truncated.jpg", "kangaroo_00090_truncated.xml"),
    ("raccoon-150_grayscale_L.jpg", "raccoon-150_grayscale_L.xml"),
]


def test_the_oddities_of_real_folders_are_mended_or_named(voc_folder, real_data):
    for picture, xml in REAL:
        source = real_data / "oddities"
        shutil.copy(source / picture, voc_folder.root / "JPEGImages" / f"{picture[:8]}.jpg")
        shutil.copy(source / xml, voc_folder.root / "Annotations" / f"{picture[:8]}.xml")
    pets = real_data / "oxford_pets_3breeds"
    shutil.copy(pets / "images/Bengal_105.jpg", voc_folder.root / "JPEGImages")
    shutil.copy(
        real_data / "oddities/pets_Bengal_105_two_objects.xml",
        voc_folder.root / "Annotations/Bengal_105.xml",
    )
    half = (real_data / "oddities/raccoon-150_grayscale_L.xml").read_text()[:400]
    (voc_folder.root / "Annotations/raccoon-.xml").write_text(half)
    dataset = open_all(voc_folder)
    split = dataset.splits["train"]
    found = {
        split.label(i).rpartition("/")[2]: split.read(tf.constant(i, tf.int64))["box"]
        for i in range(split.length)
    }
    for name, edges, size in (
        # Of 62 x 43 and 54 x 29 pixels the first cat; written 49, 125, 111, 168.
        ("Bengal_105.jpg", (48, 124, 111, 168), (500, 466)),
        # The white cell; written 244, 327, 509, 480.
        ("bccd_Blo.jpg", (243, 326, 509, 480), (640, 480)),
        # Written 8, 15, 331, 349 for a picture of 0x0.
        ("fruit_ap.jpg", (7, 14, 331, 349), (349, 349)),
    ):
        np.testing.assert_allclose(found[name], np.divide(edges, (*size, *size)), rtol=1e-6)
    notes = "\n".join(sentences(dataset.findings))
    assert "JPEGImages/fruit_ap.jpg (PNG)" in notes
    assert "Annotations/bccd_Blo.xml: left out: object 13 (RBC): a box of no width" in notes
    assert "JPEGImages/Bengal_105.jpg (2), JPEGImages/bccd_Blo.jpg (13)" in notes
    assert "JPEGImages/raccoon-.jpg has the annotation Annotations/raccoon-.xml, which is" in notes
    with pytest.raises(UserError, match=r"1 of the 4 .*kangaroo\.jpg is damaged or cut short"):
        prepare_split(split, Preprocessing((32, 32)), TARGETS)
