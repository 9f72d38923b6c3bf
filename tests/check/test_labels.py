"""What is read of examples that are no files: masks beside their pictures, and what is lacking."""

import numpy as np
import tensorflow as tf

from zoo.check.labels import read_labels
from zoo.data import DataSet, Split
from zoo.data.findings import Reason

MASKS = [[[0, 1], [1, 1]], [[0, 255], [0, 0]], [[1, 0], [255, 255]]]


def dataset(lacks=lambda index: {}):
    held = tf.constant(MASKS, tf.uint8)

    def read(index):
        number = tf.cast(index, tf.float32)
        box = tf.stack([0.0, 0.0, 0.5, 0.5 / (number + 1)])
        return {"class": tf.cast(index % 2, tf.int32), "box": box, "mask": held[index]}

    split = Split("train", 3, read, lambda index: f"example {index}", lacks=lacks)
    targets = frozenset({"class", "box", "mask"})
    return DataSet("made", targets, ("cat", "dog"), ("floor", "wall"), {"train": split})


def test_classes_boxes_and_masks_are_counted():
    steps = []
    labels = read_labels(
        dataset(), ("class", "box", "mask"), {}, "stops", lambda: steps.append(None)
    )
    assert len(steps) == 3
    assert labels.classes == {"train": {"cat": 2, "dog": 1}}
    assert labels.class_of == {"example 0": "cat", "example 1": "dog", "example 2": "cat"}
    # Half as wide, and half, a quarter and a sixth as high as the picture.
    np.testing.assert_allclose(sorted(labels.box_shares), [1 / 12, 1 / 8, 1 / 4])
    assert labels.mask_pixels == {"train": {"floor": 5, "wall": 4, "ignored": 3}}
    assert labels.mask_pictures == {"train": {"floor": 3, "wall": 2, "ignored": 2}}
    assert [(one.kind, one.file, one.detail) for one in labels.findings] == [
        ("mask-one-class", "example 1", "floor")
    ]


def test_a_mask_of_another_size_than_its_picture_is_named():
    sizes = {"example 0": (2, 2), "example 2": (2, 3)}
    labels = read_labels(dataset(), ("mask",), sizes, "left out")
    (found,) = [one for one in labels.findings if one.kind == "mask-size"]
    assert (found.file, found.detail) == ("example 2", "2x2, the picture 3x2")
    assert found.effect == "left out"


def test_what_a_split_lacks_as_a_whole_is_said_once_and_else_of_each():
    nothing = Reason("missing-annotation", "has no annotation")

    def lacks(index):
        return {"box": nothing} | ({"class": nothing} if index == 1 else {})

    found = read_labels(dataset(lacks), ("class", "box"), {}, "stops").findings
    assert [(one.file, one.text) for one in found] == [
        ("", "none of the 3 examples of train has a box: example 0 has no annotation"),
        (
            "example 1",
            "left out of train where a class is learnt: example 1 has no annotation",
        ),
    ]
    assert all(one.affects_training for one in found)
    # Nothing is said of what is not to be learnt.
    assert read_labels(dataset(lacks), ("mask",), {}, "stops").findings[0].kind == "mask-one-class"
