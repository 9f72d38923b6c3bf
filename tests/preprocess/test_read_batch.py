import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.preprocess import Preprocessing, picture_errors, read_batch

PREPROCESSING = Preprocessing(size=(4, 4))
FALLBACK = {"image": np.full([4, 4, 3], -1, np.float32), "size": np.array([0, 0], np.int32)}


def read(data):
    image = PREPROCESSING.decode(data)
    return {"image": PREPROCESSING.fit_image(image), "size": tf.shape(image)[:2]}


class Reader(tf.Module):
    """What a served model does with its bytes."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def rows(self, image_bytes):
        rows, was_read = read_batch(image_bytes, read, FALLBACK)
        return {**rows, "read": was_read}


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    """The same function eagerly, in a graph and from a reloaded SavedModel."""
    module = Reader()
    folder = str(tmp_path_factory.mktemp("reader"))
    tf.saved_model.save(module, folder, signatures=module.rows)
    served = tf.saved_model.load(folder).signatures["serving_default"]
    return {
        "eager": module.rows.python_function,
        "graph": module.rows,
        "served": lambda data: served(image_bytes=data),
    }


def good(encode, value):
    return encode(Image.new("RGB", (value, 2 * value), (value, 0, 0)), "PNG")


@pytest.mark.parametrize("world", ["eager", "graph", "served"])
def test_bad_pictures_fail_nobody_else(readers, encode, world):
    # Of ten pictures those at 0, 3, 6 and 9 are bad; the others tell their number.
    pictures = [b"bad" if number % 3 == 0 else good(encode, number + 1) for number in range(10)]
    rows = readers[world](tf.constant(pictures))
    expected = [number % 3 != 0 for number in range(10)]
    assert rows["read"].numpy().tolist() == expected
    for number in range(10):
        size = [2 * (number + 1), number + 1] if expected[number] else [0, 0]
        assert rows["size"][number].numpy().tolist() == size
        # Half as wide as high: the middle two of four columns, red as numbered.
        middle = rows["image"][number, :, 1:3, 0].numpy()
        assert (middle == (number + 1 if expected[number] else -1)).all()


@pytest.mark.parametrize("world", ["eager", "graph", "served"])
def test_all_bad_or_none_at_all(readers, world):
    rows = readers[world](tf.constant([b"", b"bad", b"\xff\xd8\xff"]))
    assert rows["read"].numpy().tolist() == [False] * 3
    assert (rows["image"].numpy() == -1).all()
    rows = readers[world](tf.constant([], tf.string))
    assert rows["read"].shape == [0]
    assert rows["image"].shape == [0, 4, 4, 3]
    assert rows["size"].shape == [0, 2]


def test_shapes_are_known_to_the_graph():
    outputs = Reader().rows.get_concrete_function().structured_outputs
    assert outputs["image"].shape.as_list() == [None, 4, 4, 3]
    assert outputs["read"].shape.as_list() == [None]


def test_what_is_wrong_is_said_of_bad_pictures_only(encode):
    # What is good is not asked about: a picture that was read may be anything here.
    pictures = [good(encode, 3), b"", b"GIF", b"no picture"]
    in_graph = tf.function(picture_errors)
    for ok, expected in (
        ([True] * 4, [b""] * 4),
        ([True, False, True, False], [b"", b"is empty", b"", b"is not a JPEG"]),
    ):
        for errors in (picture_errors, in_graph):
            said = errors(tf.constant(pictures), tf.constant(ok)).numpy()
            assert [text[: len(b"is not a JPEG")] for text in said] == expected
    assert in_graph(tf.constant([], tf.string), tf.constant([], tf.bool)).shape == [0]


def test_no_kernels_are_looked_for_at_each_call():
    graph = Reader().rows.get_concrete_function().graph.as_graph_def()
    functions = {function.signature.name: function for function in graph.library.function}
    mapped = [
        functions[node.attr["f"].func.name]
        for nodes in (graph.node, *(function.node_def for function in functions.values()))
        for node in nodes
        if "MapDataset" in node.op
    ]
    assert mapped
    assert all(function.attr["experimental_ints_on_device"].b for function in mapped)
