"""A training step of the zoo against stock Keras' `fit` and plain PyTorch.

    python benchmarks/train_step.py --peers PYTHON [--rounds 5] [--only NAME]

PYTHON is an interpreter with torch, which is none of the project's dependencies. All train the
same network (the zoo's, node by node, in PyTorch too) on the same batch with AdamW, each in a
process of its own, in turn; what counts are the ratios of the medians. Each time is also told as
the share of the machine's rate of matrix products in its precision that the step's
multiply-adds reach, three times the network's own.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

NETWORKS: dict[str, dict[str, Any]] = {
    "resnet20, 32 px": {
        "task": "classification",
        "model": {"encoder": "resnet20"},
        "size": 32,
        "batch": 128,
    },
    "resnet18, 128 px": {
        "task": "classification",
        "model": {"encoder": "resnet18"},
        "size": 128,
        "batch": 32,
    },
    "U-Net, 128 px": {
        "task": "segmentation",
        "model": {"encoder": "plain", "filters": [32, 64, 128, 256, 512]},
        "size": 128,
        "batch": 16,
    },
}
CLASSES = 10
CONTESTANTS = {
    "zoo float32": ("tensorflow", "zoo", "float32"),
    "zoo bfloat16": ("tensorflow", "zoo", "bfloat16"),
    "Keras fit float32": ("tensorflow", "keras", "float32"),
    "Keras fit bfloat16": ("tensorflow", "keras", "bfloat16"),
    "PyTorch float32": ("torch", "torch", "float32"),
    "PyTorch bfloat16": ("torch", "torch", "bfloat16"),
}
_HERE = Path(__file__).parent


class Contestant:
    """One way to train, in a process of its own, asked line by line."""

    def __init__(self, python: str, script: str, task: dict[str, Any]):
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen([python, str(_HERE / script)], **pipes)
        self.said = self._ask(task)

    def seconds(self, steps: int) -> float:
        """Trains some steps; returns seconds a step."""
        return self._ask({"steps": steps})["seconds"]

    def end(self) -> float:
        """Ends the process; returns the most memory that it held above the libraries', GiB."""
        peak = self._ask({"steps": 0})["peak"]
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        return peak

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args} ended")
        return json.loads(line)


def main() -> None:
    """Lets all train in turn, network by network, and prints medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="Python with torch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--only", default="", help="part of the name of the networks to train")
    options = parser.parse_args()
    for name, network in NETWORKS.items():
        if options.only in name:
            measure(name, network, options)


def measure(name: str, network: dict[str, Any], options: argparse.Namespace) -> None:
    """Measures one network and prints a table."""
    running: dict[str, Contestant] = {}
    graph: Any = None
    for contestant, (library, kind, precision) in CONTESTANTS.items():
        task = network | {"kind": kind, "precision": precision, "classes": CLASSES}
        if library == "tensorflow":
            python, script = sys.executable, "train_step_keras.py"
        elif options.peers:
            python, script, task["graph"] = options.peers, "train_step_torch.py", graph
        else:
            continue
        running[contestant] = Contestant(python, script, task)
        graph = graph or running[contestant].said["graph"]
    said = {one: running[one].said for one in running}
    counts = {value["parameters"] for value in said.values()}
    assert len(counts) == 1, f"the networks differ: {counts} parameters"
    times: dict[str, list[float]] = {one: [] for one in running}
    for number in range(options.rounds + 1):
        for one, contestant in running.items():
            # The first round is each one's warm-up, and tells how many steps fill the time.
            pace = times[one][0] if number else None
            steps = max(2, round(options.seconds / pace)) if pace else 3
            times[one].append(contestant.seconds(steps))
    medians = {one: float(np.median(values[1:])) for one, values in times.items()}
    peaks = {one: contestant.end() for one, contestant in running.items()}
    macs = said["zoo float32"]["multiply_adds"] * network["batch"] * 3
    rates = {
        precision: max(
            value["rates"][precision] for value in said.values() if precision in value["rates"]
        )
        for precision in ("float32", "bfloat16")
    }
    print(f"{name}, batch {network['batch']}, {counts.pop():,} parameters")
    print(f"  matrix products: {', '.join(f'{k} {v:,.0f} GFLOP/s' for k, v in rates.items())}")
    for one, median in medians.items():
        reached = 2 * macs / median / 1e9 / rates[CONTESTANTS[one][2]]
        spread = f"{min(times[one][1:]) * 1e3:.0f} to {max(times[one][1:]) * 1e3:.0f}"
        ratios = [
            f"{zoo.split()[1]} {median / medians[zoo]:.2f}"
            for zoo in ("zoo float32", "zoo bfloat16")
        ]
        print(
            f"  {one:20} {median * 1e3:7.1f} ms ({spread}), {reached:4.0%} of the rate, peak "
            f"{peaks[one]:.2f} GiB, this / zoo: {', '.join(ratios)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
