"""NumPy's archives as data sets: their values, labels and faults, and arrays of any kind."""

import io
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from array_sets import PICTURES, all_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from zoo.data import open_dataset, sentences
from zoo.data.files.arrays import ArrayPictures, as_bytes, as_pictures, range_of
from zoo.data.files.npz import read_npz
from zoo.errors import UserError


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.data(),
    st.sampled_from(["u1", ">u2", "<i8", "f2", "f8", "?", "U5", "S3"]),
    st.booleans(),
    st.booleans(),
)
def test_npz_is_read_back(tmp_path_factory, data, dtype, packed, columns_first):
    shapes = arrays_of.array_shapes(min_side=0, max_dims=4, max_side=4)
    array = data.draw(arrays_of.arrays(dtype, shapes))
    array = np.asfortranarray(array) if columns_first else array
    path = tmp_path_factory.getbasetemp() / "numbers.npz"
    (np.savez_compressed if packed else np.savez)(path, first=np.arange(3), x=array)
    found = read_npz(path)
    assert list(found) == ["first", "x"]
    np.testing.assert_array_equal(found["x"], array)
    assert found["x"].dtype == array.dtype
    # What is not compressed takes no memory.
    assert isinstance(found["first"], np.memmap) == (not packed)


def write(root, **arrays):
    np.savez(root / "set.npz", **arrays)
    return root / "set.npz"


def opened(path, **options):
    return open_dataset("npz", path, **{"validation": 0, "test": 0, **options})


def test_pictures_are_the_arrays_and_files_are_not_decoded(tmp_path):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (5, 4, 6, 2), np.uint8)
    masks = random.integers(0, 3, (5, 4, 6))
    boxes = np.array([[0, 0, 3, 2], [1, 1, 6, 4], [0, 0, 0, 0], [2, 0, 9, 4], [np.nan] * 4])
    path = write(tmp_path, images=images, labels=[4, 10, 9, 10, -1], boxes=boxes, masks=masks)
    dataset = opened(path, box_format="xyxy")
    assert dataset.name == "set"
    assert dataset.label_names == ("4", "9", "10")
    assert dataset.mask_names == ("0", "1", "2")
    split = dataset.splits["train"]
    assert split.label(3) == f"{path} images/3"
    found = all_of(split)
    np.testing.assert_array_equal(found["image"], images)
    np.testing.assert_array_equal(found["mask"], masks)
    assert found["class"] == [0, 2, 1, 2, -1]
    # Of pictures 6 wide and 4 high; what reaches outside is clipped, no object is NaN.
    nowhere = [np.nan] * 4
    expected = [[0, 0, 0.5, 0.5], [1 / 6, 0.25, 1, 1], nowhere, [1 / 3, 0, 1, 1], nowhere]
    np.testing.assert_allclose(found["box"], expected, rtol=1e-6)
    assert split.read(tf.constant(1, tf.int64))["image"].shape == (4, 6, 2)
    said = sentences(dataset.findings)
    assert said[0].startswith("set.npz: images as images, labels as labels, boxes as boxes")
    assert "set.npz boxes of images/3: object 1 (10): its box (2, 0, 9, 4) clipped" in said[1]
    needed = opened(path, targets=["class", "box"])
    assert needed.splits["train"].length == 3


def test_splits_texts_one_hot_and_masks_called_y(tmp_path):
    pictures = np.zeros((4, 3, 5), np.uint8)
    path = write(
        tmp_path, x_train=pictures, y_train=["b", "a", "b", "a"], X_test=pictures[:1], Y_test=["a"]
    )
    dataset = opened(path)
    assert {name: split.counts for name, split in dataset.splits.items()} == {
        "train": (2, 2),
        "test": (1, 0),
    }
    path = write(tmp_path, x=pictures, y=np.eye(4)[[1, 0, 3, 1]], class_names=["p", "q", "r", "s"])
    assert opened(path).label_names == ("p", "q", "s")
    path = write(tmp_path, x=pictures, y=np.arange(60).reshape(4, 3, 5) % 2)
    assert opened(path).targets == {"mask"}
    # Sliced like any split that the format says.
    path = write(tmp_path, x_train=pictures, y_train=[0, 1, 0, 1])
    splits = {"train": "train[:2]", "test": "train[2:]"}
    assert opened(path, splits=splits).splits["test"].length == 2


VALUES = {
    # dtype, numbers, what becomes of them
    "8 bits": ("u1", [0, 7, 255], [0, 7, 255]),
    "16 bits": ("u2", [0, 128, 129, 65535], [0, 0, 1, 255]),
    "signed": ("i2", [-32768, 0, 32767], [0, 128, 255]),
    "yes and no": ("?", [0, 1], [0, 255]),
    "fractions": ("f4", [0, 0.5, 1], [0, 128, 255]),
    "floats": ("f4", [0, 127.5, 200.2], [0, 128, 200]),
    "wide": ("i8", [0, 3, 255], [0, 3, 255]),
}


