"""What a model's outputs become: eagerly, in a graph, and in a SavedModel loaded again."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo import tasks
from zoo.preprocess import Preprocessing

NAMES = ("background", "Katze", "犬")
STRETCH = Preprocessing((4, 8), 3, "stretch")
SIZES = np.array([[8, 16], [2, 4], [5, 6]], np.int32)


def outputs(n=3):
    """Probabilities whose masks are class 1 on the left half and 2 on the right one."""
    mask = np.zeros((n, 4, 8, 3), np.float32)
    mask[:, :, :4, 1] = mask[:, :, 4:, 2] = 0.9
    return {
        "class": np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3], [0, 0, 1]], np.float32)[:n],
        "box": np.array([[0, 0, 1, 1], [0.25, 0.5, 0.75, 1], [0, 0, 0, 0]], np.float32)[:n],
        "mask": mask,
    }


def eager(function):
    return function


def graph(function):
    signature = [
        {
            "class": tf.TensorSpec([None, 3]),
            "box": tf.TensorSpec([None, 4]),
            "mask": tf.TensorSpec([None, 4, 8, 3]),
        },
        tf.TensorSpec([None, 2], tf.int32),
    ]
    return tf.function(function, input_signature=signature)


@pytest.fixture(params=["eager", "graph", "saved"])
def call(request, tmp_path):
    """Returns a way to call an answer function."""
    if request.param == "eager":
        return eager
    if request.param == "graph":
        return graph

    def saved(function):
        module = tf.Module()
        module.answer = graph(function)
        tf.saved_model.save(module, str(tmp_path))
        return tf.saved_model.load(str(tmp_path)).answer

    return saved


def answers(task, call, n=3, pixels=False, sizes=SIZES, preprocessing=STRETCH):
    kind = tasks.get(task).answer_pixels if pixels else tasks.get(task).answer
    function = call(lambda outputs, sizes: kind(outputs, sizes, preprocessing, NAMES))
    given = {name: tf.constant(value) for name, value in outputs(n).items()}
    found = function(given, tf.constant(sizes[:n]))
    return {name: value.numpy() for name, value in found.items()}


def png(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def text(values):
    return [value.decode() for value in values]


def test_classification(call):
    found = answers("classification", call)
    assert text(found["label"]) == ["Katze", "background", "犬"]
    np.testing.assert_array_equal(found["score"], np.float32([0.7, 0.5, 1]))
    assert [text(row) for row in found["classes"]] == [list(NAMES)] * 3
    np.testing.assert_array_equal(found["probabilities"], outputs()["class"])


def test_localization_gives_pixels_of_each_picture(call):
    found = answers("localization", call)
    assert text(found["label"]) == ["Katze", "background", "犬"]
    # Width 16, height 8 whole; of width 4 and height 2: 1..3 and 1..2.
    expected = [[0, 0, 16, 8], [1, 1, 3, 2], [0, 0, 0, 0]]
    np.testing.assert_allclose(found["box"], expected, atol=1e-5)


def test_segmentation_gives_a_png_of_each_pictures_size(call):
    found = answers("segmentation", call)
    for data, (height, width) in zip(found["mask_bytes"], SIZES, strict=True):
        mask = png(data)
        assert mask.dtype == np.uint8
        assert mask.shape == (height, width)
        assert np.all(mask[:, : width // 2] == 1)
        assert np.all(mask[:, width // 2 :] == 2)
    np.testing.assert_allclose(found["fraction"], [[0, 0.5, 0.5]] * 3)
    assert [text(row) for row in found["classes"]] == [list(NAMES)] * 3


def test_segmentation_of_pixels_gives_the_mask_besides(call):
    sizes = np.array([[6, 10]] * 3, np.int32)
    found = answers("segmentation", call, pixels=True, sizes=sizes)
    assert found["mask"].dtype == np.int32
    np.testing.assert_array_equal(found["mask"], [[[1] * 5 + [2] * 5] * 6] * 3)
    for data in found["mask_bytes"]:
        np.testing.assert_array_equal(png(data), found["mask"][0])
    np.testing.assert_allclose(found["fraction"], [[0, 0.5, 0.5]] * 3)


@pytest.mark.parametrize("pixels", [False, True])
@pytest.mark.parametrize("task", tasks.TASKS)
def test_no_pictures_give_empty_answers(call, task, pixels):
    found = answers(task, call, n=0, pixels=pixels)
    full = answers(task, eager, n=1, pixels=pixels)
    assert found.keys() == full.keys() == {*tasks.get(task).served, *found.keys() & {"mask"}}
    for name, value in found.items():
        assert value.shape[0] == 0
        assert value.dtype == full[name].dtype
        assert value.ndim == full[name].ndim
        if name != "mask":
            assert value.shape[1:] == full[name].shape[1:]


def test_no_pictures_of_a_known_size_give_an_empty_mask_of_that_size():
    answer = tasks.get("segmentation").answer_pixels
    found = answer(outputs(0), np.array([6, 10], np.int32), STRETCH, NAMES)
    assert found["mask"].shape == (0, 6, 10)
    found = answer(outputs(2), np.array([6, 10], np.int32), STRETCH, NAMES)
    assert found["mask"].shape == (2, 6, 10)


def test_padding_never_counts():
    # A picture of 4 x 4 lies in the middle of 4 x 8: columns 2 to 6; class 0 fills the padding.
    mask = np.zeros((1, 4, 8, 3), np.float32)
    mask[..., 0] = 1
    mask[:, :, 2:6] = [0, 0, 1]
    mask[:, 0, 2:6] = [0, 1, 0]
    given = {"mask": mask, "class": outputs()["class"][:1], "box": np.float32([[0, 0.5, 0.5, 1]])}
    letterbox = Preprocessing((4, 8), 3, "pad")
    found = tasks.get("segmentation").answer(given, np.array([[4, 4]]), letterbox, NAMES)
    np.testing.assert_array_equal(png(found["mask_bytes"].numpy()[0]), [[1] * 4] + [[2] * 4] * 3)
    np.testing.assert_allclose(found["fraction"], [[0, 0.25, 0.75]])
    # The box's left edge, in the padding, is brought to the picture's.
    found = tasks.get("localization").answer(given, np.array([[4, 4]]), letterbox, NAMES)
    np.testing.assert_allclose(found["box"], [[0, 2, 2, 4]], atol=1e-5)


def test_one_class_has_score_one():
    given = {"class": np.ones((2, 1), np.float32), "box": np.float32([[0, 0, 1, 1]] * 2)}
    found = tasks.get("localization").answer(given, SIZES[:2], STRETCH, ("digit",))
    assert text(found["label"].numpy()) == ["digit", "digit"]
    np.testing.assert_array_equal(found["score"], [1, 1])
