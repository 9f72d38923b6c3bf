"""Runs killed at random moments and resumed, against the same runs left alone.

    python benchmarks/resume.py --folder WORK [--kills 100]

Trains a small network of each task with everything that draws at random: order, augmentation,
mixing, dropout, layers of noise, stochastic depth; with an average of the weights and in low
precision. A run is killed with -9 a few times (in a training step, while a checkpoint is written,
in validation) and resumed each time. In the end weights, optimizer state and history have to be
those of the uninterrupted run, bit for bit. Each round's result is appended to
WORK/results.jsonl: the same command goes on where it was stopped.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

PHASES = ("preparing", "step", "checkpoint", "validation")
_FREE = ("seconds", "epoch_began", "waited")
_TIMES = ("seconds", "pictures_per_second", "wait_share")
TASKS = ("classification", "localization", "segmentation")


def recipe_of(task: str) -> dict[str, Any]:
    """Returns a small recipe with everything that draws at random, as plain values."""
    drawn = {"dropout": 0.2, "noise": 0.1, "stochastic_depth": 0.2}
    return {
        "task": task,
        "data": {
            "source": "digit_scenes",
            "splits": {"train": "train[:64]", "validation": "train[64:80]"},
        },
        "input": {"size": [32, 32], "channels": 1},
        "model": {"encoder": "resnet8", "filters": [4, 8, 8], **drawn},
        "augment": {"strength": "medium", "mixup": 0.3, "noise": 5.0},
        "epochs": 6,
        "batch_size": 8,
        "learning_rate": 3e-3,
        "ema": 0.9,
        "accumulate": 2,
        "precision": "bfloat16",
        "checkpoint": {"steps": 3},
        "name": task,
    }


def differences(straight: Path, resumed: Path) -> list[str]:
    """Compares two run folders: what is not equal to the last bit, nothing where all is.

    Args:
        straight: The uninterrupted run.
        resumed: The other one.
    """
    found = []
    for name in ("last.npz", "chosen.npz"):
        with (
            np.load(straight / "checkpoints" / name) as wanted,
            np.load(resumed / "checkpoints" / name) as given,
        ):
            if wanted.files != given.files:
                return [f"{name} holds other variables"]
            states = [json.loads(str(one["state"]))["progress"] for one in (wanted, given)]
            if len({json.dumps({**state, **dict.fromkeys(_FREE)}) for state in states}) > 1:
                found.append(f"{name}: progress")
            found += [
                f"{name}: {key}"
                for key in wanted.files
                if key != "state" and wanted[key].tobytes() != given[key].tobytes()
            ]
    rows = [
        [{**json.loads(line), **dict.fromkeys(_TIMES)} for line in text.splitlines()]
        for text in ((run / "metrics.jsonl").read_text() for run in (straight, resumed))
    ]
    return found + ([] if rows[0] == rows[1] else ["metrics.jsonl"])


def work(recipe: dict[str, Any], folder: str, phase: Any) -> None:
    """Trains, in a process of its own; says in which phase it is.

    Args:
        recipe: Plain values.
        folder: The run's; what is there is gone on with.
        phase: A shared number, an index of ``PHASES``.
    """
    # Its output is of no use beside that of a hundred others.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    import zoo
    from zoo.training import checkpoint
    from zoo.training.loop import Loop
    from zoo.training.recipe import parse_recipe

    def during(number: int, function: Any) -> Any:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            before, phase.value = phase.value, number
            result = function(*arguments, **options)
            phase.value = before
            return result

        return wrapped

    loop: Any = Loop
    loop.train = during(1, Loop.train)
    checkpoint.save = during(2, checkpoint.save)
    loop.validate = during(3, Loop.validate)
    zoo.train(parse_recipe(recipe), run=folder, resume=True)


class Harness:
    """Starts and kills.

    Args:
        folder: For data and runs.
        seed: Of the moments.
    """

    def __init__(self, folder: Path, seed: int):
        self.folder = folder
        self._random = random.Random(seed)
        self._context = multiprocessing.get_context("forkserver")
        # Imported once, not by each of two hundred processes.
        self._context.set_forkserver_preload(["zoo.run", "zoo.data.formats.digit_scenes.builder"])

    def finish(self, recipe: dict[str, Any], run: Path) -> None:
        """Trains to the end."""
        process, _ = self._start(recipe, run)
        process.join()
        if process.exitcode:
            raise SystemExit(f"{run} ended with exit code {process.exitcode}")

    def kill(self, recipe: dict[str, Any], run: Path, phase: int) -> str | None:
        """Trains, and kills in a phase.

        Returns:
            The phase in which it was killed; ``None`` if it ended before.
        """
        process, seen = self._start(recipe, run)
        # From the first time that it trains, some time of a run, and then the phase wished for.
        _wait(process, seen, 1)
        time.sleep(self._random.uniform(0, 1.5))
        _wait(process, seen, phase)
        time.sleep(self._random.uniform(0, 0.004))
        found = PHASES[seen.value]
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        return found if process.exitcode == -signal.SIGKILL else None

    def round(self, task: str, kills: int) -> dict[str, Any]:
        """Kills a run some times, lets it end, and compares it with the uninterrupted one."""
        recipe = recipe_of(task)
        straight, run = self.folder / f"straight-{task}", self.folder / f"killed-{task}"
        if not (straight / "model.keras").is_file():
            shutil.rmtree(straight, ignore_errors=True)
            self.finish(recipe, straight)
        shutil.rmtree(run, ignore_errors=True)
        phases = []
        for _ in range(kills):
            phase = self.kill(recipe, run, self._random.randrange(1, len(PHASES)))
            if phase is None:
                break
            phases.append(phase)
        self.finish(recipe, run)
        return {"task": task, "killed": phases, "differences": differences(straight, run)}

    def _start(self, recipe: dict[str, Any], run: Path) -> tuple[Any, Any]:
        phase = self._context.Value("i", 0, lock=False)
        process: Any = self._context.Process(target=work, args=(recipe, str(run), phase))
        process.start()
        return process, phase


def _wait(process: Any, phase: Any, wished: int) -> None:
    while process.is_alive() and phase.value != wished:
        time.sleep(0.0005)


def main() -> None:
    """Goes on until there were enough kills, and prints what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--most", type=int, default=4, help="kills of one run")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("TFDS_DATA_DIR", str(options.folder / "data"))
    results = options.folder / "results.jsonl"
    rounds = (
        [json.loads(line) for line in results.read_text().splitlines()]
        if (results.is_file())
        else []
    )
    harness = Harness(options.folder, seed=len(rounds))
    while (left := options.kills - sum(len(one["killed"]) for one in rounds)) > 0:
        task = options.tasks[len(rounds) % len(options.tasks)]
        rounds.append(harness.round(task, min(left, options.most - len(rounds) % options.most)))
        with results.open("a") as file:
            file.write(json.dumps(rounds[-1]) + "\n")
        print(json.dumps(rounds[-1]), flush=True)
    for task in options.tasks:
        mine = [one for one in rounds if one["task"] == task]
        killed = Counter(phase for one in mine for phase in one["killed"])
        different = sum(bool(one["differences"]) for one in mine)
        print(f"{task:15} {len(mine)} runs, killed {dict(killed)}: {different} differ")
    sys.exit(any(one["differences"] for one in rounds))


if __name__ == "__main__":
    main()
