"""Plain files are read several at once, and give the batches that any other way gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.data import Split, open_dataset
from zoo.data.pipeline import batches as batches_of
from zoo.data.pipeline import evaluation_batches, prepare_split, training_batches
from zoo.preprocess import Preprocessing

SMALL = Preprocessing((8, 8), fit="pad")
KINDS = ("plain", "turned", "png", "gray", "upright")
LENGTH = 13


def write(root: Path) -> None:
    """Writes pictures of many sizes, most of them plain, with masks as large as they stand."""
    random = np.random.default_rng(0)
    for number in range(LENGTH):
        kind = KINDS[number % 8] if number % 8 < len(KINDS) else "plain"
        height, width = (int(side) for side in random.integers(10, 60, 2))
        image = Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
        exif = Image.Exif()
        exif[0x0112] = 6 if kind == "turned" else 1
        options: dict[str, Any] = {"exif": exif} if kind in ("turned", "upright") else {}
        if kind == "turned":
            height, width = width, height
        if kind == "gray":
            image = image.convert("L")
        path = root / "images" / f"{number}.{'png' if kind == 'png' else 'jpg'}"
        mask = root / "masks" / f"{number}.png"
        for one in (path, mask):
            one.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, **options)
        ids = random.choice(np.array([0, 3, 7, 255], np.uint8), (height, width))
        Image.fromarray(ids).save(mask, bits=8)


@pytest.fixture(scope="module")
def split(tmp_path_factory) -> Split:
    root = tmp_path_factory.mktemp("pictures")
    write(root)
    found = open_dataset("mask_folders", root, validation=0, test=0)
    return found.splits["train"]


def prepared(split):
    return prepare_split(split, SMALL, ("mask",), cache="none")


@pytest.fixture(scope="module")
def files(split):
    return prepared(split)


def batches(found, batch_size=5, **options):
    if options:
        data = training_batches(found, None, batch_size=batch_size, **options)
    else:
        data = evaluation_batches(found, batch_size=batch_size)
    return data, [{key: value.numpy() for key, value in batch.items()} for batch in data]


def test_batches_are_those_of_pictures_that_are_kept(split, files):
    kept = prepare_split(split, SMALL, ("mask",), cache="memory")
    assert files.at_once > 0
    assert kept.at_once == 0
    for options in ({}, {"seed": 1, "epoch": 2, "start": 1}):
        (data, found), (_, expected) = (batches(one, **options) for one in (files, kept))
        spec: Any = data.element_spec
        assert spec["image"].shape[1:] == (8, 8, 3)
        assert data.cardinality() == len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert one.keys() == other.keys()
            for key, value in one.items():
                np.testing.assert_array_equal(value, other[key], err_msg=key)
                assert value.dtype == other[key].dtype


def test_what_is_plain_is_read_without_the_graph(split):
    asked = []

    def stored(index):
        asked.append(index)
        return split.stored(index)

    def read(index):
        # Its first run is by the graph; later ones only where pictures are not plain.
        tf.numpy_function(lambda index: graph.append(int(index)), [index], [])
        return split.read(index)

    graph: list[int] = []
    watched = Split(split.name, split.length, read, split.label, stored=stored)
    found = prepared(watched)
    assert sorted(graph) == list(range(LENGTH))
    graph.clear()
    batches(found)
    # Of every eight one is turned and one a PNG.
    assert sorted(graph) == [1, 2, 9, 10]
    assert sorted(asked) == sorted(set(range(LENGTH)) - set(graph))


def recoloured(path: Path, id_: int) -> None:
    with Image.open(path) as image:
        size = image.size
    Image.new("L", size, id_).save(path)


def test_files_that_change_fail_as_they_would_in_the_graph(tmp_path):
    write(tmp_path)
    classes = {"0": "a", "3": "b", "7": "c"}
    dataset = open_dataset("mask_folders", tmp_path, validation=0, test=0, classes=classes)
    split = dataset.splits["train"]
    found = prepared(split)
    damage = {
        "No such file": lambda picture, mask: picture.unlink(),
        "holds an id of no class": lambda picture, mask: recoloured(mask, 9),
        "jpeg": lambda picture, mask: picture.write_bytes(picture.read_bytes()[:-40]),
    }
    for place, (said, change) in zip((4, 5, 6), damage.items(), strict=True):
        change(*map(Path, split.files(place)))
        with pytest.raises(tf.errors.OpError, match=f"(?i){said}"):
            list(batches_of(found, batch_size=1, order=np.array([place])))
