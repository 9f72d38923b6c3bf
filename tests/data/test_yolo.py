"""YOLO labels: what a line says, where labels and splits are, and what is said of faults."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from yolo_folder import YoloFolder, boxes

from zoo.data import sentences
from zoo.data.files.yolo import labels_path, read_shapes
from zoo.errors import UserError

fractions = st.floats(0, 1, width=32)
shapes = st.lists(
    st.tuples(
        st.integers(0, 90),
        st.one_of(
            st.lists(fractions, min_size=4, max_size=4),
            st.lists(st.tuples(fractions, fractions), min_size=3, max_size=9).map(
                lambda points: [side for point in points for side in point]
            ),
        ),
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(shapes)
def test_labels_are_read_back(tmp_path_factory, written):
    path = tmp_path_factory.getbasetemp() / "labels.txt"
    lines = [" ".join([str(id_), *map(repr, values)]) for id_, values in written]
    path.write_text("\n\n".join(lines))
    found, faults = read_shapes(path)
    assert faults == []
    assert [(shape.id, list(shape.values)) for shape in found] == written
    for shape in found:
        x0, y0, x1, y1 = shape.box
        assert x0 <= x1
        assert y0 <= y1
        if shape.is_polygon:
            assert (x0, y1) == (min(shape.values[::2]), max(shape.values[1::2]))


LINES = {
    "0 0.5 0.5 0.2": "line 1 holds 3 numbers behind the class; a box has 4, a polygon x and y",
    "0 0.5 0.5 0.2 0.2 0.9": "line 1 holds 5 numbers behind the class",
    "cat 0.5 0.5 0.2 0.2": "line 1 holds something else than numbers",
    "-1 0.5 0.5 0.2 0.2": "line 1 begins with -1, which is no number of a class",
    "0.5 0.5 0.5 0.2 0.2": "line 1 begins with 0.5, which is no number of a class",
    "0 nan 0.5 0.2 0.2": "line 1 holds a number that is not finite",
}


@pytest.mark.parametrize(("line", "says"), LINES.items(), ids=LINES)
def test_a_line_that_is_no_object_is_named(tmp_path, line, says):
    (tmp_path / "1.txt").write_text(f"{line}\n1 0.5 0.5 1 1\n")
    found, (fault,) = read_shapes(tmp_path / "1.txt")
    assert [shape.id for shape in found] == [1]
    assert str(fault).startswith(says)


def test_labels_mirror_the_last_folder_of_images_else_lie_beside(tmp_path):
    for picture, labels in {
        "images/a/1.jpg": "labels/a/1.txt",
        "images/train/images/1.jpg": "images/train/labels/1.txt",
        "photos/1.png": "photos/1.txt",
        "photos/2.png": "labels/photos/2.txt",
    }.items():
        (tmp_path / labels).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / labels).touch()
        assert labels_path(tmp_path / picture, tmp_path) == tmp_path / labels
    assert labels_path(tmp_path / "images/x/3.jpg", tmp_path) == tmp_path / "labels/x/3.txt"


@pytest.fixture
def folder(tmp_path):
    return YoloFolder(tmp_path)


@pytest.mark.parametrize("names", ["[dog, cat]", "{0: dog, 1: cat}"], ids=["list", "dict"])
@pytest.mark.parametrize("path", ["", "data.yaml"])
def test_a_described_set_has_its_names_and_splits(folder, names, path):
    for split, name in (("train", "1"), ("train", "2"), ("valid", "3")):
        folder.add(f"{split}/images/{name}.png", f"{int(name) % 2} 0.5 0.5 0.5 0.4\n")
    folder.add("train/images/10.png", "1 0.1 0.2 0.5 0.2 0.5 0.8")
    # Roboflow's paths go up a folder that is not there.
    text = f"train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnames: {names}"
    (folder.root / "data.yaml").write_text(text)
    dataset = folder.open(path)
    # In the order of the names, whatever their numbers are.
    assert dataset.label_names == ("cat", "dog")
    assert boxes(dataset) == {
        "1.png": ("cat", 0.25, 0.3, 0.75, 0.7),
        "2.png": ("dog", 0.25, 0.3, 0.75, 0.7),
        "10.png": ("cat", 0.1, 0.2, 0.5, 0.8),
    }
    assert list(boxes(dataset, "validation")) == ["3.png"]
    assert sentences(dataset.findings) == (
        "data.yaml names '../test/images' as test, which is not there",
        "without a picture in validation: dog",
    )


def test_every_fault_is_named_and_an_empty_file_has_no_object(folder):
    for name in ("good", "more"):
        folder.add(f"images/{name}.png", "0 0.5 0.5 0.5 0.5")
    folder.add("images/empty.png", "\n")
    folder.add("images/none.png", None)
    folder.add("images/outside.png", "0 0.9 0.5 0.4 0.5")
    folder.add("images/unknown.png", "7 0.5 0.5 0.5 0.5")
    folder.add("images/flat.png", "0 0.5 0.5 0 0.5\n0 0.5 0.5\n")
    (folder.root / "labels/alone.txt").write_text("0 0.5 0.5 0.5 0.5")
    (folder.root / "labels/classes.txt").write_text("cat\ndog\n")
    dataset = folder.open()
    assert set(boxes(dataset)) == {"good.png", "more.png", "outside.png"}
    assert sentences(dataset.findings) == (
        "there is no data.yaml: the classes' names are those of labels/classes.txt",
        "labels without a picture: labels/alone.txt",
        "labels/outside.txt: object 1 (cat): its box (0.9, 0.5, 0.4, 0.5) clipped to the picture",
        "left out of train: images/empty.png has the annotation labels/empty.txt: "
        "it names no object",
        "left out of train: images/flat.png has the annotation labels/flat.txt: line 2 holds 2 "
        "numbers behind the class; a box has 4, a polygon x and y of 3 points or more; "
        "object 1 (cat): a box of no width",
        "left out of train: images/none.png has no labels labels/none.txt",
        "left out of train: images/unknown.png has the annotation labels/unknown.txt: "
        "line 1 is of class 7, which labels/classes.txt lacks",
    )


def test_lists_of_pictures_and_the_same_pictures_twice(folder):
    for number in range(3):
        folder.add(f"images/all/{number}.png", "0 0.5 0.5 0.5 0.5")
    (folder.root / "train.txt").write_text("./images/all/2.png\nimages/all/1.png\ngone.png\n")
    (folder.root / "test.txt").write_text("images/all/0.png\nimages/all/2.png\n")
    (folder.root / "set.yaml").write_text(
        "train: train.txt\nval: train.txt\ntest: [test.txt]\nnc: 3\n"
    )
    dataset = folder.open()
    assert list(boxes(dataset)) == ["1.png"]
    assert list(boxes(dataset, "test")) == ["0.png", "2.png"]
    assert sentences(dataset.findings) == (
        "set.yaml names the same as train and as validation: it is train",
        "listed in train.txt and not there: gone.png",
        "named for several splits and taken for the last of them: images/all/2.png (test)",
        "no object is of the classes 1, 2 of set.yaml",
    )


def test_pictures_outside_the_folder_of_the_description(folder):
    root, elsewhere = folder.root / "cfg/set", folder.root / "elsewhere"
    root.mkdir(parents=True)
    for number in range(3):
        folder.add(f"elsewhere/images/{number}.png", "0 0.5 0.5 0.5 0.5")
    # The set by another name, as where a home is a link.
    (folder.root / "home").symlink_to(folder.root / "cfg")
    listed = [elsewhere / "images/0.png", elsewhere / "images/../images/1.png"]
    folder.add("cfg/set/images/own.png", "1 0.5 0.5 0.5 0.4")
    listed += [folder.root / "home/set/images/own.png", "images/own.png", "../../" + "x" * 300]
    (root / "train.txt").write_text("\n".join(map(str, listed)))
    (elsewhere / "val.txt").write_text("./images/2.png")
    (root / "data.yaml").write_text(
        f"train: train.txt\nval: {elsewhere}/val.txt\nnames: [cat, dog]\n"
    )
    dataset = folder.open("cfg/set/data.yaml")
    assert boxes(dataset) == {
        "0.png": ("cat", 0.25, 0.25, 0.75, 0.75),
        "1.png": ("cat", 0.25, 0.25, 0.75, 0.75),
        "own.png": ("dog", 0.25, 0.3, 0.75, 0.7),
    }
    assert list(boxes(dataset, "validation")) == ["2.png"]
    assert dataset.root == root
    assert [one for one in dataset.findings if one.kind == "in-several-splits"] == []


def test_a_link_to_a_picture_has_the_labels_beside_the_link(folder):
    # Pictures that several sets share, and that have no labels where they lie.
    Image.new("L", (20, 10)).save(folder.root / "shared.png")
    (folder.root / "set/images").mkdir(parents=True)
    (folder.root / "set/labels").mkdir()
    for name, id_ in (("a", 0), ("b", 1)):
        (folder.root / f"set/images/{name}.png").symlink_to(folder.root / "shared.png")
        (folder.root / f"set/labels/{name}.txt").write_text(f"{id_} 0.5 0.5 0.5 0.4")
    (folder.root / "set/train.txt").write_text("images/a.png\n./images/b.png\n")
    (folder.root / "set/data.yaml").write_text("train: train.txt\nnames: [cat, dog]")
    assert boxes(folder.open("set")) == {
        "a.png": ("cat", 0.25, 0.3, 0.75, 0.7),
        "b.png": ("dog", 0.25, 0.3, 0.75, 0.7),
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("train: [", "is no YAML that can be read"),
        ("names: [a]\ntrain: 2017-13-45", "is no YAML that can be read"),
        ("names: [a]\ntrain: 2017", "has 2017 as train, which is no path; write one, in quotes"),
        ("names: [a]\ntrain: [images, {a: b}]", "has {'a': 'b'} as train, which is no path"),
        ("names: [a]\ntrain: images\nval: true", "has True as val, which is no path"),
        ("names: [a]\ntrain: images\ntest: {a: b}", "has {'a': 'b'} as test, which is no path"),
        ("names: [a]\ntrain: images\npath: 5", "has 5 as path, which is no path"),
        ("names: [[a]]\ntrain: images", r"has \['a'\] as the name of class 0; write a word"),
        ("names: {0: }\ntrain: images", "has '' as the name of class 0; write a word"),
        ("names: 3\ntrain: images", "has no names of classes"),
        ("names: [a]\ntrain: images\nkpt_shape: 17", "has 17 as kpt_shape; write the number of"),
        ("names: [a]\ntrain: images\nkpt_shape: [17, 0]", r"has \[17, 0\] as kpt_shape; write"),
        ("- 1", "does not describe a YOLO set"),
        ("train: images\n", "has no names of classes"),
        ("names: [a]", "does not say which pictures to train on"),
        ("names: [a]\ntrain: gone", "names 'gone' as train, which is not there"),
    ],
)
def test_a_description_that_is_none_is_refused_in_one_sentence(folder, text, says):
    folder.add("images/1.png", "0 0.5 0.5 0.5 0.5")
    (folder.root / "data.yaml").write_text(text)
    with pytest.raises(UserError, match=says) as error:
        folder.open("data.yaml")
    assert "\n" not in str(error.value)


def test_polygons_are_masks_and_boxes_alone_are_ignored(folder):
    # 20 x 10 pixels: 0.5 of the width is 10, of the height 5.
    square = "1 0 0 0.5 0 0.5 1 0 1"
    inside = "0 0.1 0.2 0.3 0.2 0.3 0.6 0.1 0.6"
    boxed = "0 0.8 0.5 0.2 0.4"
    folder.add("images/1.png", f"{inside}\n{square}\n{boxed}\n2 0 0 1 0 1 1")
    folder.add("images/2.png", "")
    folder.add("images/3.png", None)
    (folder.root / "data.yaml").write_text("train: images\nnames: [dog, cat]")
    dataset = folder.open(targets=["mask"])
    assert dataset.mask_names == ("background", "cat", "dog")
    split = dataset.splits["train"]
    masks = {
        Path(split.label(i)).name: split.read(tf.constant(i, tf.int64))["mask"].numpy()
        for i in range(split.length)
    }
    expected = np.zeros((10, 20))
    expected[:, :10] = 1
    # 0.1 to 0.3 of 20 and 0.2 to 0.6 of 10, on top of the larger one, whichever comes first.
    expected[2:6, 2:6] = 2
    # 0.7 to 0.9 of 20 and 0.3 to 0.7 of 10.
    expected[3:7, 14:18] = 255
    assert masks.keys() == {"1.png", "2.png"}
    np.testing.assert_array_equal(masks["1.png"], expected)
    assert not masks["2.png"].any()
    said = " ".join(sentences(dataset.findings))
    assert "line 4 is of class 2, which data.yaml lacks" in said
    assert "with objects of a box alone, which is ignored in the mask: images/1.png" in said
    assert "left out of train: images/3.png has no labels labels/3.txt" in said


def test_labels_of_boxes_alone_have_no_masks(folder):
    folder.add("images/1.png", "0 0.5 0.5 0.5 0.4")
    (folder.root / "data.yaml").write_text("train: images\nnames: [dog, cat]")
    assert folder.open(targets=None).targets == {"class", "box"}
    with pytest.raises(UserError, match="has no 'mask'"):
        folder.open(targets=["mask"]).class_names(("mask",))


def test_objects_are_of_other_classes_or_ignored_as_the_options_say(folder):
    upper = "0 0 1 0 1 0.5 0 0.5"
    lower = "0 0.5 1 0.5 1 1 0 1"
    (folder.root / "data.yaml").write_text("train: images\nnames: [cat, dog, eel, tree]\n")
    for number, (first, second) in enumerate(((0, 2), (1, 3), (3, 3))):
        folder.add(f"images/{number}.png", f"{first} {upper}\n{second} {lower}\n", (4, 4))
    options = {"classes": {"cat": "pet", "dog": "pet"}, "ignore": ["eel"]}
    dataset = folder.open(targets=None, **options)
    train = dataset.splits["train"]

    def read(index):
        return train.read(tf.constant(index, tf.int64))

    # The tree neither counts nor is ignored.
    assert dataset.mask_names == ("background", "pet")
    assert dataset.label_names == ("pet",)
    masks = [read(index)["mask"].numpy()[:, 0].tolist() for index in range(3)]
    assert masks == [[1, 1, 255, 255], [1, 1, 0, 0], [0, 0, 0, 0]]
    for index in (0, 1):
        np.testing.assert_array_equal(read(index)["box"], [0, 0, 1, 0.5])
    assert train.lacks(2)["box"].kind == "no-object"
    for wrong, says in (
        ({"ignore": ["eal"]}, "ignore: no class is named 'eal'; did you mean 'eel'"),
        ({"classes": ["cta"]}, "classes: no class is named 'cta'; did you mean 'cat'"),
        ({"classes": ["cat"], "ignore": ["cat"]}, "'cat' is a class and ignored"),
    ):
        with pytest.raises(UserError, match=says):
            folder.open(**wrong)