@pytest.mark.parametrize(("dtype", "numbers", "expected"), VALUES.values(), ids=VALUES)
def test_values_become_bytes_by_the_stated_rule(dtype, numbers, expected):
    array = np.array(numbers, dtype).reshape(1, 1, -1, 1)
    values, said = range_of({"x": array})
    found = as_bytes(array, values)
    assert found.dtype == np.uint8
    assert found.ravel().tolist() == expected
    # Where it could be otherwise, it is said.
    assert len(said) == (dtype not in ("u1", "?"))


def test_channels_first_are_turned_and_rows_of_different_arrays_are_read():
    array = np.arange(2 * 3 * 20 * 30, dtype=np.uint16).reshape(2, 3, 20, 30).astype(np.uint8)
    pictures = as_pictures(array, "x")
    np.testing.assert_array_equal(pictures[1][..., 2], array[1, 2])
    store = ArrayPictures({"a": pictures, "b": pictures[:, :5]}, (0.0, 255.0))

    class One:
        def __init__(self, file):
            self.file = file

    read = store.reader([One("b/1"), One("a/0"), One("b/0")])
    np.testing.assert_array_equal(read(tf.constant(0, tf.int64)), pictures[1][:5])
    np.testing.assert_array_equal(read(tf.constant(1, tf.int64)), pictures[0])
    first, second, _ = store.digests([One("a/0"), One("a/0"), One("b/0")])
    assert first == second


REFUSED = {
    "nothing to learn": ({"x": PICTURES}, "holds pictures and nothing to learn"),
    "no pictures": ({"a": PICTURES}, r"holds a, and no pictures: call the arrays x_train"),
    "twice": ({"x": PICTURES, "images": PICTURES}, "holds x and images, both images"),
    "counts": ({"x": PICTURES, "y": [1, 2, 3]}, "has 2 pictures and 3 labels"),
    "shape": ({"x": PICTURES[0], "y": [1, 2, 3]}, r"x has the shape \[3, 4\]; pictures are"),
    "floats": ({"x": PICTURES - 1.5, "y": [1, 2]}, r"say what becomes 0 .* values=\[-1\.5, -1\.5"),
    "labels": ({"x": PICTURES, "y": [0.5, 1]}, "not all whole numbers"),
    "shape of labels": ({"x": PICTURES, "y": [[1, 2], [2, 1]]}, r"have the shape \[2, 2\]"),
    "names": ({"x": PICTURES, "y": [0, 2], "names": ["a", "b"]}, "go up to 2, and there are 2"),
    "boxes": ({"x": PICTURES, "boxes": [[1, 2], [3, 4]]}, r"have to be \[2, 4\]"),
    "masks": ({"x": PICTURES, "masks": PICTURES[:, :2]}, r"they have to be ids .*\[2, 3, 4\]"),
    "texts": ({"x": np.full((2, 3, 4), "a"), "y": [1, 2]}, "not the integers or floats"),
    "objects": (
        {"x": np.array([None, 1]), "y": [1, 2]},
        r"^[^(]*holds Python objects as x, which are",
    ),
}


@pytest.mark.parametrize(("arrays", "says"), REFUSED.values(), ids=REFUSED)
def test_arrays_that_do_not_fit_are_refused_in_one_sentence(tmp_path, arrays, says):
    with pytest.raises(UserError, match=says) as error:
        opened(write(tmp_path, **arrays))
    assert "\n" not in str(error.value)


def damaged_npz():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            head, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**6, 10**6)}
        )
        archive.writestr("x.npy", head.getvalue())
    return stream.getvalue()


@pytest.mark.parametrize("content", [b"", b"PK\3\4", damaged_npz()], ids=["empty", "cut", "giant"])
def test_damaged_archives_are_refused_before_memory_is_taken(tmp_path, content):
    (tmp_path / "set.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be read as \.npz"):
        opened(tmp_path)


def bomb(path, shape):
    """Writes an archive of a few bytes whose member says in its head and in the directory more."""
    head = io.BytesIO()
    description = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, description)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", head.getvalue())
        # What the directory at the end is written from.
        archive.infolist()[0].file_size = len(head.getvalue()) + int(np.prod(shape))
    return path


def test_an_archive_that_claims_a_giant_picture_is_refused_before_memory_is_taken(tmp_path):
    path = bomb(tmp_path / "set.npz", (1, 50_000, 50_000))
    says = "set.npz holds x, which claims pictures of 50000x50000 pixels, more than 178,956,970"
    with pytest.raises(UserError, match=says):
        read_npz(path)
    # Beyond what any machine has: were it read, it would only be found out to be cut short.
    path = bomb(tmp_path / "set.npz", (2**35, 64, 64))
    with pytest.raises(UserError, match=r"claims 131072 GiB, more than the .* that are free; save"):
        read_npz(path)
