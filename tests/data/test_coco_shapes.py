"""Boxes and outlines in COCO's files that are not as they should be: each is named."""

import numpy as np
import pytest
from coco_folder import SQUARE, CocoFolder, bad, opened, raw, runs


@pytest.fixture
def folder(tmp_path):
    return CocoFolder(tmp_path)


def spoiled_runs(**entry):
    return bad(segmentation={"size": [10, 20], "counts": [1, 2, 197], **entry})


BOXES = {
    "category": (
        bad(category=9),
        "object-incomplete",
        "object 1001 is of category 9, which is not among the categories",
    ),
    "no box": (bad(bbox=[1, 2, 3]), "object-incomplete", "object 1001 (dog) has no box of four"),
    "text": (bad(bbox=["a"] * 4), "object-incomplete", "object 1001 (dog) has no box of four"),
    "nothing": (
        bad(bbox=None, segmentation=[]),
        "object-incomplete",
        "object 1001 (dog) has no box of four numbers",
    ),
    "zero": (bad(bbox=[1, 1, 0, 4]), "box-no-area", "object 1001 (dog): a box of no width"),
    "negative": (
        bad(bbox=[12, 2, -4, 4]),
        "corners-swapped",
        "object 1001 (dog): swapped corners put right",
    ),
    "outside": (
        bad(bbox=[30, 2, 4, 4]),
        "box-outside",
        "object 1001 (dog): its box (30, 2, 4, 4) lies outside the 20x10 pixels",
    ),
    "partly": (
        bad(bbox=[15, 2, 10, 4]),
        "box-outside",
        "object 1001 (dog): its box (15, 2, 10, 4) clipped to the picture",
    ),
}


def test_a_fault_of_a_box_is_named_by_file_and_object(folder):
    folder.picture("good.png", {}, {"category": 7, "bbox": [0, 0, 1, 1]})
    for number, (name, (objects, _, _)) in enumerate(BOXES.items()):
        folder.picture(f"{name}.png", *objects)
        folder.annotations[-1]["id"] = 5001 + number
    folder.write()
    dataset = opened(folder.root, "box", "class")
    said = {one.file: one for one in dataset.findings if one.kind != "several-objects"}
    for number, (name, (_, kind, says)) in enumerate(BOXES.items()):
        finding = said[f"images/{name}.png"]
        assert finding.kind == kind
        assert "annotations/instances.json" in finding.text
        assert says.replace("1001", str(5001 + number)) in finding.text
    mended = {one.file for one in said.values() if one.effect == "mended"}
    assert mended == {"images/negative.png", "images/partly.png"}
    assert raw(dataset, folder.root).keys() == {"images/good.png", *mended}


def test_a_box_that_is_not_written_is_that_of_the_shape(folder):
    mask = np.zeros((10, 20), bool)
    mask[2:6, 5:15] = True
    for name, shape in {"a": [[5, 2, 15, 2, 15, 6]], "b": runs(mask, True), "c": None}.items():
        folder.picture(f"{name}.png", {"bbox": None, "segmentation": shape})
    folder.write()
    found = raw(opened(folder.root, "box"), folder.root)
    assert list(found) == ["images/a.png", "images/b.png"]
    for example in found.values():
        np.testing.assert_allclose(example["box"], [0.25, 0.2, 0.75, 0.6])


IGNORED = "its box is ignored"
SHAPES = {
    "category": (
        bad(category=9, segmentation=[[8, 2, 12, 2, 12, 6, 8, 6]]),
        "object 1001 is of category 9, which is not among the categories, ignored in its mask",
    ),
    "points": (
        bad(segmentation=[[1, 2, 3, 4]]),
        f"object 1001 (dog) has an outline of 2 points, not 3 or more: {IGNORED}",
    ),
    "odd": (
        bad(segmentation=[[1, 2, 3, 4, 5, 6, 7]]),
        f"has an outline of 7 numbers, which are no pairs of x and y: {IGNORED}",
    ),
    "none": (bad(segmentation=[]), f"has no outline and no runs: {IGNORED}"),
    "text": (
        bad(segmentation="x"),
        f"has a segmentation that is neither outlines nor runs: {IGNORED}",
    ),
    "far": (
        bad(segmentation=[[0, 0, 1e9, 0, 5, 5]]),
        f"has an outline that reaches farther outside than its picture is wide: {IGNORED}",
    ),
    "short": (
        spoiled_runs(counts=[1, 2, 3]),
        f"has runs of 6 pixels, not 200 (20x10): {IGNORED}",
    ),
    "size": (
        spoiled_runs(size=[20, 10]),
        f"has runs for a picture of 10x20 pixels, not 20x10: {IGNORED}",
    ),
    "string": (
        spoiled_runs(counts="1o"),
        f"has runs that are no run lengths of a height and a width: {IGNORED}",
    ),
    "dict": (
        bad(segmentation={"a": 1}),
        f"has runs that are no run lengths of a height and a width: {IGNORED}",
    ),
}


def test_the_box_of_a_shape_that_cannot_be_drawn_is_ignored(folder):
    for number, (name, (objects, _)) in enumerate(SHAPES.items()):
        folder.picture(f"{name}.png", {}, *objects)
        folder.annotations[-1]["id"] = 5001 + number
    folder.write()
    dataset = opened(folder.root, "mask", classes=["cat", "dog"])
    said = {one.file: one for one in dataset.findings if one.effect == "mended"}
    expected = np.zeros((10, 20))
    expected[2:6, 8:12] = 255
    expected[:4, :4] = 1
    found = raw(dataset, folder.root)
    for number, (name, (_, says)) in enumerate(SHAPES.items()):
        finding = said[f"images/{name}.png"]
        file = "annotations/instances.json of images/"
        assert finding.text.startswith(f"{file}{name}.png: object {5001 + number}")
        assert finding.text.endswith(says.replace("1001", str(5001 + number)))
        assert finding.kind in ("object-shape", "object-incomplete")
        np.testing.assert_array_equal(found[f"images/{name}.png"]["mask"], expected)


def test_of_several_outlines_a_spoiled_one_is_passed_over(folder):
    folder.picture("a.png", *bad(segmentation=[*SQUARE, [1, 1]]))
    folder.write()
    dataset = opened(folder.root, "mask")
    (finding,) = [one for one in dataset.findings if one.kind == "object-shape"]
    assert finding.text.endswith(
        "has an outline of 1 point, not 3 or more, passed over beside others"
    )
    (found,) = raw(dataset, folder.root).values()
    assert (found["mask"].numpy() == 1).sum() == 16


def test_without_a_box_to_ignore_the_picture_is_left_out(folder):
    folder.picture("a.png", {})
    folder.picture("b.png", *bad(segmentation=[[1, 1]], bbox=None))
    folder.write()
    dataset = opened(folder.root, "mask")
    (finding,) = [one for one in dataset.findings if one.kind == "object-shape"]
    assert finding.text == (
        "left out of train: images/b.png has the annotation annotations/instances.json: object "
        "1001 (dog) has an outline of 1 point, not 3 or more, and no box of four numbers"
    )
    assert finding.effect == "left out"
    assert list(raw(dataset, folder.root)) == ["images/a.png"]
