"""Checkpoints: everything back bit for bit, or one sentence."""

import keras
import numpy as np
import pytest

from zoo.errors import UserError
from zoo.training import checkpoint
from zoo.training.files import write_text, write_whole


def make(filters=3):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(filters), keras.layers.Dropout(0.5)]
    )
    optimizer = keras.optimizers.AdamW(0.1)
    optimizer.build(model.trainable_variables)
    return model, optimizer


def step(model, optimizer):
    gradients = [np.ones(v.shape, "float32") for v in model.trainable_variables]
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return np.asarray(model(np.ones((8, 4), "float32"), training=True))


def test_everything_comes_back(tmp_path):
    path = tmp_path / "last.npz"
    model, optimizer = make()
    step(model, optimizer)
    progress = checkpoint.Progress(3, 1, 0.5, 2, 12.5, 7.0, {"loss": 0.1}, 1)
    checkpoint.save(path, checkpoint.variables_of(model, optimizer), progress)
    expected = step(model, optimizer)
    other, other_optimizer = make()
    assert checkpoint.restore(path, checkpoint.variables_of(other, other_optimizer)) == progress
    # Dropout drops the same values: the seed generator's state is among the variables.
    np.testing.assert_array_equal(step(other, other_optimizer), expected)
    assert list(tmp_path.iterdir()) == [path]


def test_of_another_network(tmp_path):
    path = tmp_path / "last.npz"
    checkpoint.save(path, checkpoint.variables_of(*make()), checkpoint.Progress())
    with pytest.raises(UserError, match="belongs to another network"):
        checkpoint.restore(path, checkpoint.variables_of(*make(filters=4)))


@pytest.mark.parametrize("keep", [0, 10, 300])
def test_damaged(tmp_path, keep):
    path = tmp_path / "last.npz"
    checkpoint.save(path, checkpoint.variables_of(*make()), checkpoint.Progress())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match="cannot be read"):
        checkpoint.restore(path, checkpoint.variables_of(*make()))


# Flags and method of a file in the archive's directory, APPNOTE.TXT 4.3.12: encrypted; deflated,
# LZMA and one that is none.
@pytest.mark.parametrize(("place", "value"), [(8, 1), (10, 8), (10, 14), (10, 77)])
def test_a_directory_that_asks_for_what_was_never_done_is_damaged(tmp_path, place, value):
    path = tmp_path / "last.npz"
    checkpoint.save(path, checkpoint.variables_of(*make()), checkpoint.Progress())
    whole = bytearray(path.read_bytes())
    whole[whole.rindex(b"PK\x01\x02") + place] = value
    path.write_bytes(whole)
    with pytest.raises(checkpoint.DamagedError, match=r"last\.npz cannot be read"):
        checkpoint.restore(path, checkpoint.variables_of(*make()))


def test_an_array_without_end_is_damaged(tmp_path):
    path = tmp_path / "last.npz"
    # So large that its checksum is not known once its beginning is read.
    network = make(filters=2000)
    checkpoint.save(path, checkpoint.variables_of(*network), checkpoint.Progress())
    whole, longer = path.read_bytes(), b"(999999999999999,), }"
    damaged = whole.replace(b"(2000,), }".ljust(len(longer)), longer)
    assert damaged != whole
    path.write_bytes(damaged)
    with pytest.raises(checkpoint.DamagedError, match="cannot be read"):
        checkpoint.restore(path, checkpoint.variables_of(*network))


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail(aside):
        aside.write_text("half")
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        write_whole(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
