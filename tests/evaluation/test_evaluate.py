"""Evaluation of what cannot be read, and of boxes of pictures that are never decoded twice."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo import tasks
from zoo.data import DataSet, Split
from zoo.data.findings import Reason
from zoo.evaluation.evaluate import evaluate
from zoo.preprocess import Preprocessing

NAMES = ("cat", "dog")


@pytest.fixture
def boxed(tmp_path):
    """Five pictures, upright 40 x 20; the third cannot be read, the fifth is no picture."""
    files = []
    for number in range(5):
        path = tmp_path / f"{number}.jpg"
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.new("RGB", (20, 40)).save(path, exif=exif)
        files.append(str(path))
    (tmp_path / "4.jpg").write_bytes(b"no picture")
    held = tf.constant(files)

    def read(index):
        known = tf.debugging.Assert(index != 2, ["the record is torn"])
        with tf.control_dependencies([] if known is None else [known]):
            return {
                "image": tf.io.read_file(held[index]),
                "class": tf.constant(0),
                "box": tf.constant([0.25, 0.5, 0.75, 1.0]),
            }

    torn = Reason("unreadable-picture", "is torn")
    split = Split(
        "test", 5, read, lambda at: f"{at}.jpg", explain=lambda at: torn if at == 2 else None
    )
    return DataSet("boxed", frozenset({"class", "box"}), NAMES, (), {"test": split})


def test_what_cannot_be_read_is_named_and_boxes_are_upright(boxed):
    def served(image_bytes):
        # Of the upright picture, 40 wide and 20 high: what is true.
        count = len(image_bytes)
        errors = ["" if data != b"no picture" else "is no picture" for data in image_bytes.numpy()]
        return {
            "label": tf.fill([count], "cat"),
            "score": tf.ones([count]),
            "classes": tf.tile([NAMES], [count, 1]),
            "probabilities": tf.tile([[1.0, 0.0]], [count, 1]),
            "box": tf.tile([[10.0, 10.0, 30.0, 20.0]], [count, 1]),
            "error": tf.constant(errors),
        }

    result = evaluate(
        {"serving_default": served},
        tasks.get("localization"),
        Preprocessing((8, 8)),
        NAMES,
        boxed,
    )
    assert result.pictures == 3
    assert sorted(result.unreadable) == [("2.jpg", "is torn"), ("4.jpg", "is no picture")]
    assert result.scores["mean_iou"] == pytest.approx(1)
    assert np.array_equal(result.confusion, [[3, 0], [0, 0]])
