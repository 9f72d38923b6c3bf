"""A run that stops, whenever and for whatever reason, goes on as if it never had."""

import fcntl
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import zoo
from zoo.errors import UserError
from zoo.training import checkpoint, loss_scale
from zoo.training import course as module
from zoo.training.cluster import local_group
from zoo.training.folder import RunFolder
from zoo.training.interrupt import Interrupt
from zoo.training.watch import Watch

QUIET = Watch(quiet=True)


class KilledError(BaseException):
    """Ends a run as kill -9 does: nothing more is written."""


@pytest.fixture(scope="module")
def recipe(stripes_recipe):
    return stripes_recipe.with_overrides({"accumulate": 2, "checkpoint.steps": 2})


@pytest.fixture(scope="module")
def straight(recipe, tmp_path_factory):
    """The uninterrupted run's folder."""
    folder = tmp_path_factory.mktemp("straight") / "run"
    return zoo.train(recipe, run=folder, watch=QUIET).folder


def train_and_die(recipe, folder, monkeypatch, when, error=KilledError):
    """Trains until `when(calls)` of the saved states' and steps' count says to die."""
    seen = {"save": 0, "validate": 0, "step": 0}
    real_save, real_callbacks = checkpoint.save, module.Callbacks.batch_end
    real_validate = module.Course._validate

    def counted(name, real):
        def call(*arguments, **options):
            seen[name] += 1
            if when(name, seen[name]):
                raise error
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", counted("save", real_save))
        patch.setattr(module.Callbacks, "each_batch", True)
        patch.setattr(module.Callbacks, "batch_end", counted("step", real_callbacks))
        patch.setattr(module.Course, "_validate", counted("validate", real_validate))
        with pytest.raises(error):
            zoo.train(recipe, run=folder, resume=True, watch=QUIET)


@pytest.mark.parametrize(
    "moments",
    [
        [("step", 1)],
        [("step", 5)],
        pytest.param([("step", 6), ("step", 1)], marks=pytest.mark.exhaustive),
        [("validate", 1), ("validate", 1)],
        pytest.param([("validate", 2)], marks=pytest.mark.exhaustive),
        [("save", 2), ("save", 4)],
        [("step", 8), ("step", 2), ("step", 2)],
    ],
    ids=str,
)
def test_killed_at_any_moment_it_ends_bit_for_bit_the_same(
    recipe, straight, tmp_path, monkeypatch, resume_benchmark, moments
):
    folder = tmp_path / "run"
    for name, count in moments:
        train_and_die(recipe, folder, monkeypatch, lambda *seen, at=(name, count): seen == at)
    zoo.train(recipe, run=folder, resume=True, watch=QUIET)
    assert resume_benchmark.differences(straight, folder) == []


def test_with_a_loss_scale_too(recipe, tmp_path, monkeypatch, resume_benchmark):
    # So large that steps are left out, and so often larger that more are.
    monkeypatch.setattr(loss_scale, "INITIAL", 2.0**20)
    monkeypatch.setattr(loss_scale, "GROWTH_STEPS", 2)
    recipe = recipe.with_overrides({"precision": "float16", "remat": True})
    straight = zoo.train(recipe, run=tmp_path / "straight", watch=QUIET)
    folder = tmp_path / "run"
    for moment in (("step", 5), ("validate", 1), ("step", 4)):
        train_and_die(recipe, folder, monkeypatch, lambda *seen, at=moment: seen == at)
    zoo.train(recipe, run=folder, resume=True, watch=QUIET)
    assert resume_benchmark.differences(straight.folder, folder) == []
    assert all(row["loss_scale"] < 2.0**20 for row in straight.history)


def test_the_comparison_sees_a_single_bit(straight, tmp_path, resume_benchmark):
    other = tmp_path / "run"
    (other / "checkpoints").mkdir(parents=True)
    for name in ("metrics.jsonl", "checkpoints/last.npz", "checkpoints/chosen.npz"):
        (other / name).write_bytes((straight / name).read_bytes())
    assert resume_benchmark.differences(straight, other) == []
    path = other / "checkpoints" / "last.npz"
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    key = next(name for name in arrays if name.startswith("optimizer") and arrays[name].ndim > 1)
    arrays[key].view(np.uint8).ravel()[0] ^= 1
    np.savez(path, **arrays)
    assert resume_benchmark.differences(straight, other) == [f"last.npz: {key}"]


def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    recipe, straight, tmp_path, monkeypatch, resume_benchmark, capfd
):
    folder = tmp_path / "run"
    train_and_die(recipe, folder, monkeypatch, lambda *seen: seen == ("step", 5))
    files = RunFolder(folder)
    whole = files.last.read_bytes()
    before = files.previous.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-1], b""):
        files.last.write_bytes(damaged)
        files.previous.write_bytes(before)
        state, said = module.restore_newest(files, fresh_variables(recipe), 2, local_group())
        assert (state.epoch, state.step) == (0, 2)
        assert "from previous.npz: last.npz is damaged" in said
        assert files.last.read_bytes() == before
    files.last.write_bytes(whole[:-1])
    files.previous.write_bytes(before)
    zoo.train(recipe, run=folder, resume=True)
    assert "last.npz is damaged" in capfd.readouterr().err
    assert resume_benchmark.differences(straight, folder) == []


