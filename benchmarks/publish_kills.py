"""Publishing killed with -9 at random moments, while a poller watches as a server does.

    python benchmarks/publish_kills.py --folder WORK [--kills 200]

A ready model is copied aside, checked, flushed and renamed to the next version by
``zoo.export.publish``, as ``zoo export`` does it, in a process that is killed: half of the
moments are of all the time that it takes, half within a step chosen at random. A poller lists
the versions without a pause. TensorFlow Serving takes any folder whose name is a number, at once:
so does the poller, which reads every file of a version it has not seen and compares size and
checksum with the ready model's. In the end each version is loaded by TensorFlow's C API and
answers. What has been found is appended to WORK/results.jsonl: the same command goes on where it
was stopped.
"""

import argparse
import hashlib
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

from zoo.export import publish as publishing
from zoo.export.c_api import Session
from zoo.export.publish import STAGED, publish
from zoo.versions import version_number, versions

STEPS = ("starting", "locking", "copying", "checking", "flushing", "renaming", "done")
Manifest = dict[str, tuple[int, str]]


def manifest_of(folder: Path) -> Manifest:
    """Returns size and checksum of every file of a folder by its path there."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            found[str(path.relative_to(folder))] = (len(data), hashlib.sha256(data).hexdigest())
    return found


def make_model(folder: Path) -> None:
    """Publishes a small network, in a process of its own: none of the others needs TensorFlow."""
    import zoo
    from zoo import tasks
    from zoo.export.savedmodel import export
    from zoo.inference import Predictor
    from zoo.preprocess import Preprocessing

    model = zoo.build(
        "localization", encoder="plain", filters=(2, 4), classes=3, input_shape=(16, 24, 3)
    )
    names = ("cat", "dog", "fox")
    task = tasks.get("localization")
    export(Predictor(model, task, Preprocessing((16, 24), 3), names), folder, [])


def work(ready: str, model: str, manifest: Manifest, step: Any) -> None:
    """Publishes once; says in which step it is.

    Args:
        ready: The folder of a SavedModel.
        model: Where to publish.
        manifest: Of the ready one.
        step: A shared number, an index of ``STEPS``.
    """

    def during(number: int, function: Any) -> Any:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            step.value = number
            return function(*arguments, **options)

        return wrapped

    def fill(staged: Path) -> None:
        step.value = STEPS.index("copying")
        shutil.copytree(ready, staged, dirs_exist_ok=True)
        step.value = STEPS.index("checking")
        if manifest_of(staged) != manifest:
            raise SystemExit("the copy is another")

    module: Any = publishing
    module._sync = during(STEPS.index("flushing"), module._sync)
    module._rename = during(STEPS.index("renaming"), module._rename)
    step.value = STEPS.index("locking")
    publish(Path(model), fill)
    step.value = STEPS.index("done")


def poll(model: str, manifest: Manifest, stop: Any, polls: Any, faults: Any) -> None:
    """Looks for new versions until told to stop, as fast as it can.

    Args:
        model: The folder with the versions.
        manifest: What each has to hold.
        stop: Set when nothing more will come.
        polls: A shared count.
        faults: A queue of what was wrong with a version.
    """
    seen: set[str] = set()
    last = False
    while not last:
        # Once more after the last was published.
        last = stop.is_set()
        polls.value += 1
        for name in os.listdir(model):
            if name in seen or version_number(name) is None:
                continue
            seen.add(name)
            found = manifest_of(Path(model) / name)
            if found != manifest:
                torn = sorted(set(manifest.items()) ^ set(found.items()))
                faults.put(f"{name}: {[path for path, _ in torn]}")
    faults.put(len(seen))


class Harness:
    """Starts and kills.

    Args:
        folder: Holds the ready model and what is published.
        seed: Of the moments.
    """

    def __init__(self, folder: Path, seed: int):
        self._random = random.Random(seed)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["zoo.export.publish", "zoo.export.c_api"])
        self.model = folder / "model"
        self.model.mkdir(exist_ok=True)
        ready = folder / "ready"
        if not versions(ready):
            maker: Any = self._context.Process(target=make_model, args=(ready,))
            maker.start()
            maker.join()
        self.ready = versions(ready)[-1]
        self.manifest = manifest_of(self.ready)

    def measure(self) -> float:
        """Publishes once undisturbed; returns how many seconds it took."""
        process, step = self._start()
        _wait(process, step, 1)
        began = time.perf_counter()
        process.join()
        if process.exitcode:
            raise SystemExit(f"publishing ended with exit code {process.exitcode}")
        return time.perf_counter() - began

    def kill(self, usual: float) -> str | None:
        """Publishes, and kills.

        Args:
            usual: Seconds that it takes.

        Returns:
            The step in which it was killed; ``None`` if it ended before.
        """
        process, step = self._start()
        _wait(process, step, 1)
        if self._random.random() < 0.5:
            time.sleep(self._random.uniform(0, usual))
        else:
            _wait(process, step, self._random.randrange(1, len(STEPS)))
            time.sleep(self._random.choice((0, self._random.uniform(0, 0.002))))
        found = STEPS[step.value]
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        return found if process.exitcode == -signal.SIGKILL else None

    def watched(self, kills: int) -> dict[str, Any]:
        """Kills so many times under the eyes of a poller.

        Returns:
            ``killed`` by step, ``published`` versions, ``polls``, ``left`` staged folders
            before the last publishing and ``faults``.
        """
        stop, faults = self._context.Event(), self._context.Queue()
        polls = self._context.Value("q", 0, lock=False)
        poller: Any = self._context.Process(
            target=poll, args=(str(self.model), self.manifest, stop, polls, faults)
        )
        poller.start()
        usual, killed = self.measure(), Counter()
        while killed.total() < kills:
            step = self.kill(usual)
            if step:
                killed[step] += 1
        left = len(list(self.model.glob(f"{STAGED}*")))
        self.measure()
        stop.set()
        found = []
        while not isinstance(one := faults.get(), int):
            found.append(one)
        poller.join()
        found += [f"{path.name} is left" for path in self.model.glob(f"{STAGED}*")]
        return {
            "killed": dict(killed),
            "published": one,
            "polls": polls.value,
            "left": left,
            "faults": found,
        }

    def load_all(self) -> list[str]:
        """Loads every version and asks it; returns what went wrong."""
        faults = []
        for version in versions(self.model):
            try:
                with Session(version) as session:
                    answer = session.run("serving_default", {"image_bytes": [b"no picture"]})
                if not answer["error"][0]:
                    faults.append(f"{version.name} has no error for what is no picture")
            # Whatever it is, a server would not serve it.
            except Exception as error:
                faults.append(f"{version.name}: {error}")
        return faults

    def _start(self) -> tuple[Any, Any]:
        step = self._context.Value("i", 0, lock=False)
        process: Any = self._context.Process(
            target=work, args=(str(self.ready), str(self.model), self.manifest, step)
        )
        process.start()
        return process, step


def _wait(process: Any, step: Any, wished: int) -> None:
    # Without a pause: renaming takes less than the shortest one.
    while step.value < wished and process.is_alive():
        pass


def main() -> None:
    """Goes on until there were enough kills, and prints what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--most", type=int, default=20, help="kills between two notes")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    results = options.folder / "results.jsonl"
    rounds = []
    if results.is_file():
        rounds = [json.loads(line) for line in results.read_text().splitlines()]
    harness = Harness(options.folder, seed=len(rounds))
    while (left := options.kills - sum(sum(one["killed"].values()) for one in rounds)) > 0:
        rounds.append(harness.watched(min(left, options.most)))
        with results.open("a") as file:
            file.write(json.dumps(rounds[-1]) + "\n")
        print(json.dumps(rounds[-1]), flush=True)
    faults = [fault for one in rounds for fault in one["faults"]] + harness.load_all()
    killed = sum((Counter(one["killed"]) for one in rounds), Counter())
    print(f"{killed.total()} kills: {dict(killed)}")
    print(
        f"{len(versions(harness.model))} versions published, seen in "
        f"{sum(one['polls'] for one in rounds):,} polls and loaded by the C API: "
        f"{len(faults)} faults"
    )
    print("\n".join(faults))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
