"""One data set in every format gives the same training batches, bit for bit.

A format takes part by a writer in `WRITERS`: it writes the pictures, lossless and in their order,
with their splits, and whatever else the format can carry.
"""

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.augment import Augmentation
from zoo.data import Split, list_datasets, open_dataset
from zoo.data.pipeline import prepare_split, training_batches
from zoo.preprocess import Preprocessing

TARGETS = ("class", "class box", "mask")
CLASSES = ("ant", "bee", "class_9", "class_10")
HEIGHT, WIDTH = 12, 16


@dataclass(frozen=True)
class Pictures:
    """Pictures of several classes, each with one object: first those to train on.

    Attributes:
        pixels: uint8 [n, h, w, 3].
        labels: int [n], numbers of `CLASSES`.
        boxes: int [n, 4], edges in pixels.
        masks: uint8 [n, h, w], 1 within the box.
        train: How many are to be trained on; the others are for the test.
    """

    pixels: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    masks: np.ndarray
    train: int

    def split(self, number: int) -> str:
        return "train" if number < self.train else "test"

    def file(self, number: int) -> str:
        # A class folder is sorted by class, then by name: so is everything here.
        return f"{CLASSES[self.labels[number]]}/{number}.png"

    def label(self, number: int) -> str:
        return CLASSES[self.labels[number]]

    def draw(self, folder: Path, number: int) -> Path:
        path = folder / self.file(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(self.pixels[number]).save(path)
        return path


@pytest.fixture(scope="module")
def pictures():
    random = np.random.default_rng(0)
    # Of train three a class and of test two; the classes in the order of their folders.
    labels = np.concatenate([np.repeat(np.arange(len(CLASSES)), times) for times in (3, 2)])
    count = len(labels)
    corners = random.integers(0, (8, 6), (count, 2))
    boxes = np.concatenate([corners, corners + random.integers(2, 7, (count, 2))], axis=1)
    masks = np.zeros((count, HEIGHT, WIDTH), np.uint8)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
        mask[y0:y1, x0:x1] = 1
    pixels = random.integers(0, 256, (count, HEIGHT, WIDTH, 3), np.uint8)
    return Pictures(pixels, labels, boxes, masks, 3 * len(CLASSES))


def everything(pictures):
    return range(len(pictures.labels))


def write_class_folders(root, pictures):
    for number in everything(pictures):
        pictures.draw(root / pictures.split(number), number)


def write_mask_folders(root, pictures):
    for number in everything(pictures):
        pictures.draw(root / "images" / pictures.split(number), number)
        mask = root / "masks" / pictures.split(number) / pictures.file(number)
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures.masks[number]).save(mask)


def write_csv(root, pictures):
    rows = ["image;species;xmin;ymin;xmax;ymax;subset"]
    for number in everything(pictures):
        pictures.draw(root / "photos", number)
        box = ";".join(map(str, pictures.boxes[number]))
        name = pictures.file(number).replace("/", "\\")
        rows.append(f'"{name}";{pictures.label(number)};{box};{pictures.split(number)}')
    # From the last to the first: the order of the rows is nobody's.
    (root / "labels.csv").write_text("\n".join([rows[0], *rows[:0:-1]]))


def write_yolo(root, pictures):
    # Numbers of its own: only the names count.
    numbers = {name: 3 - number for number, name in enumerate(CLASSES)}
    for number in everything(pictures):
        path = pictures.draw(root / pictures.split(number) / "images", number)
        x0, y0, x1, y1 = pictures.boxes[number]
        box = ((x0 + x1) / 2 / WIDTH, (y0 + y1) / 2 / HEIGHT, (x1 - x0) / WIDTH, (y1 - y0) / HEIGHT)
        labels = Path(str(path.with_suffix(".txt")).replace("/images/", "/labels/"))
        labels.parent.mkdir(parents=True, exist_ok=True)
        words = [str(numbers[pictures.label(number)]), *map(repr, map(float, box))]
        labels.write_text(" ".join(words))
    names = {number: name for name, number in numbers.items()}
    text = f"path: .\ntrain: train/images\ntest: test/images\nnames: {json.dumps(names)}"
    (root / "data.yaml").write_text(text.replace('"', ""))


def write_voc(root, pictures):
    lists = {"train": [], "test": []}
    for number in everything(pictures):
        path = pictures.draw(root / "JPEGImages", number)
        x0, y0, x1, y1 = pictures.boxes[number]
        xml = root / "Annotations" / path.relative_to(root / "JPEGImages").with_suffix(".xml")
        xml.parent.mkdir(parents=True, exist_ok=True)
        xml.write_text(
            f"<annotation><object><name>{pictures.label(number)}</name><bndbox>"
            f"<xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
            "</bndbox></object></annotation>"
        )
        lists[pictures.split(number)].append(pictures.file(number))
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for split, names in lists.items():
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(names))


def write_coco(root, pictures):
    # Ids with gaps, in an order of their own: only the names count.
    ids = {name: 7 * (5 - number) for number, name in enumerate(CLASSES)}
    listed = {
        split: {
            "images": [],
            "annotations": [],
            "categories": [{"id": ids[name], "name": name} for name in CLASSES],
        }
        for split in ("train", "test")
    }
    for number in everything(pictures):
        path = pictures.draw(root / "images", number)
        x0, y0, x1, y1 = map(float, pictures.boxes[number])
        mine = listed[pictures.split(number)]
        name = path.relative_to(root / "images").as_posix()
        mine["images"].append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT})
        mine["annotations"].append(
            {
                "id": number,
                "image_id": number,
                "category_id": ids[pictures.label(number)],
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "segmentation": [[x0, y0, x1, y0, x1, y1, x0, y1]],
            }
        )
    (root / "annotations").mkdir()
    for split, values in listed.items():
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(values))


