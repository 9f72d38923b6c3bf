"""Ctrl-C and SIGTERM, whenever they come: one line on how to go on, and exit code 130."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

AGAIN = "--data pictures --run runs/colours --resume"


def raising(*arguments, **options):
    signal.raise_signal(signal.SIGTERM)


def test_while_the_data_are_read(here, zoo, monkeypatch):
    from zoo.training import train as training

    monkeypatch.setattr(training, "open_session", raising)
    result = zoo("train", "colours", "--data", "pictures", code=130)
    assert result.stderr.strip() == "Error: interrupted"
    assert not Path("runs").exists()


@pytest.mark.parametrize("command", ["describe", "check"])
def test_in_commands_that_save_nothing(here, zoo, monkeypatch, command):
    from zoo.cli import check, menu

    monkeypatch.setattr({"describe": menu, "check": check}[command], "start_tensorflow", raising)
    arguments = ["colours", "--data", "pictures"] if command == "describe" else ["pictures"]
    before = signal.getsignal(signal.SIGTERM)
    assert zoo(command, *arguments, code=130).stderr.strip() == "Error: interrupted"
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("stage", ["_epoch", "_finish", "evaluate", "export"])
def test_a_run_goes_on_to_its_end(here, zoo, monkeypatch, stage):
    from zoo.run import Run
    from zoo.training.course import Course

    of = Course if stage.startswith("_") else Run

    def interrupted(*arguments, **options):
        signal.raise_signal(signal.SIGTERM)
        return real(*arguments, **options)

    real = getattr(of, stage)
    with monkeypatch.context() as patch:
        patch.setattr(of, stage, interrupted)
        result = zoo("run", "colours", "--data", "pictures", code=130)
    said = f"Error: interrupted; the run is saved; go on with: zoo run colours {AGAIN}"
    assert result.stderr.strip().splitlines()[-1] == said
    assert not Path("savedmodels").exists()
    zoo(*said.split()[said.split().index("zoo") + 1 :])
    assert Path("runs/colours/evaluation.json").is_file()
    assert Path("savedmodels/colours/1").is_dir()


def test_no_other_seed_is_begun(here, zoo, monkeypatch):
    from zoo.training.course import Course

    real = Course._finish

    def interrupted(course):
        signal.raise_signal(signal.SIGTERM)
        real(course)

    monkeypatch.setattr(Course, "_finish", interrupted)
    result = zoo("train", "colours", "--data", "pictures", "--seeds", 2, code=130)
    again = "zoo train colours --data pictures --seeds 2 --run runs/colours --resume"
    said = f"Error: interrupted; the run is saved; go on with: {again}"
    assert result.stderr.strip().splitlines()[-1] == said
    assert [path.name for path in Path("runs/colours").iterdir()] == ["seed-0"]
    assert Path("runs/colours/seed-0/model.keras").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.exhaustive)]
)
def test_a_real_process(here, zoo, history, number):
    command = ["-m", "zoo", "train", "colours", "--data", "pictures", "--set", "epochs=100000"]
    run = Path("runs/colours")
    with subprocess.Popen(
        [sys.executable, *command],
        stderr=subprocess.PIPE,
        text=True,
        # Whoever started the tests may have its own way with Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    ) as process:
        while not (run / "metrics.jsonl").is_file():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    again = "zoo train colours --data pictures --set epochs=100000 --run runs/colours --resume"
    last = said.strip().splitlines()[-1]
    assert last == f"Error: interrupted; the run is saved; go on with: {again}"
    assert process.returncode == 130
    epochs = len(history(run)) + 1
    result = zoo(*again.replace("=100000", f"={epochs}").split()[1:])
    assert f"resuming {run} after" in result.stderr
    assert len(history(run)) == epochs
