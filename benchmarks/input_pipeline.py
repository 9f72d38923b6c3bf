"""Pictures a second of the input pipeline, against Keras' layers, albumentations and OpenCV.

    python benchmarks/input_pipeline.py --data FOLDER --peers PYTHON [--rounds 5]

FOLDER is the Oxford-IIIT Pet set or a part of it; PYTHON an interpreter with torch,
albumentations and opencv-python-headless, which are none of the project's dependencies. All read
the same JPEGs with masks and boxes, make them 128 x 128 and flip, rotate, zoom, translate,
brighten and change the contrast of every one. They take turns: what counts are the ratios of the
medians.
"""

import argparse
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from pace import rate

from zoo import data
from zoo.augment import Augmentation
from zoo.data.pipeline import Prepared, prepare_split, training_batches
from zoo.preprocess import Preprocessing

TARGETS = ("class", "box", "mask")
CHANGES = {"rotate": 10.0, "zoom": 0.2, "translate": 0.1, "brightness": 0.15, "contrast": 0.2}
CACHED = {"from files": False, "cached": True}


def zoo_batches(prepared: Prepared, batch_size: int) -> Iterator[int]:
    """Yields the number of pictures of each of the zoo's batches, for ever."""
    augmentation = Augmentation(flip=True, **CHANGES)
    batches = training_batches(
        prepared, augmentation, batch_size=batch_size, seed=0, epoch=0, repeat=4000
    )
    for batch in batches:
        yield len(batch["image"])


def keras_batches(prepared: Prepared, size: int, batch_size: int, cached: bool) -> Iterator[int]:
    """Yields the same of tf.data with Keras' layers, as Keras' guides write it."""
    boxes = {"bounding_box_format": "rel_xyxy"}
    resize = keras.layers.Resizing(size, size, **boxes)
    share = {name: CHANGES[name] for name in ("brightness", "contrast")}
    layers = [
        keras.layers.RandomFlip("horizontal", **boxes),
        keras.layers.RandomRotation(CHANGES["rotate"] / 360, fill_mode="nearest", **boxes),
        keras.layers.RandomZoom(CHANGES["zoom"], fill_mode="nearest", **boxes),
        keras.layers.RandomTranslation(
            CHANGES["translate"], CHANGES["translate"], fill_mode="nearest", **boxes
        ),
        keras.layers.RandomBrightness(share["brightness"], **boxes),
        keras.layers.RandomContrast(share["contrast"], **boxes),
    ]

    def read(index):
        example = prepared.split.read(index)
        return resize(
            {
                "images": tf.io.decode_jpeg(example["image"], channels=3),
                "segmentation_masks": example["mask"][..., tf.newaxis],
                "bounding_boxes": {
                    "boxes": example["box"][tf.newaxis],
                    "labels": example["class"][tf.newaxis],
                },
            }
        )

    def augment(batch):
        for layer in layers:
            batch = layer(batch)
        return batch

    parallel = {"num_parallel_calls": tf.data.AUTOTUNE}
    examples = tf.data.Dataset.from_tensor_slices(prepared.indices)
    if cached:
        examples = examples.map(read, **parallel).map(as_bytes, **parallel).cache()
        examples = examples.shuffle(prepared.length).repeat()
    else:
        examples = examples.shuffle(prepared.length).repeat().map(read, **parallel)
    batches = examples.batch(batch_size, drop_remainder=True).map(augment, **parallel)
    for batch in batches.prefetch(tf.data.AUTOTUNE):
        yield len(batch["images"])


def as_bytes(example: dict) -> dict:
    """Returns the example with its picture and mask as uint8."""
    keys = ("images", "segmentation_masks")
    return {**example, **{key: tf.cast(example[key], tf.uint8) for key in keys}}


class Peers:
    """Contestants in another interpreter, asked line by line."""

    def __init__(self, python: str, task: dict):
        script = Path(__file__).with_name("input_pipeline_peers.py")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen([python, str(script)], **pipes)
        self.names = self._ask(task)

    def rate(self, name: str, seconds: float) -> float:
        """Returns pictures a second of one of ``names``."""
        return self._ask({"name": name, "seconds": seconds})

    def _ask(self, question):
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())


def task_of(prepared: Prepared, size: int, batch_size: int) -> dict:
    """Returns what the peers need to know: files, boxes in pixels, classes and changes."""
    examples = []
    for index in prepared.indices.tolist():
        picture, mask = (
            path
            for path in prepared.split.files(index)
            if Path(path).suffix.lower() in (".jpg", ".png")
        )
        read = prepared.split.read(tf.constant(index, tf.int64))
        height, width = tf.io.decode_jpeg(read["image"]).shape[:2]
        box = (read["box"].numpy() * [width, height, width, height]).tolist()
        examples.append([os.fspath(picture), os.fspath(mask), box, int(read["class"])])
    return {"examples": examples, "size": size, "batch_size": batch_size, "changes": CHANGES}


def contestants(options: argparse.Namespace) -> dict[str, Callable[[float], float]]:
    """Returns what runs for some seconds and gives pictures a second, by name."""
    pets = data.open_dataset(
        "oxford_pets",
        options.data,
        targets=TARGETS,
        splits={"train": "annotations/trainval.txt"},
        validation=0.0,
        test=0.0,
    )
    split = pets.split("train")
    preprocessing = Preprocessing(size=(options.size, options.size), fit="stretch")
    caches = {"from files": "none", "cached": "memory"}
    found = {}
    for how, cache in caches.items():
        prepared = prepare_split(split, preprocessing, TARGETS, cache=cache, unreadable="skip")
        layers = (prepared, options.size, options.batch, CACHED[how])
        found[f"zoo {how}"] = lambda seconds, prepared=prepared: rate(
            zoo_batches(prepared, options.batch), seconds
        )
        found[f"Keras layers {how}"] = lambda seconds, layers=layers: rate(
            keras_batches(*layers), seconds
        )
    if options.peers:
        peers = Peers(options.peers, task_of(prepared, options.size, options.batch))
        for name in peers.names:
            found[name] = lambda seconds, name=name: peers.rate(name, seconds)
    return found


def main() -> None:
    """Lets all take turns and prints medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peers", help="Python with torch, albumentations and OpenCV")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--only", help="part of the names of those that run")
    options = parser.parse_args()
    running = contestants(options)
    if options.only:
        running = {name: run for name, run in running.items() if options.only in name}
    rates: dict[str, list[float]] = {name: [] for name in running}
    for number in range(options.rounds + 1):
        for name, run in running.items():
            found = run(options.seconds)
            # The first round is each one's warm-up.
            if number:
                rates[name].append(found)
    medians = {name: float(np.median(values)) for name, values in rates.items()}
    for name, median in medians.items():
        how = "cached" if name.endswith("cached") else "from files"
        mine = medians.get(f"zoo {how}")
        ratio = f"  zoo / this: {mine / median:.2f}" if mine and mine != median else ""
        least, most = min(rates[name]), max(rates[name])
        print(f"{name:28} {median:6.0f} pictures/s ({least:.0f} to {most:.0f}){ratio}")


if __name__ == "__main__":
    main()
