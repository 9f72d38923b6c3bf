"""YOLO sets that tests write and read."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from zoo.data import open_dataset
from zoo.data.files.yolo import labels_path


class YoloFolder:
    """A YOLO set that a test fills."""

    def __init__(self, root: Path):
        self.root = root

    def add(self, name, text: str | None, size=(20, 10)):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size).save(path)
        if text is not None:
            labels = labels_path(path, self.root)
            labels.parent.mkdir(parents=True, exist_ok=True)
            labels.write_text(text)

    def open(self, path="", **options):
        options = {"validation": 0, "test": 0, "targets": ["class", "box"], **options}
        return open_dataset("yolo", self.root / path, **options)


def boxes(dataset, split="train"):
    found = dataset.splits[split]
    examples = {i: found.read(tf.constant(i, tf.int64)) for i in range(found.length)}
    return {
        Path(found.label(i)).name: (
            dataset.label_names[int(one["class"])],
            *np.round(one["box"].numpy().astype(float), 6).tolist(),
        )
        for i, one in examples.items()
    }
