"""When a run is saved within an epoch."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

import zoo
from zoo.training import course, saving
from zoo.training.watch import Watch

QUIET = Watch(quiet=True)


@pytest.fixture
def saved(monkeypatch):
    """Where runs are saved, as epoch and step, of which each takes 25 seconds."""
    clock, saved = SimpleNamespace(now=0.0), []
    end, write = course.Callbacks.batch_end, saving.Saving.write

    def later(callbacks, step, loss):
        clock.now += 25.0
        end(callbacks, step, loss)

    def noted(self, state):
        saved.append((state.epoch, state.step))
        write(self, state)

    monkeypatch.setattr(saving, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(course.Callbacks, "each_batch", True)
    monkeypatch.setattr(course.Callbacks, "batch_end", later)
    monkeypatch.setattr(saving.Saving, "write", noted)
    return saved


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"checkpoint.steps": 4}, [(0, 4), (1, 4)]),
        # 25 seconds a step: 75 after three, and again three steps after the epoch's end. That of
        # the sixth is saved with its epoch.
        ({"checkpoint.minutes": 1.0}, [(0, 3), (1, 3)]),
        # The fourth step's comes 25 seconds after the third's.
        ({"checkpoint.minutes": 1.0, "checkpoint.steps": 4}, [(0, 3), (0, 4), (1, 3), (1, 4)]),
        # Longer than an epoch, whose end comes first each time.
        ({"checkpoint.minutes": 200 / 60}, []),
    ],
)
def test_a_run_is_saved_after_so_many_steps_or_minutes(
    stripes_recipe, tmp_path, saved, options, expected
):
    recipe = stripes_recipe.with_overrides(options)
    zoo.train(recipe, run=tmp_path / "run", watch=QUIET)
    # Before the first step and at each epoch's end it is saved anyway.
    assert saved[0] == (0, 0)
    assert [at for at in saved if at[1]] == expected
    assert [at for at in saved[1:] if not at[1]] == [(1, 0), (2, 0)]


def test_a_time_at_which_nothing_could_be_saved_is_not_the_last(stripes_recipe, tmp_path, saved):
    def spoil(batch, logs):
        if spoil.left and batch == 2:
            spoil.left -= 1
            weight = spoiler.model.weights[0]
            weight.assign(np.full(weight.shape, np.nan))

    spoil.left = 1
    spoiler = keras.callbacks.LambdaCallback(on_train_batch_end=spoil)
    recipe = stripes_recipe.with_overrides({"epochs": 1, "checkpoint.minutes": 1.0})
    zoo.train(recipe, run=tmp_path / "run", watch=QUIET, callbacks=[spoiler])
    # Back to the beginning in the third step, in which it was time.
    assert saved == [(0, 0), (0, 3), (0, 0), (0, 3), (1, 0)]
