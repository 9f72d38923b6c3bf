"""What a machine refuses while a run trains: one line, nothing lost, and on it goes."""

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import tensorflow as tf

TRAIN = ("train", "colours", "--data", "pictures", "--run", "small/run")
AGAIN = f"; go on with: zoo {' '.join(TRAIN)} --resume"


@pytest.fixture
def small(here):
    """A file system of four MiB."""
    folder = here / "small"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)]
    done = subprocess.run(mounting, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def before_second_epoch(monkeypatch, act):
    from zoo.training.course import Course

    real, calls = Course._epoch, []

    def epoch(course):
        calls.append(1)
        if len(calls) == 2:
            act()
        return real(course)

    monkeypatch.setattr(Course, "_epoch", epoch)


def test_a_full_disk(small, zoo, refused, monkeypatch):
    ballast = small / "ballast"

    def fill():
        ballast.write_bytes(bytes(shutil.disk_usage(small).free))

    with monkeypatch.context() as patch:
        before_second_epoch(patch, fill)
        said = refused(*TRAIN)
    assert said.startswith("Error: cannot write to small/run/")
    assert said.endswith(f": {os.strerror(errno.ENOSPC)}{AGAIN}")
    ballast.unlink()
    assert "after epoch 1 of 2" in zoo(*TRAIN, "--resume").stderr


def test_a_folder_that_became_read_only(small, zoo, refused, monkeypatch):
    def remount(how):
        subprocess.run(["mount", "-o", f"remount,{how}", str(small)], check=True)

    zoo(*TRAIN, "--set", "epochs=1")
    remount("ro")
    said = refused(*TRAIN, "--resume")
    wrong = f"Error: cannot write to small/run/.claim: {os.strerror(errno.EROFS)}"
    assert said == f"{wrong}{AGAIN}"
    remount("rw")
    assert "after epoch 1 of 2" in zoo(*TRAIN, "--resume").stderr


def failing(monkeypatch, error):
    """Makes the second epoch's input fail."""
    from zoo.training.session import Session

    real = Session.epoch_batches

    def batches(session, epoch, *arguments):
        if epoch:
            raise error
        return real(session, epoch, *arguments)

    monkeypatch.setattr(Session, "epoch_batches", batches)


def test_a_file_that_is_gone(here, zoo, refused, monkeypatch):
    gone = "{{function_node f}} red/3.png; No such file or directory\n\t [[{{node ReadFile}}]]"
    with monkeypatch.context() as patch:
        failing(patch, tf.errors.NotFoundError(None, None, gone))
        said = "red/3.png cannot be read or written (No such file or directory); mend that"
        assert refused(*TRAIN) == f"Error: {said}{AGAIN}"
    assert "after epoch 1 of 2" in zoo(*TRAIN, "--resume").stderr


def test_a_bug_keeps_its_traceback_and_the_run(here, zoo, monkeypatch):
    error = tf.errors.UnknownError(None, None, "RuntimeError: the reader was killed")
    failing(monkeypatch, error)
    result = zoo(*TRAIN, code=1)
    assert result.exception is error
    assert error.__notes__ == [f"What was saved of the run stays{AGAIN}"]
    assert Path("small/run/checkpoints/last.npz").is_file()
