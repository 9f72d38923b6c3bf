"""The zoo's loop and stock Keras' `fit`, for `train_step.py`.

Reads one JSON value a line: first what to train, then numbers of steps; answers each.
"""

import json
import os
import resource
import sys
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import build, tasks
from zoo.data.untuned import untuned
from zoo.models import describe
from zoo.training.loop import Loop
from zoo.training.network import training_network
from zoo.training.optimizer import make_optimizer
from zoo.training.recipe import DataOptions, InputOptions, Recipe


def graph_of(model: keras.Model) -> list[dict[str, Any]]:
    """Returns a functional model node by node, as plain values for another library."""
    nodes = []
    for operation in model.operations:
        inbound = operation._inbound_nodes[0]
        node: dict[str, Any] = {
            "name": operation.name,
            "kind": type(operation).__name__,
            "inputs": [tensor._keras_history.operation.name for tensor in inbound.input_tensors],
        }
        config = operation.get_config()
        for key in ("filters", "strides", "kernel_size", "pool_size", "use_bias", "padding"):
            if key in config:
                node[key] = config[key]
        for key in ("units", "scale", "offset", "epsilon", "momentum", "activation", "amounts"):
            if key in config:
                node[key] = config[key]
        given = inbound.input_tensors[0] if inbound.input_tensors else None
        node["shape"] = list(operation.output.shape[1:])
        node["given"] = None if given is None else list(given.shape[1:])
        nodes.append(node)
    return nodes


def batch_of(task: dict[str, Any]) -> dict[str, np.ndarray]:
    """Returns a batch of noise."""
    random = np.random.default_rng(0)
    size, batch = task["size"], task["batch"]
    images = random.integers(0, 256, (batch, size, size, 3), np.uint8)
    if task["task"] == "segmentation":
        return {"image": images, "mask": random.integers(0, 10, (batch, size, size), np.uint8)}
    return {"image": images, "class": random.integers(0, 10, batch, np.int32)}


def zoo_trainer(task: dict[str, Any]) -> Any:
    """Returns what trains some steps as the zoo does."""
    recipe = Recipe(
        task=task["task"],
        data=DataOptions(source="digit_scenes"),
        input=InputOptions(size=(task["size"], task["size"]), channels=3),
        model=task["model"],
        loss={"dice_weight": 0.0} if task["task"] == "segmentation" else {},
        precision=task["precision"],
    )
    network = training_network(recipe, task["classes"])
    names = tuple(map(str, range(task["classes"])))
    optimizer = make_optimizer(recipe, 100_000, network)
    strategy = tf.distribute.get_strategy()
    loop = Loop(network, tasks.get(recipe.task), names, recipe.loss, optimizer, strategy)
    one = tf.data.Dataset.from_tensors(batch_of(task))
    return lambda steps, **options: loop.train(untuned(one.repeat(steps).prefetch(2)), **options)


def keras_trainer(task: dict[str, Any]) -> Any:
    """Returns what trains some steps by `fit`, all as it comes."""
    if task["precision"] == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    model: Any = stock(task)
    key = "mask" if task["task"] == "segmentation" else "class"
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(1e-3), loss={key: loss}, metrics={key: ["accuracy"]})
    batch = batch_of(task)
    one = tf.data.Dataset.from_tensors((batch["image"].astype("float32"), {key: batch[key]}))
    # What tf.data's tuning costs at the end of a data set is a matter of epochs, not of steps.
    return lambda steps: model.fit(untuned(one.repeat(steps).prefetch(2)), verbose=0)


def stock(task: dict[str, Any]) -> keras.Model:
    """Returns the network in Keras' own layers."""
    shape = (task["size"], task["size"], 3)
    options = {"classes": task["classes"], "input_shape": shape, "activation": None}
    return build(task["task"], **options, **task["model"])


def most_memory() -> float:
    """Returns the most that this process has held so far, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def rates() -> dict[str, float]:
    """Returns the rate of matrix products, GFLOP/s, by precision."""
    found = {}
    for name in ("float32", "bfloat16"):
        left = tf.cast(tf.random.normal([2048, 2048]), name)
        times = []
        for _ in range(6):
            began = time.perf_counter()
            tf.matmul(left, left).numpy()
            times.append(time.perf_counter() - began)
        found[name] = 2 * 2048**3 / min(times) / 1e9
    return found


def main() -> None:
    """Answers until the questions end."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    task = json.loads(sys.stdin.readline())
    # What the libraries take by themselves is no part of the step's.
    before = most_memory()
    plain = stock(task)
    said = {
        "graph": graph_of(plain),
        "parameters": plain.count_params(),
        "multiply_adds": describe(plain).macs,
        "rates": rates(),
    }
    del plain
    keras.utils.clear_session()
    train = {"zoo": zoo_trainer, "keras": keras_trainer}[task["kind"]](task)
    print(json.dumps(said), file=answers, flush=True)
    for line in sys.stdin:
        steps = json.loads(line)["steps"]
        began = time.perf_counter()
        if steps:
            train(steps)
        seconds = (time.perf_counter() - began) / max(steps, 1)
        peak = most_memory() - before
        print(json.dumps({"seconds": seconds, "peak": peak}), file=answers, flush=True)


if __name__ == "__main__":
    main()
