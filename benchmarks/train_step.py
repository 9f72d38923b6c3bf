"""A training step with fused batch normalization against the same with Keras' own.

    python benchmarks/train_step.py [--rounds 7] [--batch 128] [--precision float32]

Both networks take the same batches in turn, so that a drift of the machine's speed
falls on both alike; what counts is the ratio of the medians.
"""

import argparse
import time

import numpy as np
import tensorflow as tf

from zoo import tasks
from zoo.training import network as networks
from zoo.training.loop import Loop
from zoo.training.optimizer import make_optimizer
from zoo.training.recipe import DataOptions, InputOptions, Recipe

STEPS = 5


def make_loop(recipe: Recipe, fused: bool) -> Loop:
    """Returns the training loop of a recipe, with or without the fused layer."""
    swap = networks.fuse_batch_normalization
    networks.fuse_batch_normalization = swap if fused else lambda model: model
    try:
        network = networks.training_network(recipe, 10)
    finally:
        networks.fuse_batch_normalization = swap
    names = tuple(map(str, range(10)))
    optimizer = make_optimizer(recipe, 1000, network)
    return Loop(network, tasks.get(recipe.task), names, {}, optimizer, tf.distribute.get_strategy())


def main() -> None:
    """Times both in turn and prints medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    options = parser.parse_args()
    recipe = Recipe(
        task="classification",
        data=DataOptions(source="digit_scenes"),
        input=InputOptions(size=(options.size, options.size), channels=3),
        model={"encoder": "plain", "filters": [16, 32, 64], "residual": True},
        precision=options.precision,
    )
    random = np.random.default_rng(0)
    shape = (options.batch, options.size, options.size, 3)
    batch = {
        "image": random.integers(0, 256, shape, np.uint8),
        "class": random.integers(0, 10, options.batch, np.int32),
    }
    steps = tf.data.Dataset.from_tensors(batch).repeat(STEPS)
    loops = {"fused": make_loop(recipe, True), "Keras": make_loop(recipe, False)}
    times: dict[str, list[float]] = {name: [] for name in loops}
    for loop in loops.values():
        loop.train(steps)
    for _ in range(options.rounds):
        for name, loop in loops.items():
            began = time.perf_counter()
            loop.train(steps)
            times[name].append((time.perf_counter() - began) / STEPS)
    medians = {name: float(np.median(values)) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name:6} {median * 1000:7.1f} ms a step")
    print(f"Keras / fused: {medians['Keras'] / medians['fused']:.2f}")


if __name__ == "__main__":
    main()
