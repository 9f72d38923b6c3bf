"""Fashion-MNIST: the zoo's recipes beside the two-convolution network of Keras' tutorial.

    python benchmarks/fashion_mnist.py --data FOLDER [--seeds 3] [RECIPE ...]

FOLDER holds the four published files. The tutorial's network ("Simple MNIST convnet", keras.io) is
trained as it comes, by `fit` in batches of 128, to its own plateau: until its loss on the 2,000
validation pictures has not fallen for five epochs (their accuracy moves by more from one epoch to
the next than it rises in five). What counts is the time to its best epoch, whose weights are kept.
Recipes are trained and evaluated as `zoo train` and `zoo evaluate` do it. Each run is a process of
its own, one after the other, seed by seed; times are of training alone, the first epoch's tracing
included, and beside them processor seconds of the whole process, which other work on the machine
changes less.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TUTORIAL = "tutorial network, Keras fit"
RECIPES = ("fashion_mnist", "fashion_mnist_long")
PATIENCE, MOST_EPOCHS = 5, 100


def tutorial(folder: str, seed: int) -> dict[str, float]:
    """Trains the tutorial's network to its plateau."""
    import keras

    from zoo.data.files.idx import read_idx

    def arrays(name: str) -> tuple[Any, Any]:
        images = read_idx(next(Path(folder).glob(f"{name}-images-idx3-ubyte*")))
        labels = read_idx(next(Path(folder).glob(f"{name}-labels-idx1-ubyte*")))
        return images[..., None].astype("float32") / 255, labels

    (images, labels), test = arrays("train"), arrays("t10k")
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    times: list[float] = []
    began = time.perf_counter()
    stop = keras.callbacks.EarlyStopping("val_loss", patience=PATIENCE, restore_best_weights=True)
    tell = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: times.append(time.perf_counter() - began)
    )
    model.fit(
        images[:58000], labels[:58000], 128, MOST_EPOCHS, verbose=0,
        validation_data=(images[58000:], labels[58000:]), callbacks=[tell, stop],
    )  # fmt: skip
    best = stop.best_epoch
    accuracy = model.evaluate(*test, verbose=0)[1]
    return {
        "accuracy": accuracy, "epochs": best + 1, "seconds": times[best],
        "parameters": model.count_params(), "best": (best + 1) / len(times),
    }  # fmt: skip


def trained(recipe: str, folder: str, seed: int) -> dict[str, float]:
    """Trains and evaluates a recipe."""
    import zoo

    with tempfile.TemporaryDirectory() as place:
        overrides = {"data.path": folder, "seed": seed}
        run = zoo.train(recipe, overrides, run=Path(place) / "run")
        return {
            "accuracy": run.evaluate().scores["accuracy"],
            "epochs": len(run.history),
            "seconds": sum(entry["seconds"] for entry in run.history),
            "parameters": run.model.count_params(),
            "best": 1.0,
        }


def in_process(who: str, folder: str, seed: int) -> dict[str, float]:
    """Does either in a process of its own; adds its processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, __file__, "--data", folder, "--alone", who, "--seed", str(seed)]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = json.loads(said.splitlines()[-1])
    # The tutorial's epochs after its best one are no part of its time.
    return {**found, "processor": used * found["best"]}


def show(rows: dict[str, list[dict[str, float]]]) -> None:
    """Prints a line for each: means over seeds, and their spread."""
    for who, found in rows.items():
        mean = {key: statistics.mean(one[key] for one in found) for key in found[0]}
        accuracies = [one["accuracy"] for one in found]
        spread = f" +- {statistics.stdev(accuracies):.4f}" if len(found) > 1 else ""
        print(
            f"{who:28} {mean['parameters']:9,.0f} parameters  {mean['epochs']:5.1f} epochs  "
            f"{mean['seconds']:6.0f} s ({mean['processor']:.0f} of processors)  "
            f"test accuracy {mean['accuracy']:.4f}{spread}, n {len(found)}",
            flush=True,
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs all, seed by seed, and prints what is known after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--data", required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if len(list(Path(options.data).glob("*-ubyte*"))) < 4:
        parser.error(
            f"{options.data} does not hold the four published files, *-ubyte or *-ubyte.gz"
        )
    if options.alone:
        run = tutorial if options.alone == TUTORIAL else None
        found = (
            run(options.data, options.seed)
            if run
            else trained(options.alone, options.data, options.seed)
        )
        print(json.dumps(found))
        return
    rows: dict[str, list[dict[str, float]]] = {}
    for seed in range(options.seeds):
        for who in (TUTORIAL, *options.recipes):
            rows.setdefault(who, []).append(in_process(who, options.data, seed))
            print(f"seed {seed}: {who} {rows[who][-1]}", file=sys.stderr, flush=True)
    show(rows)


if __name__ == "__main__":
    main()
