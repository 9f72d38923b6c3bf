"""What several files here make: a split made of numbers, and pictures with annotations."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.data import Split

LENGTH = 23


def _examples(length=LENGTH, **changes) -> Split:
    """Pictures of one gray value each, the number of the example."""

    def read(index):
        number = tf.cast(index, tf.int32)
        example = {
            "image": tf.cast(tf.fill([4, 4, 1], number), tf.uint8),
            "class": number % 3,
            "box": tf.constant([0.25, 0.25, 0.75, 1.0]) / tf.cast(1 + number % 2, tf.float32),
            "mask": tf.cast(tf.fill([4, 4], number % 5), tf.uint8),
        }
        for key, change in changes.items():
            example[key] = change(example[key], number)
        return example

    return Split("train", length, read, lambda index: f"example {index}")


@pytest.fixture(scope="session")
def examples():
    """The function that makes a split of 23 pictures, each of one gray value: its number."""
    return _examples


class VocFolder:
    """A folder of small pictures and annotations, to be filled by a test."""

    def __init__(self, root: Path):
        self.root = root
        (root / "JPEGImages").mkdir()
        (root / "Annotations").mkdir()

    def picture(self, name: str, size=(20, 10), orientation=1, pixels=None) -> Path:
        """Writes a picture of width and height, or of given pixels; noise tells places apart."""
        path = self.root / "JPEGImages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if pixels is None:
            pixels = np.random.default_rng(len(name)).integers(0, 256, (*size[::-1], 3), np.uint8)
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(pixels).save(path, exif=exif)
        return path

    def xml(self, name: str, *objects, size=(20, 10), filename="") -> Path:
        """Writes an annotation; objects are (name, xmin, ymin, xmax, ymax) as they shall stand."""
        things = "".join(
            f"<object><name>{label}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>"
            f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            for label, x0, y0, x1, y1 in objects
        )
        path = self.root / "Annotations" / f"{name}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"<annotation><filename>{filename}</filename><size><width>{size[0]}</width>"
            f"<height>{size[1]}</height></size>{things}</annotation>"
        )
        return path

    def good(self, *names: str, label="cat") -> None:
        """Writes pictures with nothing wrong."""
        for name in names:
            self.picture(f"{name}.png")
            self.xml(name, (label, 1, 1, 10, 5))


@pytest.fixture
def voc_folder(tmp_path):
    """An empty data set of Pascal VOC's layout, with functions that fill it."""
    return VocFolder(tmp_path)
