"""Pascal VOC annotations: what is read from one, and what is done about each fault."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.data import open_dataset, sentences
from zoo.data.files.objects import turn_box
from zoo.data.pipeline import prepare_split
from zoo.errors import UserError
from zoo.preprocess import Preprocessing, decode_image, orient

TARGETS = ("class", "box")


def open_all(folder, **options):
    """Opens everything as one split, so that it matters only what is left out."""
    options = {"targets": TARGETS, "validation": 0, "test": 0, **options}
    return open_dataset("voc", folder.root, **options)


def boxes(dataset, split="train"):
    found = dataset.splits[split]
    examples = [found.read(tf.constant(i, tf.int64)) for i in range(found.length)]
    start = len(str(folder_of(found))) + 1
    return {found.label(i)[start:]: e["box"].numpy() for i, e in enumerate(examples)}


def folder_of(split):
    return split.label(0).partition("/JPEGImages/")[0] + "/JPEGImages"


def test_class_and_box_are_read_eagerly_and_in_tf_data(voc_folder):
    voc_folder.picture("b.png", (20, 10))
    voc_folder.xml("b", ("dog", 3, 2, 12, 10))
    voc_folder.good("a")
    dataset = open_all(voc_folder)
    assert dataset.targets == {"class", "box"}
    assert dataset.label_names == ("cat", "dog")
    assert sentences(dataset.findings) == ()
    split = dataset.splits["train"]
    assert split.counts == (1, 1)
    traced = list(tf.data.Dataset.range(2).map(split.read))
    # Pixels count from 1 and both corners are inside: edges 2, 1, 12, 10 of 20x10.
    for example in (traced[1], split.read(tf.constant(1, tf.int64))):
        assert example["class"].numpy() == 1
        np.testing.assert_allclose(example["box"], [2 / 20, 1 / 10, 12 / 20, 1], rtol=1e-6)
        assert example["box"].dtype == tf.float32
        assert example["image"].numpy() == (voc_folder.root / "JPEGImages/b.png").read_bytes()


# The picture is 20 wide and 10 high; the expected box is in pixels, None if it is left out.
FAULTS = {
    "partly outside": (
        [("cat", 11, 6, 30, 10)],
        # The edges are 10, 5, 30, 10; of 20 columns the last ends at 20.
        (10, 5, 20, 10),
        "Annotations/odd.xml: object 1 (cat): its box (11, 6, 30, 10) clipped to the picture",
    ),
    "from zero": (
        [("cat", 0, 0, 10, 10)],
        (0, 0, 10, 10),
        "Annotations/odd.xml: object 1 (cat): its box (0, 0, 10, 10) clipped to the picture",
    ),
    "swapped": (
        [("cat", 10, 10, 1, 6)],
        (0, 5, 10, 10),
        "Annotations/odd.xml: object 1 (cat): swapped corners put right",
    ),
    "wholly outside": (
        [("cat", 21, 1, 30, 5)],
        None,
        "object 1 (cat): its box (21, 1, 30, 5) lies outside the 20x10 pixels",
    ),
    "no width": ([("cat", 4, 1, 4, 5)], None, "object 1 (cat): a box of no width"),
    "no height": ([("cat", 1, 4, 5, 4)], None, "object 1 (cat): a box of no height"),
    "no number": ([("cat", "a", 1, 4, 5)], None, "object 1 (cat) has no box of four numbers"),
    "nan": ([("cat", "nan", 1, 4, 5)], None, "object 1 (cat) has no box of four numbers"),
    "infinite": ([("cat", 1, 1, "inf", 5)], None, "object 1 (cat) has no box of four numbers"),
    "empty": ([("cat", 1, 1, "", 5)], None, "object 1 (cat) has no box of four numbers"),
    "no name": ([(" ", 1, 1, 4, 5)], None, "object 1 has no name"),
    "no object": ([], None, "it names no object"),
    # The faulty one comes first: the other one's number is its place in the file.
    "one of two": (
        [("", 1, 1, 4, 5), ("cat", 4, 1, 4, 5), ("cat", 1, 1, 20, 10)],
        (0, 0, 20, 10),
        "Annotations/odd.xml: left out: object 2 (cat): a box of no width",
    ),
}


@pytest.mark.parametrize(("objects", "box", "note"), FAULTS.values(), ids=FAULTS)
def test_every_faulty_box_is_mended_or_left_out_and_named(voc_folder, objects, box, note):
    voc_folder.good("a", "b")
    voc_folder.picture("odd.png")
    voc_folder.xml("odd", *objects)
    dataset = open_all(voc_folder)
    found = boxes(dataset)
    if box is None:
        start = "left out of train: JPEGImages/odd.png has the annotation Annotations/odd.xml: "
        assert sentences(dataset.findings) == (start + note,)
        assert set(found) == {"a.png", "b.png"}
    else:
        assert note in sentences(dataset.findings)
        np.testing.assert_allclose(found["odd.png"], np.divide(box, (20, 10, 20, 10)), rtol=1e-6)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("<annotation><object><na", "which is no whole XML (unclosed token: line 1, column 20)"),
        ("", "which is no whole XML (no element found: line 1, column 0)"),
        ('<?xml version="1.0" encoding="utf-77"?><annotation/>', "which cannot be read ("),
        ("<html/>", "Annotations/odd.xml: it names no object"),
    ],
    ids=["cut short", "empty", "unknown encoding", "other xml"],
)
def test_a_file_that_is_no_annotation_is_named(voc_folder, content, says):
    voc_folder.good("a", "b")
    voc_folder.picture("odd.png")
    voc_folder.xml("odd").write_text(content)
    (note,) = sentences(open_all(voc_folder).findings)
    assert note.startswith("left out of train: JPEGImages/odd.png has the annotation Annotations/")
    assert says in note


def test_pictures_without_annotation_and_annotations_without_picture_are_named(voc_folder):
    voc_folder.good("a", "b")
    voc_folder.picture("sub/alone.png")
    voc_folder.xml("gone", ("cat", 1, 1, 4, 4), filename="c:\\data\\gone.jpg")
    voc_folder.xml("nameless", ("cat", 1, 1, 4, 4))
    voc_folder.xml("broken").write_text("<annotation>")
    (voc_folder.root / "Annotations" / "._a.xml").write_text("hidden")
    dataset = open_all(voc_folder)
    assert set(boxes(dataset)) == {"a.png", "b.png"}
    assert sentences(dataset.findings) == (
        "annotation left out: Annotations/broken.xml is no whole XML "
        "(no element found: line 1, column 12)",
        "annotation left out: Annotations/gone.xml names the picture 'gone.jpg', "
        "which is not there",
        "annotation left out: Annotations/nameless.xml has no picture of its name, and names none",
        "left out of train: JPEGImages/sub/alone.png has no annotation Annotations/sub/alone.xml",
    )


def test_an_annotation_finds_its_picture_by_place_then_by_name_then_by_what_it_says(voc_folder):
    voc_folder.picture("sub/a.png")
    voc_folder.xml("sub/a", ("place", 1, 1, 10, 5))
    # Comes first in order, and would take the picture by its name.
    voc_folder.xml("a", ("name", 1, 1, 10, 5))
    voc_folder.picture("sub/b.png")
    voc_folder.xml("b", ("name", 1, 1, 10, 5))
    voc_folder.picture("c.png")
    voc_folder.xml("17", ("said", 1, 1, 10, 5), filename="c.png")
    dataset = open_all(voc_folder)
    split = dataset.splits["train"]
    found = [int(split.read(tf.constant(i, tf.int64))["class"]) for i in range(3)]
    assert dataset.label_names == ("name", "place", "said")
    assert [split.label(i)[-5:] for i in range(3)] == ["c.png", "a.png", "b.png"]
    assert found == [2, 1, 0]
    assert sentences(dataset.findings) == (
        "annotation left out: Annotations/a.xml is for JPEGImages/sub/a.png, "
        "which has Annotations/sub/a.xml",
    )


def test_of_two_pictures_of_one_name_the_annotation_says_which(voc_folder):
    voc_folder.picture("a.png")
    voc_folder.picture("a.bmp")
    voc_folder.xml("a", ("cat", 1, 1, 10, 5), filename="a.png")
    voc_folder.good("b")
    assert set(boxes(open_all(voc_folder))) == {"a.png", "b.png"}


def test_a_size_of_zero_says_nothing_and_another_pictures_size_is_a_fault(voc_folder):
    voc_folder.good("a")
    voc_folder.picture("zero.png")
    voc_folder.xml("zero", ("cat", 1, 1, 20, 5), size=(0, 0))
    voc_folder.picture("other.png")
    voc_folder.xml("other", ("cat", 1, 1, 20, 5), size=(30, 40))
    dataset = open_all(voc_folder)
    found = boxes(dataset)
    np.testing.assert_allclose(found["zero.png"], [0, 0, 1, 0.5])
    assert "other.png" not in found
    assert sentences(dataset.findings) == (
        "Annotations/zero.xml: says that its picture has 0x0 pixels, not heeded",
        "left out of train: JPEGImages/other.png has the annotation Annotations/other.xml, "
        "which is for a picture of 30x40 pixels, not 20x10",
    )


def test_without_targets_asked_for_an_example_without_object_is_kept_and_marked(voc_folder):
    voc_folder.good("a")
    voc_folder.picture("alone.png")
    dataset = open_all(voc_folder, targets=None)
    example = dataset.splits["train"].read(tf.constant(1, tf.int64))
    assert example["class"].numpy() == -1
    assert np.isnan(example["box"]).all()
    prepared = prepare_split(dataset.splits["train"], Preprocessing((4, 4)), TARGETS)
    assert prepared.length == 1
    assert "alone.png" in prepared.left_out[0][0]


@pytest.mark.parametrize(
    ("content", "says", "objects"),
    [
        (b"", "is empty", "largest"),
        (b"<html>", "is not a JPEG, PNG, BMP", "crop"),
        (b"<html>", "is not a JPEG, PNG, BMP", "skip"),
    ],
)
def test_a_picture_whose_header_cannot_be_read_is_never_silently_lost(
    voc_folder, content, says, objects
):
    voc_folder.good("a", "b")
    voc_folder.picture("odd.png").write_bytes(content)
    voc_folder.xml("odd", ("cat", 1, 1, 4, 4), ("cat", 6, 6, 9, 9))
    split = open_all(voc_folder, objects=objects).splits["train"]
    assert split.length == 3
    with pytest.raises(UserError, match=rf"1 of the 3 .*odd\.png {says}"):
        prepare_split(split, Preprocessing((4, 4)), TARGETS)
    prepared = prepare_split(split, Preprocessing((4, 4)), TARGETS, unreadable="skip")
    assert [(name[-7:], why.text[: len(says)]) for name, why in prepared.left_out] == [
        ("odd.png", says)
    ]


def show(box, size):
    """A picture of width and height whose white part is the box, in edges."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    return pixels