def write_npz(root, pictures):
    parts = {"train": slice(None, pictures.train), "test": slice(pictures.train, None)}
    arrays = {}
    for split, rows in parts.items():
        arrays[f"{split}_images"] = pictures.pixels[rows]
        arrays[f"{split}_labels"] = pictures.labels[rows]
        arrays[f"{split}_boxes"] = pictures.boxes[rows]
        arrays[f"{split}_masks"] = pictures.masks[rows]
    np.savez(root / "data.npz", class_names=np.array(CLASSES), **arrays)


def write_idx(root, pictures):
    parts = {"train": slice(None, pictures.train), "t10k": slice(pictures.train, None)}
    for split, rows in parts.items():
        arrays = {"images-idx4": pictures.pixels[rows], "labels-idx1": pictures.labels[rows]}
        for name, array in arrays.items():
            array = np.asarray(array, np.uint8)
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            path = root / f"{split}-{name}-ubyte.gz"
            path.write_bytes(gzip.compress(head + array.tobytes()))


class Written(NamedTuple):
    """How a format is written, what it carries, and with which options it is read.

    What it carries besides, and cannot carry as the others do, is proved elsewhere.
    """

    write: Callable[[Path, Pictures], None]
    carries: str
    options: Mapping[str, Any] = MappingProxyType({})
    besides: str = ""


MASKS = {"classes": {"0": "ground", "1": "thing"}}
WRITERS = {
    "class_folders": Written(write_class_folders, "class"),
    "csv": Written(write_csv, "class box"),
    # Its masks tell the classes apart, which these masks do not: see test_yolo.py.
    "yolo": Written(write_yolo, "class box", besides="mask"),
    "voc": Written(write_voc, "class box"),
    "coco": Written(write_coco, "class box mask", {"classes": dict.fromkeys(CLASSES, "thing")}),
    "npz": Written(write_npz, "class box mask", MASKS),
    "idx": Written(write_idx, "class", {"names": CLASSES}),
    "mask_folders": Written(write_mask_folders, "mask", MASKS),
}


@pytest.fixture(scope="module", params=list(WRITERS))
def written(request, tmp_path_factory, pictures):
    """A format's name, and the folder in which the data set is written in it."""
    root = tmp_path_factory.mktemp(request.param)
    WRITERS[request.param].write(root, pictures)
    return request.param, root


def batches_of(split, targets):
    """The bytes of all that an epoch's batches hold."""
    prepared = prepare_split(split, Preprocessing((HEIGHT, WIDTH)), tuple(targets.split()))
    # Once with all that training does to them: it takes long to trace.
    augmentation = Augmentation.strength("light") if targets == "class box" else None
    batches = training_batches(prepared, augmentation, batch_size=4, seed=5, epoch=2)
    return [{key: value.numpy().tobytes() for key, value in batch.items()} for batch in batches]


@pytest.fixture(scope="module")
def expected(pictures):
    """The batches of the arrays themselves, which no format was written of."""
    fractions = pictures.boxes / (WIDTH, HEIGHT, WIDTH, HEIGHT)
    held = {
        "image": tf.constant(pictures.pixels),
        "class": tf.constant(pictures.labels, tf.int32),
        "box": tf.constant(fractions, tf.float32),
        "mask": tf.constant(pictures.masks),
    }

    def read(index):
        return {key: value[index] for key, value in held.items()}

    split = Split("train", pictures.train, read, str)
    return {targets: batches_of(split, targets) for targets in TARGETS}


@pytest.mark.parametrize("targets", TARGETS)
def test_training_batches_are_the_same_bit_for_bit(written, targets, pictures, expected):
    name, root = written
    if not set(targets.split()) <= set(WRITERS[name].carries.split()):
        # Another test holds the format to what it carries.
        return
    dataset = open_dataset(
        "auto",
        root,
        targets=targets.split(),
        validation=0,
        **(WRITERS[name].options if name == "idx" or "mask" in targets else {}),
    )
    assert dataset.findings[0].text.startswith(f"taken as {name}: ")
    assert list(dataset.splits) == ["train", "test"]
    assert dataset.splits["test"].length == len(pictures.labels) - pictures.train
    if "class" in targets:
        # People count: class_9 comes before class_10.
        assert dataset.label_names == CLASSES
        assert dataset.splits["train"].counts == (3, 3, 3, 3)
    found = batches_of(dataset.splits["train"], targets)
    assert len(found) == 3
    assert found == expected[targets]


def test_each_format_that_is_told_by_its_files_takes_part(tmp_path):
    from zoo.data import formats

    told = {source for source, module in formats._formats().items() if hasattr(module, "recognize")}
    # Pets are one published set, and TFDS's are prepared by TFDS.
    assert told - {"oxford_pets", "tfds"} == set(WRITERS)
    rows = {row.name: row for row in list_datasets()}
    for name, one in WRITERS.items():
        assert set(rows[name].targets) == {*one.carries.split(), *one.besides.split()}
