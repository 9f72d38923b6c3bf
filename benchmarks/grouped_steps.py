"""Training steps many at a time in one graph against the same steps one by one.

    python benchmarks/grouped_steps.py [--rounds 7]

Both train the same networks on the same batch in one process, in turn. The first rounds, which
trace and find out how many steps pass in a tenth of a second, do not count.
"""

import argparse
import os
import time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from train_step_keras import zoo_trainer

NETWORKS: dict[str, dict[str, Any]] = {
    "two convolutions, 8 px": {"model": {"encoder": "plain", "filters": [4, 8]}, "size": 8},
    "plain 16, 32, 28 px": {"model": {"encoder": "plain", "filters": [16, 32]}, "size": 28},
    "resnet20, 32 px": {"model": {"encoder": "resnet20"}, "size": 32},
}
# About as long as a round of each is to take.
_SECONDS = 1.0


def measure(task: dict[str, Any], rounds: int) -> dict[str, float]:
    """Returns the median milliseconds of a step, one by one and in groups."""
    train = zoo_trainer(task)
    ways = {"one by one": {"most": lambda: 1}, "in groups": {}}
    for options in ways.values():
        train(64, **options)
    began = time.perf_counter()
    train(16, **ways["one by one"])
    steps = max(16, int(_SECONDS * 16 / (time.perf_counter() - began)))
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, options in ways.items():
            began = time.perf_counter()
            train(steps, **options)
            taken[way].append((time.perf_counter() - began) / steps * 1e3)
    return {way: float(np.median(values)) for way, values in taken.items()}


def main() -> None:
    """Measures all networks in float32 and prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    for name, network in NETWORKS.items():
        common = {"task": "classification", "batch": 32, "classes": 10, "precision": "float32"}
        found = measure({**common, **network}, options.rounds)
        ratio = found["one by one"] / found["in groups"]
        told = ", ".join(f"{way} {value:.2f} ms" for way, value in found.items())
        print(f"{name}: {told}, {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
