"""COCO sets that tests write and read."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image
from pycocotools import mask as tools

from zoo.data import open_dataset

CATEGORIES = {7: "dog", 3: "cat", 90: "bird"}
SQUARE = [[0, 0, 4, 0, 4, 4, 0, 4]]


class CocoFolder:
    """A data set in the making: pictures of 20x10 pixels, and the JSON about them."""

    def __init__(self, root: Path):
        self.root = root
        self.images, self.annotations = [], []
        self.categories = [{"id": id_, "name": name} for id_, name in CATEGORIES.items()]

    def picture(self, name, *objects, size=(20, 10), orientation=1, file=None, **entry):
        """Writes a picture and lists it, with its objects."""
        path = self.root / (file or f"images/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = orientation
        pixels = np.random.default_rng(len(self.images)).integers(0, 256, (*size[::-1], 3))
        Image.fromarray(pixels.astype(np.uint8)).save(path, exif=exif)
        self.list(name, **{"width": size[0], "height": size[1], **entry})
        for one in objects:
            self.add(**one)

    def list(self, name, **entry):
        self.images.append({"id": 100 + len(self.images), "file_name": name, **entry})

    def add(self, category=3, bbox=(1, 1, 4, 4), segmentation=SQUARE, **entry):
        self.annotations.append(
            {
                "id": 1000 + len(self.annotations),
                "image_id": self.images[-1]["id"] if self.images else 1,
                "category_id": category,
                "bbox": bbox if bbox is None else list(bbox),
                "segmentation": segmentation,
                "iscrowd": 0,
                **entry,
            }
        )

    def write(self, name="annotations/instances.json", **changes):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "info": {"description": "test"},
            "images": self.images,
            "annotations": self.annotations,
            "categories": self.categories,
        }
        path.write_text(json.dumps({**content, **changes}))
        self.images, self.annotations = [], []
        return path


def opened(root, *targets, **options):
    """Opens everything as one split, so that it matters only what is left out."""
    return open_dataset(
        "coco", root, targets=targets or None, **{"validation": 0, "test": 0, **options}
    )


def raw(dataset, root, split="train"):
    """The raw examples of a split, by the paths of the pictures below the folder."""
    found = dataset.splits[split]
    return {
        found.label(i).removeprefix(f"{root}/"): found.read(tf.constant(i, tf.int64))
        for i in range(found.length)
    }


def runs(mask, compressed):
    written = tools.encode(np.asfortranarray(mask.astype(np.uint8)))
    if compressed:
        return {"size": list(mask.shape), "counts": written["counts"].decode()}
    flat = np.concatenate([[0], mask.ravel(order="F").astype(int), [-1]])
    edges = np.flatnonzero(np.diff(flat))
    counts = np.diff(np.concatenate([[0], edges])).tolist()
    return {"size": list(mask.shape), "counts": counts}


def ellipse(rng, size):
    middle, radii = rng.uniform(0, 1, 2) * size, rng.uniform(2, 9, 2)
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    inside = ((rows - middle[0]) / radii[0]) ** 2 + ((columns - middle[1]) / radii[1]) ** 2 < 1
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    points = middle[::-1] + radii[::-1] * np.stack([np.cos(angles), np.sin(angles)], 1)
    return inside, points


def bad(**entry):
    return [{"category": 7, "bbox": [8, 2, 4, 4], **entry}]
