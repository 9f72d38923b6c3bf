"""The course of a run: time that is up, callbacks, what is told, what is left of an epoch."""

import io
import json
import re
import signal
import time
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

import zoo
from zoo.training import course as module
from zoo.training.watch import Watch

QUIET = Watch(quiet=True)


def test_time_that_is_up_ends_the_epoch_and_publishes(stripes_recipe, tmp_path, capfd):
    recipe = stripes_recipe.with_overrides({"epochs": 500, "minutes": 1e-5})
    run = zoo.train(recipe, run=tmp_path / "run")
    assert "stopped: the 1e-05 minutes are up" in capfd.readouterr().err
    assert len(run.history) == 1
    assert run.model.count_params() > 0


@pytest.fixture
def ending(stripes_recipe, monkeypatch):
    """Makes runs that end an epoch after its third step, and interrupts them there if asked."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    validate = module.Course._validate

    def train(folder, *, by, epoch, interrupted_in=None):
        end = 25.0 * (6 * epoch + 3)

        class Steps(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                clock.now += 25.0
                if clock.now == end:
                    self.model.stop_training = by == "callback"
                    interrupt("step")

        def interrupt(place):
            if place == interrupted_in and clock.now == end:
                signal.raise_signal(signal.SIGTERM)

        def validated(course):
            interrupt("validation")
            return validate(course)

        clock.now = 0.0 if not folder.exists() else clock.now
        monkeypatch.setattr(module.Course, "_validate", validated)
        recipe = stripes_recipe.with_overrides({"minutes": end / 60} if by == "minutes" else {})
        return zoo.train(recipe, run=folder, resume=True, watch=QUIET, callbacks=[Steps()])

    return train


@pytest.mark.parametrize(
    ("by", "epoch", "place"),
    [("callback", 0, "validation"), ("callback", 0, "step"), ("minutes", 1, "validation")],
)
def test_an_epoch_that_ended_early_is_validated_by_whoever_goes_on(
    ending, tmp_path, resume_benchmark, by, epoch, place
):
    straight, folder = tmp_path / "straight", tmp_path / "run"
    rows = ending(straight, by=by, epoch=epoch).history
    assert [row["epoch"] for row in rows] == [1, 2][: epoch + 1]
    with pytest.raises(KeyboardInterrupt):
        ending(folder, by=by, epoch=epoch, interrupted_in=place)
    ending(folder, by=by, epoch=epoch)
    assert resume_benchmark.differences(straight, folder) == []


def test_a_checkpoint_that_does_not_say_that_its_epoch_ended_is_gone_on_with(ending, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        ending(folder, by="callback", epoch=0, interrupted_in="step")
    path = folder / "checkpoints" / "last.npz"
    with np.load(path) as archive:
        arrays = dict(archive)
    state = json.loads(str(arrays["state"]))
    del state["progress"]["ended"]
    np.savez(path, **arrays | {"state": np.array(json.dumps(state))})
    assert len(ending(folder, by="callback", epoch=0).history) == 1


def test_rows_tell_of_waiting_and_of_both_kinds_of_weights(stripes_recipe, tmp_path, capfd):
    run = zoo.train(stripes_recipe, run=tmp_path / "run")
    for row in run.history:
        assert 0 <= row["wait_share"] <= 1
        assert row["validation_unaveraged_loss"] != row["validation_loss"]
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("epoch")]
    assert len(lines) == 2
    assert all(len(line) <= 80 and " wait " in line for line in lines)


def test_a_rate_counts_the_pictures_that_there_are(stripes_recipe, tmp_path, monkeypatch):
    clock = SimpleNamespace(now=0.0)

    def later(batch, logs):
        clock.now += 10.0

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    # 24 pictures, twice an epoch, make one step.
    recipe = stripes_recipe.with_overrides({"batch_size": 64, "repeat": 2})
    wait = keras.callbacks.LambdaCallback(on_train_batch_end=later)
    run = zoo.train(recipe, run=tmp_path / "run", watch=QUIET, callbacks=[wait])
    assert [row["pictures_per_second"] for row in run.history] == [4.8, 4.8]


def test_a_terminal_shows_the_rates_in_80_columns(stripes_recipe, tmp_path):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, no_color=True)
    recipe = stripes_recipe.with_overrides(
        {"epochs": 1, "schedule.name": "constant", "warmup": 0.0}
    )
    zoo.train(recipe, run=tmp_path / "run", watch=Watch(console))
    notes = re.findall(r"  (loss \d\.\d{3} accuracy \d\.\d{3} [^\r\n]*)", stream.getvalue())
    assert notes
    assert all(re.search(r" lr 0\.01 [\d,]+/s wait \d+%", note) for note in notes)
    assert max(map(len, notes)) <= 78


def test_a_resumed_epoch_has_waited_before_as_well(stripes_recipe, tmp_path, monkeypatch):
    real = module.Session.epoch_batches

    def slow(session, *arguments):
        def wait(image):
            time.sleep(0.2)
            return image

        def one(batch):
            image = tf.numpy_function(wait, [batch["image"]], tf.float32)
            return batch | {"image": tf.ensure_shape(image, batch["image"].shape)}

        return real(session, *arguments).map(one)

    monkeypatch.setattr(module.Session, "epoch_batches", slow)
    stop = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batch == 4 and signal.raise_signal(signal.SIGTERM)
    )
    recipe = stripes_recipe.with_overrides({"epochs": 1})
    with pytest.raises(KeyboardInterrupt):
        zoo.train(recipe, run=tmp_path / "run", watch=QUIET, callbacks=[stop])
    monkeypatch.undo()
    run = zoo.train(recipe, run=tmp_path / "run", resume=True, watch=QUIET)
    # Five steps waited for 0.2 seconds each; the last one did not.
    assert run.history[0]["wait_share"] * run.history[0]["seconds"] > 1.0


def test_early_stopping_callback_ends_the_run(stripes_recipe, tmp_path):
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=1, min_delta=100.0)
    recipe = stripes_recipe.with_overrides({"epochs": 20})
    run = zoo.train(recipe, run=tmp_path / "run", watch=QUIET, callbacks=[stop])
    assert len(run.history) == 2
    assert stop.stopped_epoch == 1


def test_reduce_on_plateau_lowers_the_rate(stripes_recipe, tmp_path):
    recipe = stripes_recipe.with_overrides(
        {"epochs": 3, "schedule.name": "constant", "warmup": 0.0}
    )
    lower = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.1, patience=1, min_delta=100.0)
    run = zoo.train(recipe, run=tmp_path / "run", watch=QUIET, callbacks=[lower])
    # The first epoch is the best so far; the second is no better, nor is the third: 0.01 * 0.1.
    rates = [row["learning_rate"] for row in run.history]
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.001], rtol=1e-6)


def test_lambda_callbacks_are_told_as_by_fit(stripes_recipe, tmp_path):
    told = []
    note = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: told.append("train"),
        on_epoch_begin=lambda epoch, logs: told.append(f"epoch {epoch}"),
        on_train_batch_end=lambda batch, logs: told.append((batch, sorted(logs))),
        on_epoch_end=lambda epoch, logs: told.append(("end", epoch, "val_accuracy" in logs)),
        on_train_end=lambda logs: told.append("done"),
    )
    recipe = stripes_recipe.with_overrides({"epochs": 1})
    zoo.train(recipe, run=tmp_path / "run", watch=QUIET, callbacks=[note])
    steps = [(step, ["loss"]) for step in range(6)]
    assert told == ["train", "epoch 0", *steps, ("end", 0, True), "done"]


def test_a_data_worker_that_dies_is_told(stripes_recipe, tmp_path, monkeypatch):
    real = module.Session.epoch_batches

    def dying(session, *arguments):
        def broken(image):
            raise RuntimeError("the reader was killed")

        def one(batch):
            image = tf.numpy_function(broken, [batch["image"]], tf.float32)
            return batch | {"image": tf.ensure_shape(image, batch["image"].shape)}

        return real(session, *arguments).map(one)

    monkeypatch.setattr(module.Session, "epoch_batches", dying)
    with pytest.raises(tf.errors.OpError, match="the reader was killed"):
        zoo.train(stripes_recipe, run=tmp_path / "run", watch=QUIET)
    assert (tmp_path / "run" / "checkpoints" / "last.npz").is_file()


def test_a_full_disk_keeps_the_checkpoint_before(stripes_recipe, tmp_path, monkeypatch):
    from zoo.training import checkpoint

    real, saves = np.savez, []

    def full(*arguments, **arrays):
        saves.append(1)
        if len(saves) == 3:
            raise OSError(28, "No space left on device", str(arguments[0]))
        return real(*arguments, **arrays)

    monkeypatch.setattr(checkpoint.np, "savez", full)
    with pytest.raises(OSError, match="No space left on device"):
        zoo.train(stripes_recipe, run=tmp_path / "run", watch=QUIET)
    monkeypatch.undo()
    left = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert left == ["chosen.npz", "last.npz"]
    run = zoo.train(stripes_recipe, run=tmp_path / "run", resume=True, watch=QUIET)
    assert len(run.history) == 2
