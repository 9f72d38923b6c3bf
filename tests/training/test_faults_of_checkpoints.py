"""A checkpoint that cannot be read now, or not by all, stays what there is to go on from."""

import errno
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import FaultError
from zoo.training import checkpoint
from zoo.training.cluster import Group, local_group
from zoo.training.folder import RunFolder
from zoo.training.resume import restore_newest


@pytest.fixture
def variables():
    return {"network/00000": keras.Variable(np.zeros(3), dtype="float32")}


@pytest.fixture
def folder(variables, tmp_path):
    """A run folder whose last checkpoint is of step 4, and the one before of step 2."""
    folder = RunFolder(tmp_path / "run")
    folder.checkpoints.mkdir(parents=True)
    for step in (2, 4):
        progress = checkpoint.Progress(0, step)
        checkpoint.save(folder.last, variables, progress, folder.previous)
    return folder


def refused(number):
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refused(errno.EIO), r"last\.npz cannot be read \(Input/output error\); mend that$"),
        (refused(errno.EACCES), r"last\.npz cannot be read \(Permission denied\); mend that$"),
        (MemoryError(), r"memory does not suffice to read .*last\.npz; free some of it$"),
    ],
    ids=["disk", "rights", "memory"],
)
def test_what_the_machine_refuses_leaves_the_newest(folder, variables, monkeypatch, error, said):
    load, whole = np.load, folder.last.read_bytes()

    def fail_once(stream):
        monkeypatch.setattr(checkpoint.np, "load", load)
        raise error

    monkeypatch.setattr(checkpoint.np, "load", fail_once)
    with pytest.raises(FaultError, match=said):
        restore_newest(folder, variables, 2, local_group())
    assert folder.last.read_bytes() == whole
    state, _ = restore_newest(folder, variables, 2, local_group())
    assert state.step == 4


# As of bz2, and of a place before a file's beginning.
@pytest.mark.parametrize("error", [OSError("Invalid data stream"), refused(errno.EINVAL)])
def test_what_damage_makes_the_system_say_is_damage(folder, monkeypatch, error):
    def fail(stream):
        raise error

    monkeypatch.setattr(checkpoint.np, "load", fail)
    with pytest.raises(checkpoint.DamagedError, match=r"last\.npz cannot be read"):
        checkpoint.read(folder.last)


class Sums:
    """The strategy of a worker, with what the others add each time that all of them sum up."""

    def __init__(self, *others):
        self._others = iter(others)

    def reduce(self, reduction, value, axis):
        return value + tf.cast(next(self._others), value.dtype)


def group_of(workers, *others):
    return Group(Sums(*others), workers=workers)  # pyright: ignore[reportArgumentType]


def test_workers_that_read_different_checkpoints_are_refused(folder, variables):
    whole = folder.last.read_bytes()
    folder.last.write_bytes(whole[:-1])
    # The other one has read the last.
    group = group_of(2, [0, 4, 0, 0], [1.0])
    with pytest.raises(FaultError, match=r"worker 0 would go on after step 2 of epoch 1 of 2, and"):
        restore_newest(folder, variables, 2, group)
    assert folder.previous.exists()
    assert folder.last.read_bytes() == whole[:-1]
    group = group_of(2, [0, 2, 0, 0], [0.0])
    assert restore_newest(folder, variables, 2, group)[0].step == 2


def test_a_mean_by_chance_is_not_what_all_have():
    # 1 and 3 of others beside this one's 2: they wish for a refusal.
    assert not group_of(3, [4], [2.0]).alike(2)
    assert group_of(3, [4], [0.0]).alike(2)
