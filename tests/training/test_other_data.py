"""A run goes on with the data that it was begun with, wherever they lie, and with no other."""

import numpy as np
import pytest

import zoo
from zoo.errors import UserError
from zoo.training.folder import RunFolder
from zoo.training.other_data import changes
from zoo.training.watch import Watch

QUIET = Watch(quiet=True)


@pytest.fixture(scope="module")
def recipe(stripes_recipe):
    """Of which other data make another recipe."""
    return stripes_recipe.with_overrides({"loss.class_weights": "balanced"})


@pytest.fixture(scope="module")
def begun(recipe, tmp_path_factory):
    """A run of one epoch, which more are asked of."""
    folder = tmp_path_factory.mktemp("begun") / "run"
    return zoo.train(recipe, {"epochs": 1}, run=folder, watch=QUIET).folder


@pytest.fixture
def rewritten(stripes, tmp_path):
    """Writes the stripes with some arrays changed; returns where."""

    def write(change):
        with np.load(stripes) as archive:
            arrays = dict(archive)
        change(arrays)
        path = tmp_path / "elsewhere" / "stripes.npz"
        path.parent.mkdir()
        np.savez(path, **arrays)
        return path

    return write


def add_a_picture(arrays):
    for name in ("x_train", "y_train"):
        arrays[name] = np.concatenate([arrays[name], arrays[name][:1]])


def change_a_picture(arrays):
    arrays["x_validation"][0, 0, 0] ^= 1


def swap_classes(arrays):
    arrays["y_train"] = 1 - arrays["y_train"]


def add_a_class(arrays):
    arrays["y_train"][0] = 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (add_a_picture, "24 train pictures became 25"),
        (change_a_picture, "pictures or what is known of them were replaced, renamed or changed"),
        (swap_classes, "pictures or what is known of them were replaced, renamed or changed"),
        (add_a_class, "the classes '0', '1' became '0', '1', '2'"),
    ],
)
def test_other_data_are_refused(recipe, begun, rewritten, change, said):
    before = RunFolder(begun).data_file.read_bytes()
    other = {"data.path": str(rewritten(change))}
    with pytest.raises(UserError) as refused:
        zoo.train(recipe, other, run=begun, resume=True, watch=QUIET)
    assert said in str(refused.value)
    assert str(begun) in str(refused.value)
    assert "restore them, or train anew into another --run" in str(refused.value)
    assert RunFolder(begun).data_file.read_bytes() == before


def test_another_recipe_is_told_of_before_the_data_that_are_others_by_it(recipe, begun):
    other = {"data.splits": {"train": "train[:20]", "validation": "validation"}}
    with pytest.raises(UserError, match=r"the run was begun with data\.splits="):
        zoo.train(recipe, other, run=begun, resume=True, watch=QUIET)


def test_other_weights_of_classes_are_another_recipe(recipe, begun):
    other = {"loss.class_weights": {"0": 1.0, "1": 3.0}}
    with pytest.raises(UserError, match=r"the run was begun with loss\.class_weights="):
        zoo.train(recipe, other, run=begun, resume=True, watch=QUIET)


def test_the_same_data_elsewhere_are_the_same_and_are_found_there(recipe, begun, rewritten):
    path = str(rewritten(lambda arrays: None))
    before = RunFolder(begun).data()
    again = {"epochs": 1, "data.path": path}
    run = zoo.train(recipe, again, run=begun, resume=True, watch=QUIET)
    assert run.recipe.data.path == path
    assert RunFolder(begun).data() == before


def test_splits_that_came_and_went_are_told_of():
    begun = {"class_names": ["a"], "counts": {"train": 24, "validation": 4}, "fingerprint": "1"}
    now = begun | {"counts": {"train": 24, "test": 6}, "fingerprint": "2"}
    assert changes(begun, now) == ("4 validation pictures became 0; 0 test pictures became 6")
    assert changes(begun, begun) == ""
