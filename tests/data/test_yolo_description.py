"""What a `data.yaml` says of the labels: key points behind the boxes."""

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
