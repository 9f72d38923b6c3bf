"""What a `data.yaml` says of labels and places, and lists written in another place."""

import pytest
from yolo_folder import YoloFolder, boxes

from zoo.data import sentences


@pytest.fixture
def folder(tmp_path):
    return YoloFolder(tmp_path)


@pytest.mark.parametrize("numbers", [2, 3])
def test_of_pose_labels_the_boxes_are_read_and_no_polygons(folder, numbers):
    # A box and three key points of two numbers each are as many numbers as five points.
    points = " ".join(["0.1", "0.9", "2"][:numbers] * 3)
    folder.add("images/1.png", f"0 0.5 0.5 0.5 0.4 {points}")
    folder.add("images/2.png", f"0 0.5 0.5 0.2 0.4 {points} 0.5 0.5")
    folder.add("images/3.png", "0 0.5 0.5 0.2 0.4")
    text = f"train: images\nnames: [person]\nkpt_shape: [3, {numbers}]"
    (folder.root / "data.yaml").write_text(text)
    dataset = folder.open()
    assert boxes(dataset) == {"1.png": ("person", 0.25, 0.3, 0.75, 0.7)}
    said = sentences(dataset.findings)
    assert said[0] == "data.yaml says kpt_shape: of each object the box is taken, no key point"
    for name, count in ((2, 3 * numbers + 6), (3, 4)):
        assert (
            f"left out of train: images/{name}.png has the annotation labels/{name}.txt: line 1 "
            f"holds {count} numbers behind the class; a box has 4, its key points {3 * numbers} by "
            "kpt_shape"
        ) in said
    assert folder.open(targets=None).targets == {"class", "box"}


@pytest.mark.parametrize("lead", ["/content/set/", "../datasets/set/", "C:\\Users\\me\\set\\"])
def test_folders_of_another_place_are_found_by_the_ends_of_their_paths(folder, lead):
    for split, name in (("train", "1"), ("valid", "2")):
        folder.add(f"{split}/images/{name}.png", "0 0.5 0.5 0.5 0.4")
    # No split: it would be the test's if the ends of paths were tried one by one.
    folder.add("images/3.png", "0 0.5 0.5 0.5 0.4")
    text = "".join(
        f"{key}: {lead}{split}/images\n"
        for key, split in (("train", "train"), ("val", "valid"), ("test", "test"))
    )
    (folder.root / "data.yaml").write_text(f"{text}names: [cat]")
    dataset = folder.open()
    assert list(boxes(dataset)) == ["1.png"]
    assert list(boxes(dataset, "validation")) == ["2.png"]
    said = sentences(dataset.findings)
    count = {"/": 2, ".": 2, "C": 4}[lead[0]]
    assert said[0] == f"data.yaml: the first {count} parts of its paths are of another place"
    assert "test/images' as test, which is not there" in said[1]


def test_lists_of_another_place_are_read_with_a_description_and_without(folder):
    for number in range(3):
        folder.add(f"obj_train_data/{number}.png", "0 0.5 0.5 0.5 0.4")
    lines = "".join(f"data/obj_train_data/{number}.png\n" for number in (2, 0, 7))
    (folder.root / "train.txt").write_text(lines)
    (folder.root / "obj.names").write_text("cat\n")
    bare = folder.open()
    (folder.root / "data.yaml").write_text("train: data/train.txt\nnames: [cat]")
    described = folder.open()
    for dataset in (bare, described):
        assert set(boxes(dataset)) == {"0.png", "2.png"}
        said = sentences(dataset.findings)
        assert "train.txt: the first part of its paths is of another place" in said
        assert any("data/obj_train_data/7.png" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("[no, yes]", ["no", "yes"]),
        ("{0: on, 1: off}", ["on", "off"]),
        ("[010, 1.10]", ["010", "1.10"]),
        ("[null, 2024-01-02]", ["null", "2024-01-02"]),
    ],
)
def test_names_of_classes_are_text_whatever_yaml_makes_of_it(folder, written, names):
    folder.add("images/1.png", "0 0.5 0.5 0.5 0.4")
    folder.add("images/2.png", "1 0.5 0.5 0.5 0.4")
    (folder.root / "data.yaml").write_text(f"train: images\nnames: {written}")
    assert [found[0] for found in boxes(folder.open()).values()] == names
