"""When a run is saved within an epoch."""

from types import SimpleNamespace

import pytest

import zoo
from zoo.training import course, saving
from zoo.training.watch import Watch


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
    stripes_recipe, tmp_path, monkeypatch, options, expected
):
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
    recipe = stripes_recipe.with_overrides(options)
    zoo.train(recipe, run=tmp_path / "run", watch=Watch(quiet=True))
    # Before the first step and at each epoch's end it is saved anyway.
    assert saved[0] == (0, 0)
    assert [at for at in saved if at[1]] == expected
    assert [at for at in saved[1:] if not at[1]] == [(1, 0), (2, 0)]
