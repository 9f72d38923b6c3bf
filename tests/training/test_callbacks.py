"""Keras' callbacks through the course of a run: what they remember, and the rate they set."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import UserError
from zoo.training import callbacks as module
from zoo.training.remembered import Memory
from zoo.training.watch import Watch

QUIET = Watch(quiet=True)


class KilledError(BaseException):
    """Ends a run as kill -9 does: nothing more is written."""


class Killer(keras.callbacks.Callback):
    """Kills the run in a step, counted over what this process trains."""

    def __init__(self, step=None):
        super().__init__()
        # What it counts is no plain attribute: nobody is to remember it.
        steps = iter(range(1, 1000))
        self.counted = lambda: next(steps) == step

    def on_train_batch_end(self, batch, logs=None):
        if self.counted():
            raise KilledError


class Decay(keras.callbacks.LearningRateScheduler):
    def __init__(self):
        super().__init__(lambda epoch, rate: rate * 0.9)


@pytest.fixture(scope="module")
def recipe(stripes_recipe):
    return stripes_recipe.with_overrides(
        {"epochs": 20, "schedule.name": "constant", "warmup": 0.0, "checkpoint.steps": 4}
    )


def watched_by(step=None):
    """Nothing is ever good enough: a lower rate after two epochs, the end after four."""
    return [
        keras.callbacks.EarlyStopping(
            "val_loss", patience=3, min_delta=100.0, restore_best_weights=True
        ),
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=2, min_delta=100.0),
        Decay(),
        Killer(step),
    ]


def test_what_callbacks_remember_outlasts_a_kill(recipe, tmp_path, resume_benchmark):
    straight, folder = tmp_path / "straight", tmp_path / "run"
    zoo.train(recipe, run=straight, watch=QUIET, callbacks=watched_by())
    rates = [row["learning_rate"] for row in zoo.Run(straight).history]
    np.testing.assert_allclose(rates, 0.01 * np.array([0.9, 0.81, 0.729, 0.32805]), rtol=1e-5)
    # In the second epoch after a checkpoint, in the third before one, in the last.
    for step in (11, 7, 8):
        with pytest.raises(KilledError):
            zoo.train(recipe, run=folder, resume=True, watch=QUIET, callbacks=watched_by(step))
    zoo.train(recipe, run=folder, resume=True, watch=QUIET, callbacks=watched_by())
    assert resume_benchmark.differences(straight, folder) == []
    # A run that they have ended stays ended, and their memory is there to look at.
    stop, *others = watched_by()
    run = zoo.train(recipe, run=folder, resume=True, watch=QUIET, callbacks=[stop, *others])
    assert len(run.history) == 4
    assert (stop.stopped_epoch, stop.best_epoch, stop.wait) == (3, 0, 3)
    assert stop.best == run.history[0]["validation_loss"]
    assert len(stop.best_weights) == len(stop.model.weights)
    # Without them, or with others, it goes on.
    more = recipe.with_overrides({"epochs": 5})
    assert len(zoo.train(more, run=folder, resume=True, watch=QUIET).history) == 5


def test_a_rate_set_in_the_warm_up_is_that_of_its_peak(recipe, tmp_path):
    # Three of twelve updates: zero at first, a third of the way up after one.
    recipe = recipe.with_overrides({"epochs": 2, "warmup": 0.25, "learning_rate": 0.08})
    seen = []
    same = keras.callbacks.LearningRateScheduler(lambda epoch, rate: seen.append(rate) or 0.02)
    run = zoo.train(recipe, run=tmp_path / "run", watch=QUIET, callbacks=[same])
    assert seen[0] == 0.0
    rates = [row["learning_rate"] for row in run.history]
    np.testing.assert_allclose([*rates, seen[1]], 0.02, rtol=1e-6)


def test_a_rate_left_as_it_is_changes_nothing(recipe, tmp_path):
    recipe = recipe.with_overrides({"epochs": 1, "warmup": 0.25})
    same = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5 * rate)
    run = zoo.train(recipe, run=tmp_path / "run", watch=QUIET, callbacks=[same])
    # Half of nothing is nothing: it says nothing of the rates to come.
    assert run.history[0]["learning_rate"] == pytest.approx(0.01)


def test_tensorboard_draws_the_curves(recipe, tmp_path):
    pytest.importorskip("tensorboard")
    board = keras.callbacks.TensorBoard(
        tmp_path / "board", histogram_freq=1, update_freq=2, write_steps_per_second=True
    )
    recipe = recipe.with_overrides({"epochs": 2})
    zoo.train(recipe, run=tmp_path / "run", watch=QUIET, callbacks=[board])
    tags = {
        (path.parent.name, value.tag)
        for path in (tmp_path / "board").rglob("events*")
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
        for value in tf.compat.v1.Event.FromString(record).summary.value
    }
    wanted = {("train", "epoch_loss"), ("train", "epoch_learning_rate"), ("train", "batch_loss")}
    assert wanted | {("validation", "epoch_accuracy")} <= tags
    assert any(tag.endswith("histogram") for _, tag in tags)


def test_without_tensorboard_it_is_told_before_anything_is_read(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    board = keras.callbacks.TensorBoard(tmp_path / "board")
    with pytest.raises(UserError, match="needs the package tensorboard, which is not installed"):
        zoo.train(recipe, run=tmp_path / "run", watch=QUIET, callbacks=[board])
    assert not (tmp_path / "run").exists()


class Anything(keras.callbacks.Callback):
    def __init__(self, setting=1):
        super().__init__()
        self.setting = setting
        self.count = 7

    def on_train_begin(self, logs=None):
        self.count = 0
        self.kept = []


def remembered(callbacks):
    network = keras.Sequential()
    network.stop_training = False
    for callback in callbacks:
        callback.on_train_begin()
    memory = Memory(callbacks, network)
    memory.begin()
    return memory, network


def test_plain_values_come_back_as_they_were():
    one = Anything()
    memory, network = remembered([one])
    network.stop_training = True
    one.count = np.float32(0.1)
    one.best = float("inf")
    one.kept += [np.arange(3), (1, None), {"name": [2.5, True]}]
    one.compare, one.network = keras.ops.less, network
    saved = memory.numpy()
    # What has not changed is how it was made: whoever goes on may make it otherwise.
    other = Anything(setting=2)
    memory, network = remembered([keras.callbacks.Callback(), other])
    memory.assign(saved)
    memory.recall()
    assert (other.setting, other.count, other.best) == (2, np.float32(0.1), float("inf"))
    assert type(other.count) is np.float32
    array, *rest = other.kept
    np.testing.assert_array_equal(array, np.arange(3))
    assert rest == [(1, None), {"name": [2.5, True]}]
    assert other.compare is keras.ops.less
    assert not hasattr(other, "network")
    # There were others beside it, one of whom may have wished to stop.
    assert not network.stop_training


def test_going_back_undoes_what_came_after():
    one = Anything()
    memory, network = remembered([one])
    saved = memory.numpy()
    one.count, network.stop_training = 5, True
    memory.assign(saved)
    memory.recall()
    assert (one.count, network.stop_training) == (0, False)


def test_nothing_saved_is_nothing_to_recall():
    memory, network = remembered([Anything()])
    assert memory.fits(None)
    memory.assign(None)
    memory.recall()
    assert not network.stop_training
