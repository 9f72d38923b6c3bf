"""Several workers: two processes train as one, end together, and go on to the bit."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.training import tf_config, workers
from zoo.training.watch import Watch

ROOT = Path(__file__).parents[2]
# On a machine with nothing else to do it takes less than 15.
SECONDS = 45

RECIPE = '''"""Three grays, told apart."""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="classification",
    data=DataOptions(source="npz", path="grays.npz", validation=0.25, test=0.1),
    input=InputOptions(size=(8, 8), channels=1),
    model={"encoder": "plain", "filters": [2, 4], "head": "average"},
    augment={"noise": 10.0, "rotate": 20.0},
    epochs=3,
    batch_size=7,
    learning_rate=0.02,
    precision="float32",
    checkpoint={"steps": 2},
)
'''

# The same. The first worker goes on to its end once the other one has been gone for longer than a
# worker may be silent.
LATE = (
    RECIPE
    + """
import os
import time
from pathlib import Path

from zoo.training.tf_config import CONFIG, read_config

if CONFIG in os.environ:
    from zoo import finish
    from zoo.training import cluster

    worker, _ = read_config(os.environ[CONFIG])
    Path(f"worker{worker}").write_text(str(os.getpid()))
    at_once = finish.finish

    def late(*given):
        while Path("/proc", Path("worker1").read_text()).exists():
            time.sleep(0.1)
        time.sleep(cluster._SILENCE + 3)
        at_once(*given)
        Path("late").touch()

    finish.finish = late
"""
)

# A worker as a cluster runs it. Asked to, it dies in the middle of the second epoch.
WORKER = """
import hashlib
import os
import signal
import sys

import keras

import zoo
from zoo.training.cluster import join


class Watched(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if sys.argv[2:] == ["dies"] and (self.epoch, batch) == (1, 2):
            os.kill(os.getpid(), signal.SIGKILL)

    def on_train_end(self, logs=None):
        digest = hashlib.sha256(b"".join(value.tobytes() for value in self.model.get_weights()))
        print("digest", digest.hexdigest(), flush=True)


try:
    zoo.train("grays", run=sys.argv[1], callbacks=[Watched()])
except zoo.errors.WorkerLostError as error:
    sys.exit(f"Error: {error}")
group = join()
print("alike", group.alike(7, 2), group.alike(7, group.worker), flush=True)
"""


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}


def start_worker(worker, ports, *arguments):
    known = {**workers._environment(len(ports)), **environment()}
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, *arguments],
        env={**known, tf_config.CONFIG: tf_config.config(ports, worker)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def arrays(run):
    with np.load(Path(run) / "checkpoints" / "last.npz") as file:
        # Those that trained with callbacks hold what these remember besides.
        beside = ("state", "callbacks/memory")
        return {name: file[name] for name in file.files if name not in beside}


def history(run):
    lines = (Path(run) / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def broken_off(run, *, dies):
    """Two workers train until one of them dies. What the other said, and the seconds it went on."""
    ports = workers.free_ports(2)
    pair = [
        start_worker(worker, ports, run, *(["dies"] if worker == dies else [])) for worker in (0, 1)
    ]
    try:
        pair[dies].communicate(timeout=300)
        since = time.monotonic()
        said = pair[1 - dies].communicate(timeout=120)[1]
        return {
            "code": pair[1 - dies].returncode,
            "said": said,
            "seconds": time.monotonic() - since,
        }
    finally:
        for one in pair:
            one.kill()
            one.communicate()


def run_zoo(*arguments):
    """Runs a command as a user does, to its end."""
    return subprocess.run(
        [sys.executable, "-c", workers._COMMAND, *arguments],
        env=environment(), capture_output=True, text=True, timeout=600,
    )  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A working folder with recipes and pictures."""
    folder = tmp_path_factory.mktemp("workers")
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 40)
    noise = random.integers(0, 80, (40, 8, 8, 1))
    grays = (noise + 60 * labels[:, np.newaxis, np.newaxis, np.newaxis]).astype(np.uint8)
    np.savez(folder / "grays.npz", x_train=grays, y_train=labels)
    (folder / "recipes").mkdir()
    (folder / "recipes" / "grays.py").write_text(RECIPE)
    (folder / "recipes" / "late.py").write_text(LATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def trained(place):
    """A run of one process, one of two, and two of two that were broken off."""
    pair: list[subprocess.Popen[str]] = []
    try:
        zoo.train("grays", run="runs/alone", watch=Watch(quiet=True))
        ports = workers.free_ports(2)
        pair = [start_worker(worker, ports, "runs/two") for worker in (0, 1)]
        said = [one.communicate(timeout=300) for one in pair]
        assert [one.returncode for one in pair] == [0, 0], said
        lines = [line for out, _ in said for line in out.splitlines()]
        told = {name: [line for line in lines if name in line] for name in ("digest", "alike")}
        left = {dies: broken_off(f"runs/broken{dies}", dies=dies) for dies in (0, 1)}
        yield {"told": told, "left": left}
    finally:
        for one in pair:
            one.kill()
            one.communicate()


@pytest.mark.slow
def test_two_workers_train_as_one_process(trained):
    rows, alone = history("runs/two"), history("runs/alone")
    assert len(rows) == len(alone) == 3
    for row, wanted in zip(rows, alone, strict=True):
        for name in ("loss", "validation_loss", "accuracy", "validation_accuracy"):
            assert row[name] == pytest.approx(wanted[name], rel=0, abs=1e-6), name
    first, second = trained["told"]["digest"]
    assert first == second
    found = arrays("runs/two")
    for name, value in arrays("runs/alone").items():
        if name.startswith("network"):
            np.testing.assert_allclose(found[name], value, atol=1e-5)
    assert Path("runs/two/model.keras").is_file()


@pytest.mark.slow
def test_workers_learn_whether_they_have_the_same_numbers(trained):
    assert trained["told"]["alike"] == ["alike True False"] * 2


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_worker_ends_the_other(trained, lost):
    left = trained["left"][lost]
    assert left["code"] == 1
    wanted = f"Error: worker {1 - lost} of 2 has lost touch"
    assert left["said"].strip().splitlines()[-1].startswith(wanted)
    assert left["seconds"] < SECONDS
    assert not Path(f"runs/broken{lost}/model.keras").exists()


@pytest.mark.slow
# Both read the checkpoint that the first worker wrote.
@pytest.mark.parametrize("lost", [0, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_a_restart_goes_on_to_the_bit(trained, lost):
    run = f"runs/broken{lost}"
    done = run_zoo("train", "grays", "--workers", "2", "--run", run, "--resume")
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"resuming {run} after step 2 of epoch 2" in done.stderr
    assert f"run      {run}" in done.stdout
    straight, broken = arrays("runs/two"), arrays(run)
    assert straight.keys() == broken.keys()
    for name, value in straight.items():
        np.testing.assert_array_equal(value, broken[name], err_msg=name)
    for row, wanted in zip(history(run), history("runs/two"), strict=True):
        for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
            assert row[name] == wanted[name]
    assert Path(f"{run}/model.keras").is_file()


@pytest.mark.slow
def test_the_first_worker_goes_the_whole_way_when_the_other_has_ended(place):
    done = run_zoo("run", "late", "--workers", "2", "--run", "runs/whole", "--json")
    assert done.returncode == 0, done.stderr[-3000:]
    assert Path("late").is_file()
    (line,) = done.stdout.splitlines()
    said = json.loads(line)
    assert set(said["scores"]) == {"accuracy"}
    assert Path(said["model"], "saved_model.pb").is_file()
    assert Path(said["report"]).is_file()