def shown(pixels):
    rows, columns = np.nonzero(np.asarray(pixels)[..., 0])
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_turns_as_its_picture_does(orientation):
    box = (2, 1, 5, 9)
    upright = orient(tf.constant(show(box, (20, 10))), tf.constant(orientation))
    assert turn_box(box, (10, 20), orientation) == shown(upright)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("drawn_on", ["stored", "upright"])
def test_boxes_drawn_on_a_turned_picture_fit_it_upright(voc_folder, orientation, drawn_on):
    voc_folder.good("a")
    pixels = show((2, 1, 5, 9), (20, 10))
    path = voc_folder.picture("turned.png", pixels=pixels, orientation=orientation)
    upright = decode_image(path.read_bytes()).numpy()
    x0, y0, x1, y1 = shown(pixels if drawn_on == "stored" else upright)
    size = (20, 10) if drawn_on == "stored" else (10, 20)
    voc_folder.xml("turned", ("cat", x0 + 1, y0 + 1, x1, y1), size=size)
    dataset = open_all(voc_folder)
    expected = np.divide(shown(upright), (10, 20, 10, 20))
    np.testing.assert_allclose(boxes(dataset)["turned.png"], expected, rtol=1e-6)
    turned = (
        "stored turned or mirrored, set upright by their EXIF orientation: JPEGImages/turned.png"
    )
    as_stored = (
        "Annotations/turned.xml: its boxes were drawn on the picture as stored, and are turned "
        "with it"
    )
    assert sentences(dataset.findings) == (
        (turned, as_stored) if drawn_on == "stored" else (turned,)
    )
