"""Encoders against each other: what accuracy does a given amount of computing buy?

    python benchmarks/encoders.py [--data digit_scenes] [--seconds 60] [--seeds 2]
        '{"encoder": "compact"}' '{"encoder": "resnet20"}' ...

Each network, the options of zoo.build() as JSON, is trained from scratch for the same processor
seconds, summed over the cores: so many steps as fit, with one cosine of learning rate over all of
them. What a step costs is measured before, in processor seconds of this process and for all
networks in turn, so that what else the machine does weighs on all of them alike. What counts is
the accuracy on validation pictures that are never trained on.
"""

import argparse
import functools
import json
import math
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

import zoo
from zoo.data import open_dataset
from zoo.training.network import choose_precision, training_copy

ROUNDS, STEPS = 7, 5


def arrays(split) -> tuple[np.ndarray, np.ndarray]:
    """Reads a split whole: uint8 [n, h, w, c] and int32 [n]."""
    images, labels = [], []
    for example in tf.data.Dataset.range(split.length).map(split.read):
        image = example["image"]
        images.append((tf.io.decode_image(image) if image.dtype == tf.string else image).numpy())
        labels.append(int(example["class"]))
    return np.stack(images), np.array(labels, "int32")


class Trained:
    """A network with the step that trains it.

    Args:
        options: Of zoo.build().
        shape: Height, width and channels.
        classes: How many.
        seed: Of the initial weights.
    """

    def __init__(self, options: dict, shape: tuple[int, ...], classes: int, seed: int):
        keras.utils.set_random_seed(seed)
        model = zoo.build(
            "classification", classes=classes, input_shape=shape, activation=None, **options
        )
        self.model = model = training_copy(model)
        optimizer = keras.optimizers.AdamW(weight_decay=0.02)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        optimizer.build(model.trainable_variables)
        loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

        @tf.function
        def step(pictures, classes, rate):
            optimizer.learning_rate.assign(rate)
            with tf.GradientTape() as tape:
                loss = loss_of(
                    classes, model(tf.cast(pictures, tf.float32), training=True)["class"]
                )
            optimizer.apply(tape.gradient(loss, model.trainable_variables))

        self._step = step

    def step(self, pictures: np.ndarray, classes: np.ndarray, rate: float) -> None:
        """Trains on one batch."""
        # A tensor: for every new Python number TensorFlow would trace the step anew.
        self._step(tf.constant(pictures), tf.constant(classes), tf.constant(rate, tf.float32))

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """The share of pictures whose likeliest class is the right one."""
        right = 0
        for first in range(0, len(images), 256):
            rows = slice(first, first + 256)
            answers = np.asarray(self.model(images[rows].astype("float32"))["class"])
            right += int((answers.argmax(-1) == labels[rows]).sum())
        return right / len(images)


def costs(networks: list[Trained], images: np.ndarray, labels: np.ndarray) -> list[float]:
    """Processor seconds of a step of each network: medians over rounds, all in turn."""
    found: list[list[float]] = [[] for _ in networks]
    for network in networks:
        network.step(images, labels, 0.0)
    for _ in range(ROUNDS):
        for network, times in zip(networks, found, strict=True):
            begun = time.process_time()
            for _ in range(STEPS):
                network.step(images, labels, 0.0)
            times.append((time.process_time() - begun) / STEPS)
    return [statistics.median(times) for times in found]


def train(
    network: Trained, images: np.ndarray, labels: np.ndarray, steps: int, args, seed: int
) -> None:
    """Trains for so many steps, the learning rate rising for a twentieth of them."""
    order = np.random.default_rng(seed)
    warm = max(steps // 20, 1)
    for number in range(steps):
        rows = order.integers(0, len(images), args.batch)
        cosine = 0.5 * (1 + math.cos(math.pi * number / steps))
        network.step(images[rows], labels[rows], args.rate * min((number + 1) / warm, 1) * cosine)


def main() -> None:
    """Trains each network in turn and prints a line of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="+", type=json.loads)
    parser.add_argument("--data", default="digit_scenes")
    parser.add_argument("--path", help="The folder with the data set's files.")
    parser.add_argument("--splits", type=json.loads)
    parser.add_argument("--enlarge", type=int, default=1, help="Repeat each pixel so many times.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--precision", default="auto")
    args = parser.parse_args()
    dataset = open_dataset(args.data, args.path, targets=("class",), splits=args.splits)
    (images, labels), validation = (
        arrays(dataset.splits[name]) for name in ("train", "validation")
    )
    larger = functools.partial(np.repeat, repeats=args.enlarge)
    images, seen = (larger(larger(x, axis=1), axis=2) for x in (images, validation[0]))
    precision = choose_precision(args.precision)
    if precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    print(f"{dataset.name}: {len(images)} pictures of {images.shape[1:]}, {precision}", flush=True)

    make = functools.partial(Trained, shape=images.shape[1:], classes=len(dataset.label_names))
    batch = images[: args.batch], labels[: args.batch]
    paid = costs([make(options, seed=0) for options in args.networks], *batch)
    for options, cost in zip(args.networks, paid, strict=True):
        steps = max(int(args.seconds / cost), 1)
        found = []
        for seed in range(args.seeds):
            network = make(options, seed=seed)
            train(network, images, labels, steps, args, seed)
            found.append(network.accuracy(seen, validation[1]))
        spread = f" +- {statistics.stdev(found):.4f}" if len(found) > 1 else ""
        print(
            f"{statistics.mean(found):.4f}{spread}  {steps:5d} steps of {1000 * cost:.1f} ms  "
            f"{network.model.count_params():10,d} parameters  {json.dumps(options)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
