"""One table is of one data set: a comparison goes on with the data it was begun with."""

import json
from pathlib import Path

import numpy as np
import pytest

import zoo as package
from zoo.comparison import pool, worker
from zoo.data import fingerprint

BEGUN = ("compare", "colours", "--vary", "batch_size=4")
EXTENDED = ("compare", "colours", "--vary", "batch_size=4,8")


@pytest.fixture
def rewritten(untrained):
    """Writes the pictures, in splits of their own, with some arrays changed; ends with the old."""
    path = Path("pictures.npz")
    before = path.read_bytes()
    with np.load(path) as archive:
        pictures, classes = archive["x_train"], archive["y_train"]
    ends = {"train": slice(8), "validation": slice(8, 12), "test": slice(12, 16)}
    arrays = {f"x_{split}": pictures[part].copy() for split, part in ends.items()}
    arrays |= {f"y_{split}": classes[part].copy() for split, part in ends.items()}

    def write(change):
        change(arrays)
        np.savez(path, **arrays)

    write(lambda arrays: None)
    yield write
    path.write_bytes(before)


def change_a_picture(split):
    def change(arrays):
        arrays[f"x_{split}"][0, 0, 0] ^= 1

    return change


def add_a_picture(arrays):
    for name in ("x_train", "y_train"):
        arrays[name] = np.concatenate([arrays[name], arrays[name][:1]])


def add_a_class(arrays):
    arrays["y_train"][:2] = 2


def record(folder):
    return json.loads(Path(folder, "compare.json").read_text())


CHANGED = "as many as before, but pictures or what is known of them were replaced"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_a_picture("train"), CHANGED),
        (change_a_picture("validation"), CHANGED),
        (change_a_picture("test"), CHANGED),
        (add_a_picture, "(8 train pictures became 9); "),
        (add_a_class, "the classes '0', '1' became '0', '1', '2'"),
    ],
    ids=["train", "validation", "test", "more", "class"],
)
def test_other_data_are_refused(rewritten, zoo, refused, tmp_path, change, said):
    folder = tmp_path / "edited"
    zoo(*BEGUN, "--out", folder)
    before = (folder / "compare.json").read_bytes()
    rewritten(change)
    line = refused(*EXTENDED, "--out", folder)
    wanted = f"Error: batch_size=4: the data are not those that {folder} was begun with ("
    assert line.startswith(wanted)
    assert said in line
    assert line.endswith(f"restore them, or use another --out than {folder}")
    assert (folder / "compare.json").read_bytes() == before
    assert not (folder / "batch_size=8,seed=0").exists()


def test_the_same_data_are_the_same(rewritten, zoo, tmp_path):
    zoo(*BEGUN, "--out", tmp_path / "same")
    (begun,) = record(tmp_path / "same")["data"]
    assert begun["settings"] == ["batch_size=4"]
    assert begun["class_names"] == ["0", "1"]
    assert begun["counts"] == {"train": 8, "validation": 4, "test": 4}
    rewritten(lambda arrays: None)
    zoo(*EXTENDED, "--out", tmp_path / "same")
    (now,) = record(tmp_path / "same")["data"]
    assert now == begun | {"settings": ["batch_size=4", "batch_size=8"]}


def test_a_comparison_of_before_data_were_looked_at_is_gone_on_with(rewritten, zoo, tmp_path):
    zoo(*BEGUN, "--out", tmp_path / "old")
    old = record(tmp_path / "old")
    begun = old.pop("data")
    (tmp_path / "old" / "compare.json").write_text(json.dumps(old))
    zoo(*EXTENDED, "--out", tmp_path / "old")
    assert record(tmp_path / "old")["data"][0]["fingerprint"] == begun[0]["fingerprint"]


def test_data_that_nothing_was_learnt_from_may_be_mended(rewritten, zoo, tmp_path, monkeypatch):
    folder = tmp_path / "mended"
    with monkeypatch.context() as patch:
        patch.setattr(pool, "start", Fails)
        zoo(*BEGUN, "--out", folder, code=1)
    (begun,) = record(folder)["data"]
    rewritten(change_a_picture("train"))
    zoo(*BEGUN, "--out", folder)
    (now,) = record(folder)["data"]
    assert now["fingerprint"] != begun["fingerprint"]


def test_a_run_that_saved_a_checkpoint_holds_on_to_its_data(
    rewritten, zoo, refused, tmp_path, monkeypatch
):
    folder = tmp_path / "saved"
    with monkeypatch.context() as patch:
        patch.setattr(pool, "start", Fails)
        zoo(*BEGUN, "--out", folder, code=1)
    checkpoints = folder / "batch_size=4,seed=0" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "last.npz").touch()
    rewritten(change_a_picture("train"))
    assert CHANGED in refused(*BEGUN, "--out", folder)


class Fails:
    """A process of a run that ends before it comes to anything."""

    def __init__(self, job, threads, folder, lock):
        pass

    def poll(self):
        return 2

    def failure(self):
        return "the picture 7.png cannot be read"


def test_each_data_section_is_looked_at_once(place, monkeypatch):
    recipe = package.load_recipe("colours")
    changes = [{"epochs": 2}, {"data.seed": 1}, {"epochs": 3}, {"data.seed": 1, "epochs": 2}]
    real, looked = fingerprint.fingerprint, []
    monkeypatch.setattr(fingerprint, "fingerprint", lambda splits: looked.append(1) or real(splits))
    recipes = {str(number): recipe.with_overrides(one) for number, one in enumerate(changes)}
    first, second = worker.check(recipes, Path("checked"))["data"]
    assert (first["settings"], second["settings"]) == (["0", "2"], ["1", "3"])
    assert first["fingerprint"] != second["fingerprint"]
    assert len(looked) == 2
