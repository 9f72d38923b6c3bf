"""The one copy of the weights to publish: lost, or newer than the network last published."""

import signal

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import UserError
from zoo.training.folder import RunFolder
from zoo.training.watch import Watch

QUIET = Watch(quiet=True)


@pytest.fixture
def damaged(stripes_recipe, tmp_path):
    """A run of two epochs whose best weights cannot be read."""
    folder = RunFolder(zoo.train(stripes_recipe, run=tmp_path / "run", watch=QUIET).folder)
    whole = bytearray(folder.chosen.read_bytes())
    whole[whole.rindex(b"PK\x01\x02") + 10] = 77
    folder.chosen.write_bytes(whole)
    folder.model_file.unlink()
    return folder


def test_a_run_that_lost_what_to_publish_trains_on_for_it(stripes_recipe, damaged, capfd):
    said = r"chosen\.npz cannot be read .* no other copy .* --resume --set epochs=3$"
    with pytest.raises(UserError, match=said):
        zoo.train(stripes_recipe, run=damaged.path, resume=True, watch=QUIET)
    with pytest.raises(UserError, match=said):
        _ = zoo.Run(damaged.path).model
    run = zoo.train(stripes_recipe, {"epochs": 3}, run=damaged.path, resume=True)
    told = capfd.readouterr().err
    assert "chosen.npz is damaged, and the best weights so far are lost with it" in told
    assert "on validation, epoch 3" in told
    assert run.model.count_params() > 0


def test_a_run_that_is_extended_and_stopped_answers_as_it_is_now(stripes_recipe, tmp_path):
    recipe = stripes_recipe.with_overrides({"publish": "last"})
    done = zoo.train(recipe, {"epochs": 1}, run=tmp_path / "run", watch=QUIET)
    before = done.model.get_weights()
    stop = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: epoch == 2 and signal.raise_signal(signal.SIGTERM)
    )
    with pytest.raises(KeyboardInterrupt):
        zoo.train(
            recipe, {"epochs": 3}, run=done.folder, resume=True, watch=QUIET, callbacks=[stop]
        )
    stopped = zoo.Run(done.folder)
    assert [row["epoch"] for row in stopped.history] == [1, 2]
    after = stopped.model.get_weights()
    assert not all(np.array_equal(*pair) for pair in zip(before, after, strict=True))
