"""Data sets that are named by links, as snapshots keep their files."""

import numpy as np
from PIL import Image

from zoo.data import open_dataset
from zoo.plan.source import _folder


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)


def test_what_lies_beside_a_link_to_a_file_belongs_to_it(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / "set" / "images" / f"{name}.png")
        (tmp_path / "set" / "labels").mkdir(exist_ok=True)
        (tmp_path / "set" / "labels" / f"{name}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    blob = tmp_path / "blobs" / "6f1e"
    blob.parent.mkdir()
    blob.write_text("train: images\nnames: [cat]\n")
    link = tmp_path / "set" / "data.yaml"
    link.symlink_to(blob)
    for source in ("auto", "yolo"):
        dataset = open_dataset(source, link, validation=0, test=0)
        assert dataset.splits["train"].length == 2
    assert _folder(str(link)) == tmp_path.resolve() / "set" / "data.yaml"


def test_a_link_may_tell_how_a_file_ends(tmp_path):
    blob = tmp_path / "blob"
    with blob.open("wb") as file:
        np.savez(file, images=np.zeros((2, 4, 4), np.uint8), labels=[0, 1])
    (tmp_path / "set.npz").symlink_to(blob)
    assert open_dataset("auto", tmp_path / "set.npz", validation=0, test=0).label_names


def test_a_link_to_a_folder_is_that_folder(tmp_path):
    picture(tmp_path / "set" / "cat" / "1.png")
    picture(tmp_path / "set" / "dog" / "1.png")
    (tmp_path / "link").symlink_to(tmp_path / "set")
    assert open_dataset("auto", tmp_path / "link", validation=0, test=0).label_names == (
        "cat",
        "dog",
    )
