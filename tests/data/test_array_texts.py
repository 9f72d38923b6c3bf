"""Texts in NumPy's archives, and archives whose heads are damaged."""

import io

import numpy as np
import pytest

from zoo.data import open_dataset
from zoo.data.files.npz import read_npz
from zoo.errors import UserError


def write(path, labels, **others):
    np.savez(path, images=np.zeros((len(labels), 4, 4), np.uint8), labels=labels, **others)
    return path


def test_names_of_classes_may_be_bytes(tmp_path):
    path = write(tmp_path / "set.npz", [0, 1, 0], class_names=np.array([b"cat", "zoë".encode()]))
    assert open_dataset("npz", path, validation=0, test=0).label_names == ("cat", "zoë")


def test_labels_may_be_bytes(tmp_path):
    path = write(tmp_path / "set.npz", np.array([b"cat", "zoë".encode(), b"cat"]))
    assert open_dataset("npz", path, validation=0, test=0).label_names == ("cat", "zoë")


@pytest.mark.parametrize("what", ["labels of", "names of classes"])
def test_bytes_that_are_no_text_are_refused(tmp_path, what):
    foreign = np.array([b"caf\xe9", b"cat"])
    if what == "labels of":
        path = write(tmp_path / "set.npz", foreign)
    else:
        path = write(tmp_path / "set.npz", [0, 1], class_names=foreign)
    with pytest.raises(UserError, match=rf"the {what}.* in set\.npz are bytes that are no UTF-8"):
        open_dataset("npz", path)


def test_a_head_that_python_cannot_parse_is_a_damaged_archive(tmp_path):
    held = io.BytesIO()
    np.savez(held, x=np.zeros((3, 64, 64), np.uint8))
    # As long as before, so that nothing but the head's text is wrong.
    damaged = held.getvalue().replace(b"(3, 64, 64)", b"(3, 64, 64 ", 1)
    path = tmp_path / "set.npz"
    path.write_bytes(damaged)
    with pytest.raises(UserError, match=r"cannot be read as \.npz \(the head of x\.npy is damaged"):
        read_npz(path)
