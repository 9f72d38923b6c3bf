"""IDX files as data sets: what they hold, how they are paired, and which are refused."""

import gzip

import numpy as np
import pytest
import tensorflow as tf
from array_sets import PICTURES, all_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from zoo.data import open_dataset, sentences
from zoo.data.files.idx import DTYPES, read_idx
from zoo.errors import UserError


def idx_bytes(array, code=8) -> bytes:
    """IDX as its description says: two zeros, the type, the number of sides, sides, numbers."""
    head = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.astype(DTYPES[code]).tobytes()


CODES = {0x08: np.uint8, 0x09: np.int8, 0x0B: np.int16, 0x0C: np.int32, 0x0D: "f4", 0x0E: "f8"}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data(), st.sampled_from(sorted(CODES)), st.booleans())
def test_idx_is_read_back(tmp_path_factory, data, code, packed):
    shapes = arrays_of.array_shapes(max_dims=4, max_side=4)
    array = data.draw(arrays_of.arrays(CODES[code], shapes))
    path = tmp_path_factory.getbasetemp() / "numbers"
    content = idx_bytes(array, code)
    path.write_bytes(gzip.compress(content) if packed else content)
    np.testing.assert_array_equal(read_idx(path), array)


def test_packed_idx_files_that_claim_too_much_are_refused(tmp_path):
    head = bytes([0, 0, 8, 3])
    for shape, says in (
        ((1, 50_000, 50_000), "idx claims pictures of 50000x50000 pixels"),
        ((2**31, 8192, 8192), "idx claims .* GiB, more than .* that are free; unpack it"),
    ):
        path = tmp_path / "images.idx"
        path.write_bytes(gzip.compress(head + np.array(shape, ">u4").tobytes()))
        with pytest.raises(UserError, match=says):
            read_idx(path)


def test_idx_sets_are_paired_and_split_by_their_names(tmp_path):
    random = np.random.default_rng(0)
    for split, count in (("train", 4), ("t10k", 2)):
        images = random.integers(0, 256, (count, 5, 6), np.uint8)
        labels = np.arange(count) % 2
        (tmp_path / f"{split}-images.idx3-ubyte").write_bytes(idx_bytes(images))
        (tmp_path / f"{split}-labels.idx1-ubyte").write_bytes(idx_bytes(labels))
    (tmp_path / "t10k-other.idx1-ubyte").write_bytes(idx_bytes(np.arange(3)))
    (tmp_path / "notes.txt").write_text("not IDX")
    dataset = open_dataset("idx", tmp_path, validation=0.5, names=["no", "yes"])
    assert {name: split.counts for name, split in dataset.splits.items()} == {
        "train": (1, 1),
        "validation": (1, 1),
        "test": (1, 1),
    }
    assert sentences(dataset.findings)[0] == "IDX files that are not used: t10k-other.idx1-ubyte"
    np.testing.assert_array_equal(np.array(all_of(dataset.splits["test"])["image"])[..., 0], images)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "holds no IDX file of pictures"),
        ({"a-images": idx_bytes(PICTURES), "b": idx_bytes(PICTURES)}, "there are no labels for"),
        (
            {"images": idx_bytes(PICTURES)[:-1], "labels": idx_bytes(np.arange(2))},
            "cut short, or longer than its head says",
        ),
        (
            {
                "images": gzip.compress(idx_bytes(PICTURES) + b"0"),
                "labels": idx_bytes(PICTURES[0, 0]),
            },
            "cut short, or longer than its head says",
        ),
        (
            {"images": gzip.compress(idx_bytes(PICTURES))[:-9], "labels": idx_bytes(np.arange(2))},
            "cannot be read as IDX",
        ),
        (
            {
                f"{name}-{what}": idx_bytes(array)
                for name in ("test", "t10k")
                for what, array in (("images", PICTURES), ("labels", np.arange(2)))
            },
            "are both of the split test",
        ),
    ],
    ids=["none", "no labels", "short", "long", "cut", "twice"],
)
def test_unfit_idx_files_are_refused_in_one_sentence(tmp_path, files, says):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=says) as error:
        open_dataset("idx", tmp_path)
    assert "\n" not in str(error.value)


def test_the_published_fashion_mnist_is_read(real_data):
    dataset = open_dataset("auto", real_data / "fashion_mnist" / "data" / "fashion", validation=0)
    assert dataset.findings[0].text.startswith("taken as idx: ")
    assert {name: split.length for name, split in dataset.splits.items()} == {
        "train": 60_000,
        "test": 10_000,
    }
    # As many of each of ten kinds of clothing, as its authors say.
    assert dataset.splits["test"].counts == (1000,) * 10
    assert dataset.splits["train"].read(tf.constant(7, tf.int64))["image"].shape == (28, 28, 1)
