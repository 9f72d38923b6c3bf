"""Boxes of any format: edges in pixels in, examples and findings out."""

import numpy as np
import pytest

from zoo.data.files.boxes import with_boxes
from zoo.data.files.example import Example
from zoo.data.files.objects import Annotation, Thing
from zoo.data.files.pairing import pair
from zoo.data.files.pictures import Look
from zoo.data.findings import Reason

# 20 wide and 10 high.
LOOK = Look("PNG", (10, 20), 1)


def boxed(*things, look=LOOK, **changes):
    """The example of one picture, and kind, effect and text of each finding."""
    annotation = Annotation("labels.csv", list(things), shared=True, **changes)
    example = Example("a.png", "a.png", "/data/a.png")
    (one,), findings = with_boxes([example], [look], {"a.png": annotation}, objects="largest")
    assert {finding.file for finding in findings} <= {"a.png"}
    return one, [(finding.kind, finding.effect, finding.text) for finding in findings]


def test_edges_are_taken_as_they_are():
    example, findings = boxed(Thing(1, "cat", (0, 2.5, 20, 10)))
    assert example.label == "cat"
    np.testing.assert_allclose(example.box, (0, 0.25, 1, 1))
    assert findings == []


@pytest.mark.parametrize(
    ("box", "written", "expected", "finding"),
    [
        # Half the picture's width is 10.
        ((10, 5, 0, 0), "", (0, 0, 0.5, 0.5), ("corners-swapped", "mended", "swapped corners put")),
        ((5, 0, 21, 10), "", (0.25, 0, 1, 1), ("box-outside", "mended", "box (5, 0, 21, 10) clip")),
        ((5, 0, 21, 10), "0.65 0.5", (0.25, 0, 1, 1), ("box-outside", "mended", "box 0.65 0.5 cl")),
        # A rounding of six digits is no fault.
        ((-0.005, 0, 20.005, 10), "", (0, 0, 1, 1), None),
    ],
)
def test_a_box_is_mended_and_the_picture_named(box, written, expected, finding):
    example, findings = boxed(Thing(3, "cat", box, written))
    np.testing.assert_allclose(example.box, expected)
    assert len(findings) == bool(finding)
    if finding:
        assert findings[0][:2] == finding[:2]
        assert findings[0][2].startswith("labels.csv of a.png: object 3 (cat): ")
        assert finding[2] in findings[0][2]


def test_a_faulty_object_beside_a_good_one_is_left_out():
    faults = [Reason("object-incomplete", "object 3 has no name")]
    things = Thing(1, "cat", (1, 1, 1, 4)), Thing(2, "dog", (0, 0, 10, 5))
    example, findings = boxed(*things, faults=faults)
    assert example.label == "dog"
    assert findings == [
        ("object-incomplete", "left out", "labels.csv of a.png: left out: object 3 has no name"),
        (
            "box-no-area",
            "left out",
            "labels.csv of a.png: left out: object 1 (cat): a box of no width",
        ),
    ]


@pytest.mark.parametrize(
    ("things", "changes", "kind"),
    [
        ([Thing(1, "cat", (30, 0, 40, 5))], {}, "box-outside"),
        ([Thing(1, "cat", (0, 0, 9, 9))], {"size": (30, 40)}, "annotation-size"),
        ([], {}, "no-object"),
    ],
)
def test_a_picture_without_a_usable_object_lacks_class_and_box(things, changes, kind):
    example, findings = boxed(*things, **changes)
    assert example.box is None
    assert {target: why.kind for target, why in example.lacks.items()} == {
        "class": kind,
        "box": kind,
    }
    assert example.reason_against(frozenset({"mask"})) is None
    assert findings == []


def test_boxes_drawn_on_the_stored_picture_are_turned():
    # Stored 20x10, turned a quarter to the right: x is 10 less y, y is x.
    look = Look("JPEG", (10, 20), 6)
    example, _ = boxed(Thing(1, "cat", (4, 0, 10, 5)), look=look, size=(10, 20))
    np.testing.assert_allclose(example.box, (5 / 10, 4 / 20, 10 / 10, 10 / 20))


def test_of_a_picture_of_unknown_size_nothing_is_said():
    example, findings = boxed(Thing(1, "cat", (0, 0, 0, 0)), look=Look("", (0, 0), 1))
    assert (example.label, example.box, example.lacks, findings) == ("cat", None, {}, [])


def test_a_picture_that_the_annotations_do_not_hold_lacks_one():
    example = Example("a.png", "a.png", "/data/a.png")
    why = Reason("missing-annotation", "is not in labels.csv")
    for annotations, text in (({}, "has no annotation"), ({"a.png": why}, why.text)):
        (one,), _ = with_boxes([example], [LOOK], annotations, objects="largest")
        assert one.reason_against(frozenset({"box"})) == Reason("missing-annotation", text)


def test_files_that_name_no_picture_are_paired_by_place_and_name_alone(tmp_path):
    examples = [
        Example(file, file, str(tmp_path / file)) for file in ("images/a.png", "images/s/b.png")
    ]
    labels = [tmp_path / "labels" / name for name in ("a.txt", "b.txt", "gone.txt")]
    paired, findings = pair(tmp_path, tmp_path / "images", tmp_path / "labels", examples, labels)
    assert paired == {"images/a.png": labels[0], "images/s/b.png": labels[1]}
    assert [(one.kind, one.file, one.text) for one in findings] == [
        (
            "missing-picture",
            "labels/gone.txt",
            "annotation left out: labels/gone.txt has no picture of its name",
        )
    ]
