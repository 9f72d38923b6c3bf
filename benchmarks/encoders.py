"""Encoders against each other: what accuracy does a given amount of computing buy?

    python benchmarks/encoders.py [--data digit_scenes] [--seconds 60] [--seeds 1]
        '{"encoder": "compact"}' '{"encoder": "resnet20"}' ...

Each network, the options of zoo.build() as JSON, is trained from scratch for the same processor
seconds of this process, summed over the cores, whatever else the machine does: so many steps as
fit, with one cosine of learning rate over all of them. Seconds are measured by the first steps.
What counts is the accuracy on validation pictures that are never trained on.
"""

import argparse
import json
import math
import time

import keras
import numpy as np
import tensorflow as tf

import zoo
from zoo.data import open_dataset
from zoo.training.network import fuse_batch_normalization

PROBE = 10


def arrays(split, limit: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Reads a split whole: uint8 [n, h, w, c] and int32 [n]."""
    examples = tf.data.Dataset.range(min(split.length, limit or split.length)).map(split.read)
    images, labels = [], []
    for example in examples.as_numpy_iterator():
        image = example["image"]
        if image.dtype != np.uint8:
            image = tf.io.decode_image(image).numpy()
        images.append(image)
        labels.append(example["class"])
    return np.stack(images), np.array(labels, "int32")


def train(images, labels, options: dict, seconds: float, batch: int, rate: float, seed: int):
    """Trains a network for so many processor seconds; returns it and its number of steps."""
    keras.utils.set_random_seed(seed)
    classes = int(labels.max()) + 1
    model = fuse_batch_normalization(
        zoo.build(
            "classification",
            classes=classes,
            input_shape=images.shape[1:],
            activation=None,
            **options,
        )
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.02)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.build(model.trainable_variables)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step(pictures, classes, rate):
        optimizer.learning_rate.assign(rate)
        with tf.GradientTape() as tape:
            loss = loss_of(classes, model(pictures, training=True)["class"])
        optimizer.apply(tape.gradient(loss, model.trainable_variables))

    order = np.random.default_rng(seed)

    def take(number: int, rate: float) -> None:
        for _ in range(number):
            rows = order.integers(0, len(images), batch)
            step(tf.constant(images[rows], tf.float32), tf.constant(labels[rows]), rate)

    variables = [*model.variables, *optimizer.variables]
    start = [np.array(variable) for variable in variables]
    take(3, 0.0)
    begun = time.process_time()
    take(PROBE, 0.0)
    steps = max(int(seconds / (time.process_time() - begun) * PROBE), 1)
    for variable, value in zip(variables, start, strict=True):
        variable.assign(value)
    warm = max(steps // 20, 1)
    for number in range(steps):
        cosine = 0.5 * (1 + math.cos(math.pi * number / steps))
        take(1, rate * min((number + 1) / warm, 1) * cosine)
    return model, steps


def accuracy(model, images, labels) -> float:
    """The share of pictures whose likeliest class is the right one."""
    right = 0
    for first in range(0, len(images), 256):
        rows = slice(first, first + 256)
        answers = np.asarray(model(images[rows].astype("float32"))["class"])
        right += int((answers.argmax(-1) == labels[rows]).sum())
    return right / len(images)


def main() -> None:
    """Trains each network in turn and prints a line of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="+", type=json.loads)
    parser.add_argument("--data", default="digit_scenes")
    parser.add_argument("--path", help="The folder with the data set's files.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=3e-3)
    options = parser.parse_args()
    dataset = open_dataset(options.data, options.path, targets=("class",))
    images, labels = arrays(dataset.splits["train"])
    validation = arrays(dataset.splits["validation"])
    print(f"{options.data}: {len(images)} pictures of {images.shape[1:]}", flush=True)
    for network in options.networks:
        found, steps = [], 0
        for seed in range(options.seeds):
            model, steps = train(
                images, labels, network, options.seconds, options.batch, options.rate, seed
            )
            found.append(accuracy(model, *validation))
        spread = f" +- {np.std(found, ddof=1):.3f}" if len(found) > 1 else ""
        print(
            f"{np.mean(found):.3f}{spread}  {steps:5d} steps  "
            f"{model.count_params():10,d} parameters  {json.dumps(network)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
