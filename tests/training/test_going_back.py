"""Numbers that are none: a run goes back to its last checkpoint, at a lower rate."""

import json
import signal
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import UserError
from zoo.training import course as module
from zoo.training import train as training
from zoo.training.watch import Watch

QUIET = Watch(quiet=True)
CONSTANT = {"schedule.name": "constant", "warmup": 0.0}


def spoil(monkeypatch, when):
    """Makes the weights NaN in the steps whose number, counted over the run, `when` says."""
    steps = []

    def spoiled(callbacks, step, loss):
        steps.append(1)
        if when(len(steps)):
            spoiled.network.weights[0].assign(np.full(spoiled.network.weights[0].shape, np.nan))

    opened = training.open_session

    def remembering(*arguments, **options):
        session = opened(*arguments, **options)
        spoiled.network = session.loop.network
        return session

    monkeypatch.setattr(module.Callbacks, "batch_end", spoiled)
    monkeypatch.setattr(module.Callbacks, "each_batch", True)
    monkeypatch.setattr(training, "open_session", remembering)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_from_nan_it_goes_back_and_lowers_the_rate(
    stripes_recipe, tmp_path, monkeypatch, capfd, precision
):
    spoil(monkeypatch, lambda step: step == 9)
    recipe = stripes_recipe.with_overrides({"precision": precision})
    run = zoo.train(recipe, run=tmp_path / "run")
    said = capfd.readouterr().err
    assert "no longer a number in epoch 2: back to step 0 of epoch 2, at 0.5 times" in said
    assert "(try 1 of 3)" in said
    rows = run.history
    assert [row["epoch"] for row in rows] == [1, 2]
    assert all(np.isfinite(row["loss"]) for row in rows)
    with np.load(run.folder / "checkpoints" / "last.npz") as archive:
        assert json.loads(str(archive["state"]))["progress"]["returns"] == 1
        assert all(np.isfinite(archive[name]).all() for name in archive.files if name != "state")


def test_nan_in_the_last_step_of_an_epoch_goes_back(stripes_recipe, tmp_path, monkeypatch, capfd):
    # The sixth is the epoch's last, whose own loss was still a number.
    spoil(monkeypatch, lambda step: step == 6)
    run = zoo.train(stripes_recipe, run=tmp_path / "run")
    assert "in epoch 1: back to step 0 of epoch 1, at 0.5 times" in capfd.readouterr().err
    assert all(np.isfinite(row["validation_loss"]) for row in run.history)
    assert len(run.history) == 2


def test_an_epoch_that_ends_in_nan_leaves_no_row(stripes_recipe, tmp_path, monkeypatch):
    spoil(monkeypatch, lambda step: step >= 12)
    with pytest.raises(UserError, match="in epoch 2, after 3 tries"):
        zoo.train(stripes_recipe, run=tmp_path / "run", watch=QUIET)
    assert [row["epoch"] for row in zoo.Run(tmp_path / "run").history] == [1]


def test_interrupted_at_nan_what_was_saved_before_stays(
    stripes_recipe, tmp_path, monkeypatch, capfd
):
    recipe = stripes_recipe.with_overrides({"checkpoint.steps": 1})

    def when(step):
        if step == 3:
            signal.raise_signal(signal.SIGTERM)
        return step == 3

    spoil(monkeypatch, when)
    with pytest.raises(KeyboardInterrupt):
        zoo.train(recipe, run=tmp_path / "run")
    assert "no longer a number: what was saved before stays" in capfd.readouterr().err
    with np.load(tmp_path / "run" / "checkpoints" / "last.npz") as archive:
        assert json.loads(str(archive["state"]))["progress"]["step"] == 2
        assert all(np.isfinite(archive[name]).all() for name in archive.files if name != "state")


def test_after_three_returns_it_gives_up(stripes_recipe, tmp_path, monkeypatch):
    spoil(monkeypatch, lambda step: step >= 4)
    with pytest.raises(UserError, match="in epoch 1, after 3 tries at lower rates; lower learn"):
        zoo.train(stripes_recipe, run=tmp_path / "run", watch=QUIET)
    # What was good is there to look at.
    with np.load(tmp_path / "run" / "checkpoints" / "last.npz") as archive:
        assert all(np.isfinite(archive[name]).all() for name in archive.files if name != "state")


def test_time_lost_to_nan_counts_for_the_run_and_for_no_epoch(
    stripes_recipe, tmp_path, monkeypatch
):
    clock = SimpleNamespace(now=0.0)

    def when(step):
        clock.now += 25.0
        return step == 9

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    spoil(monkeypatch, when)
    # 150 seconds for each epoch of 6 steps, and as many for the one that is lost.
    recipe = stripes_recipe.with_overrides({"epochs": 3, "minutes": 440 / 60})
    run = zoo.train(recipe, run=tmp_path / "run", watch=QUIET)
    assert [row["seconds"] for row in run.history] == [150.0, 150.0]
    with np.load(run.folder / "checkpoints" / "last.npz") as archive:
        assert json.loads(str(archive["state"]))["progress"]["seconds"] == 450.0


def test_going_back_lowers_what_a_callback_has_lowered(
    stripes_recipe, tmp_path, monkeypatch, capfd
):
    spoil(monkeypatch, lambda step: step == 15)
    recipe = stripes_recipe.with_overrides({**CONSTANT, "epochs": 3})
    lower = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.1, patience=1, min_delta=100.0)
    run = zoo.train(recipe, run=tmp_path / "run", callbacks=[lower])
    assert "back to step 0 of epoch 3, at 0.05 times" in capfd.readouterr().err
    rates = [row["learning_rate"] for row in run.history]
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.0005], rtol=1e-6)


def test_a_callback_that_sets_the_rate_does_not_undo_going_back(
    stripes_recipe, tmp_path, monkeypatch
):
    spoil(monkeypatch, lambda step: step == 9)
    seen = []

    def rates(recipe):
        # One that knows what the rate should be, and one that goes by what it finds.
        callbacks = [
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: seen.append(rate) or 0.01),
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.8 * rate),
        ]
        folder = tmp_path / "run"
        run = zoo.train(recipe, run=folder, resume=True, watch=QUIET, callbacks=callbacks)
        return [row["learning_rate"] for row in run.history]

    recipe = stripes_recipe.with_overrides(CONSTANT)
    np.testing.assert_allclose(rates(recipe), [0.008, 0.004], rtol=1e-5)
    more = recipe.with_overrides({"epochs": 3})
    np.testing.assert_allclose(rates(more), [0.008, 0.004, 0.004], rtol=1e-5)
    # The second epoch begins twice.
    np.testing.assert_allclose(seen, [0.01, 0.008, 0.008, 0.008], rtol=1e-5)


def test_going_back_lowers_the_rate_of_its_own_phase(stripes_recipe, tmp_path, monkeypatch):
    spoil(monkeypatch, lambda step: step == 3)
    recipe = stripes_recipe.with_overrides({**CONSTANT, "model.freeze": 1, "thaw.epoch": 1})
    same = keras.callbacks.LearningRateScheduler(lambda epoch: 0.01)
    run = zoo.train(recipe, run=tmp_path / "run", watch=QUIET, callbacks=[same])
    rates = [row["learning_rate"] for row in run.history]
    np.testing.assert_allclose(rates, [0.005, 0.01], rtol=1e-5)