@pytest.mark.parametrize(("saves", "steps"), [(0, [2]), (1, [4, 2])])
def test_a_damaged_checkpoint_is_not_kept_as_the_one_before(
    recipe, tmp_path, monkeypatch, saves, steps
):
    folder = tmp_path / "run"
    train_and_die(recipe, folder, monkeypatch, lambda *seen: seen == ("step", 5))
    files = RunFolder(folder)
    files.last.write_bytes(files.last.read_bytes()[:-1])
    train_and_die(recipe, folder, monkeypatch, lambda *seen: seen == ("save", saves + 1))
    # The one that was resumed from, alone or after a newer one.
    assert [checkpoint.read(path)[1].step for path in files.saved] == steps


def fresh_variables(recipe):
    from zoo.training.session import open_session

    return open_session(recipe, QUIET).loop.variables


def test_a_flipped_bit_is_noticed(recipe, straight):
    variables = fresh_variables(recipe)
    path = RunFolder(straight).last
    whole = bytearray(path.read_bytes())
    # In the middle of the largest array: the archive's own structure stays whole.
    with np.load(path) as archive:
        largest = max(archive.files, key=lambda name: archive[name].nbytes)
        place = whole.find(archive[largest].tobytes())
    whole[place + 3] ^= 4
    before = [np.array(variable.value) for variable in variables.values()]
    copy = path.with_name("flipped.npz")
    copy.write_bytes(whole)
    try:
        with pytest.raises(checkpoint.DamagedError, match=r"flipped\.npz cannot be read"):
            checkpoint.restore(copy, variables)
    finally:
        copy.unlink()
    for variable, value in zip(variables.values(), before, strict=True):
        np.testing.assert_array_equal(variable.value, value)


def test_without_a_whole_checkpoint_it_says_so(recipe, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    train_and_die(recipe, folder, monkeypatch, lambda *seen: seen == ("step", 5))
    for path in RunFolder(folder).saved:
        path.write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"last\.npz cannot be read .* train again"):
        zoo.train(recipe, run=folder, resume=True, watch=QUIET)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_step(recipe, straight, tmp_path, monkeypatch, resume_benchmark, number):
    folder = tmp_path / "run"
    recipe = recipe.with_overrides({"checkpoint.steps": None})
    real, steps = module.Callbacks.batch_end, []

    def signalled(*arguments):
        steps.append(1)
        if len(steps) == 5:
            signal.raise_signal(number)
        real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(module.Callbacks, "each_batch", True)
        patch.setattr(module.Callbacks, "batch_end", signalled)
        with pytest.raises(KeyboardInterrupt):
            zoo.train(recipe, run=folder, watch=QUIET)
    with np.load(RunFolder(folder).last) as archive:
        saved = json.loads(str(archive["state"]))["progress"]
    assert (saved["epoch"], saved["step"]) == (0, 5)
    zoo.train(recipe, run=folder, resume=True, watch=QUIET)
    assert resume_benchmark.differences(straight, folder) == []


def test_a_signal_in_validation_saves_the_weights_not_their_averages(
    recipe, straight, tmp_path, monkeypatch, resume_benchmark
):
    folder = tmp_path / "run"
    real = module.Course._validate

    def signalled(training):
        signal.raise_signal(signal.SIGTERM)
        return real(training)

    with monkeypatch.context() as patch:
        patch.setattr(module.Course, "_validate", signalled)
        with pytest.raises(KeyboardInterrupt):
            zoo.train(recipe, run=folder, watch=QUIET)
    zoo.train(recipe, run=folder, resume=True, watch=QUIET)
    assert resume_benchmark.differences(straight, folder) == []


def test_a_second_signal_ends_at_once_and_handlers_come_back():
    before = signal.getsignal(signal.SIGINT)
    with Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.noticed
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before


HOLD = """
import fcntl, sys
file = open(sys.argv[1], "a+")
fcntl.flock(file, fcntl.LOCK_EX)
file.truncate(0)
file.write("4711")
file.flush()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_folder_in_use_is_refused_until_its_process_is_gone(recipe, straight):
    command = [sys.executable, "-c", HOLD, str(straight / ".claim")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match="is in use: process 4711 trains there"):
            zoo.train(recipe, run=straight, resume=True, watch=QUIET)
        holder.kill()
    with RunFolder(straight).claimed():
        assert (straight / ".claim").read_text() == f"{os.getpid()}\n"
    with (straight / ".claim").open() as free:
        fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.02}, "begun with learning_rate=0.01, not 0.02"),
        ({"model.dropout": 0.1}, "begun with model.dropout=0.3, not 0.1"),
        ({"augment.rotate": 5.0}, "begun with augment.rotate=20.0, not 5.0"),
    ],
)
def test_another_recipe_is_refused(recipe, straight, change, message):
    with pytest.raises(UserError, match=message):
        zoo.train(recipe, change, run=straight, resume=True, watch=QUIET)


def test_what_changes_no_number_may_change(recipe, straight):
    free = {"data.threads": 1, "checkpoint.minutes": 1.0, "minutes": 50.0, "precision": "auto"}
    run = zoo.train(recipe, free, run=straight, resume=True, watch=QUIET)
    assert len(run.history) == 2


def test_more_epochs_may_be_asked_for(recipe, tmp_path, capfd):
    zoo.train(recipe, {"epochs": 1}, run=tmp_path / "run", watch=QUIET)
    run = zoo.train(recipe, run=tmp_path / "run", resume=True)
    assert "epochs=1 became 2" in capfd.readouterr().err
    assert len(run.history) == run.recipe.epochs == 2
