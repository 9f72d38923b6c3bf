"""Several workers as a user commands them: what goes together, and what is said otherwise."""

import json
from pathlib import Path

import pytest


@pytest.mark.parametrize("option", ["--dry-run", "--seeds=2"])
@pytest.mark.parametrize("group", [("--workers", "2"), ("--cluster", "slurm")])
def test_what_is_done_in_one_process_is_not_done_in_several(here, refused, option, group):
    said = refused("train", "colours", option, *group)
    assert f"{option.partition('=')[0]} trains in one process; leave {group[0]} out" in said


def configure(monkeypatch, workers):
    """Makes this process the first of so many workers."""
    cluster = {"worker": [f"127.0.0.1:{worker + 1}" for worker in range(workers)]}
    config = {"cluster": cluster, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))


ALONE = [
    ("train", "colours", "--seeds=2"),
    ("train", "colours", "--dry-run"),
    ("run", "colours", "--dry-run"),
    ("compare", "colours", "--vary", "epochs=1,2"),
]


@pytest.mark.parametrize("command", ALONE, ids=" ".join)
def test_nor_in_those_of_a_cluster(here, refused, monkeypatch, command):
    configure(monkeypatch, 3)
    said = refused(*command)
    what = "zoo compare" if command[0] == "compare" else command[2].partition("=")[0]
    assert said.startswith(f"Error: {what} trains each run in one process, and TF_CONFIG has 3")
    assert not Path("runs").exists()
    assert not Path("compares").exists()


@pytest.mark.parametrize("command", ALONE, ids=" ".join)
def test_a_cluster_of_one_is_none(here, refused, monkeypatch, command):
    configure(monkeypatch, 1)
    # The next thing to be refused.
    assert "did you mean 'epochs'" in refused(*command, "--set", "epoch=1")


def test_a_cluster_is_joined_or_started(here, refused):
    said = refused("run", "colours", "--workers", "2", "--cluster", "slurm")
    assert "give one" in said


def test_workers_of_a_cluster_need_one_run_folder(here, refused):
    assert "--run" in refused("train", "colours", "--cluster", "slurm")


def test_outside_of_a_cluster_that_is_said(here, refused, monkeypatch):
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    said = refused("train", "colours", "--cluster", "slurm", "--run", "runs/one")
    assert "start it with srun" in said


def test_a_cluster_of_another_size_than_asked_for_is_refused(here, refused, monkeypatch):
    configure(monkeypatch, 3)
    said = refused("train", "colours", "--workers", "2", "--run", "runs/one")
    assert "has 3 in a cluster already" in said


def test_a_damaged_configuration_is_said(here, refused, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{")
    said = refused("train", "colours", "--run", "runs/one")
    assert "TF_CONFIG cannot be read" in said


def test_workers_are_started_with_what_was_asked_for(here, zoo, monkeypatch):
    from zoo.cli import training

    calls = []
    monkeypatch.setattr(training, "run_workers", lambda *call: calls.append(call))
    given = ("colours", "--data", "pictures", "--set", "epochs=1", "--minutes", "2")
    zoo("run", *given, "--workers", "3", "--json", "--resume")
    command, *arguments = calls[0][1]
    assert calls[0][0] == 3
    assert command == "run"
    assert arguments == [
        "colours", "--data", "pictures", "--set", "epochs=1", "--set", "minutes=2",
        "--workers", "3", "--run", "runs/colours", "--resume", "--json",
    ]  # fmt: skip


@pytest.mark.parametrize("saved", [False, True])
def test_a_lost_worker_is_said_with_how_to_go_on(here, zoo, monkeypatch, saved):
    from zoo.cli import training
    from zoo.errors import WorkerLostError
    from zoo.training.folder import RunFolder

    def lose(*call):
        raise WorkerLostError("worker 1 ended by SIGKILL")

    monkeypatch.setattr(training, "run_workers", lose)
    if saved:
        folder = RunFolder("runs/one")
        folder.checkpoints.mkdir(parents=True)
        folder.last.touch()
    result = zoo("train", "colours", "--workers", "2", "--run", "runs/one", code=1)
    wanted = "; go on with: zoo train colours --workers 2 --run runs/one --resume" if saved else ""
    assert result.stderr.strip() == f"Error: worker 1 ended by SIGKILL{wanted}"
