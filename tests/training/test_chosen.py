"""The weights to publish, of which there is one copy: what becomes of a run that lost it."""

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
