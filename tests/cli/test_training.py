"""Training as a user commands it: resumed, stopped early, on faulty pictures."""

import io
from pathlib import Path

import numpy as np
import pytest

# What draws anything at random: dropout, and the random starts of attacks.
ATTACKED = ("adversarial.steps=2", "adversarial.epsilon=20", "sampling.balanced=true")
# Two steps an epoch: it is left in the middle of an update.
AVERAGED = ("optimizer.name=nadam", "schedule.name=one_cycle", "accumulate=3", "ema=0.9")


@pytest.mark.parametrize(
    "more",
    [(), ATTACKED, (*AVERAGED, "remat=true")],
    ids=["plain", "attacked and balanced", "accumulated and averaged"],
)
def test_resume_goes_on_and_ends_as_if_never_stopped(here, zoo, refused, history, more):
    settings = ("--data", "pictures", "--set", "epochs=3", "--set", "model.dropout=0.2")
    settings += tuple(part for setting in more for part in ("--set", setting))
    zoo("train", "colours", *settings, "--run", "runs/straight")
    from zoo.training import course as module

    real, calls = module.Course._epoch, []

    def stop_in_second_epoch(training):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(training)

    module.Course._epoch = stop_in_second_epoch
    try:
        result = zoo("train", "colours", *settings, "--run", "runs/broken", code=130)
    finally:
        module.Course._epoch = real
    assert "--run runs/broken --resume" in result.stderr
    assert "holds a run already" in refused("train", "colours", *settings, "--run", "runs/broken")
    zoo("train", "colours", *settings, "--run", "runs/broken", "--resume")
    for name in ("chosen.npz", "last.npz"):
        with (
            np.load(f"runs/straight/checkpoints/{name}") as straight,
            np.load(f"runs/broken/checkpoints/{name}") as broken,
        ):
            for key in straight.files:
                if key != "state":
                    np.testing.assert_array_equal(straight[key], broken[key])
    scores = [
        [row["validation_loss"] for row in history(Path("runs") / run)]
        for run in ("straight", "broken")
    ]
    assert scores[0] == scores[1]
    assert len(scores[0]) == 3


def test_resume_of_nothing_starts_fresh(here, zoo):
    zoo("train", "colours", "--data", "pictures", "--set", "epochs=1", "--resume")
    assert Path("runs/colours/model.keras").is_file()


def test_early_stopping(here, zoo, history):
    settings = ("--set", "epochs=30", "--set", "early_stopping=1", "--set", "learning_rate=1e-9")
    zoo("train", "colours", "--data", "pictures", *settings)
    assert len(history(Path("runs/colours"))) < 30


def test_a_loss_that_is_no_number_is_said(here, refused):
    said = refused("train", "colours", "--data", "pictures", "--set", "learning_rate=1e30")
    assert "no longer a number" in said
    assert "learning_rate" in said


def test_unreadable_pictures_are_named_and_can_be_left_out(here, zoo, colour_picture):
    whole = io.BytesIO()
    colour_picture(True, 0, (60, 60)).save(whole, "JPEG")
    Path("pictures/red/torn.jpg").write_bytes(whole.getvalue()[:400])
    settings = ("--data", "pictures", "--set", "data.test=0", "--set", "data.validation=0.2")
    outcomes = [
        zoo("train", "colours", *settings, "--set", f"seed={seed}", "--set", "epochs=1", code="any")
        for seed in range(2)
    ]
    for result in outcomes:
        assert result.exit_code == 2
        assert "torn.jpg" in result.stderr
        assert "damaged or cut short" in result.stderr
    skipping = ("--set", "data.unreadable=skip", "--set", "epochs=1")
    result = zoo("train", "colours", *settings, *skipping)
    assert "torn.jpg" in result.stderr
