"""Folders that may not be read: named in a sentence, by the check and by what opens data."""

import errno
import os

import numpy as np
import pytest
from PIL import Image

from zoo.data import open_dataset
from zoo.errors import UserError

ALL = {"data.test": 0, "data.validation": 0}


@pytest.fixture
def forbid(monkeypatch):
    """Forbids to read folders, to root as well, whom no permission binds."""
    forbidden = set()
    for name in ("scandir", "listdir"):
        system = getattr(os, name)

        def refuse(path=".", system=system):
            if os.fspath(path) in forbidden:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
            return system(path)

        monkeypatch.setattr(os, name, refuse)
    return lambda folder: forbidden.add(str(folder))


@pytest.fixture
def pictures(tmp_path):
    """Three classes in folders of their own, and a table that lists all but the last."""
    rows = []
    for number in range(9):
        path = tmp_path / "set" / "abc"[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        rows += [f"{path.parent.name}/{path.name},{number % 2}\n"] if number % 3 < 2 else []
    (tmp_path / "set" / "table.csv").write_text("".join(rows))
    return tmp_path / "set"


@pytest.mark.parametrize("source", ["class_folders", "csv", "auto"])
def test_data_is_not_opened_without_what_is_in_them(pictures, forbid, source):
    forbid(pictures / "c")
    with pytest.raises(
        UserError, match=r"the folder .*/set/c cannot be read \(Permission denied\)"
    ):
        open_dataset(source, pictures)


def test_a_set_whose_own_folder_may_not_be_read_is_refused(pictures, forbid, check):
    forbid(pictures)
    with pytest.raises(UserError, match=r"set cannot be read \(Permission denied\)"):
        open_dataset("auto", pictures)
    with pytest.raises(UserError, match=r"no picture that can be seen \(.*: \. \(Permission"):
        check(pictures)


@pytest.mark.parametrize("source", ["class_folders", "csv"])
def test_the_check_names_each_and_reads_the_others(pictures, forbid, check, by_file, source):
    forbid(pictures / "b")
    forbid(pictures / "c")
    checked = check(pictures, source=source, **ALL)
    assert by_file(checked) == {
        "": {"unusable-set"},
        "b": {"unreadable-folder"},
        "c": {"unreadable-folder"},
    }
    assert {one.effect for one in checked.findings} == {"stops"}
    assert [one.name for one in checked.seen] == ["a/0.png", "a/3.png", "a/6.png"]


def test_one_that_training_does_not_look_into_does_not_stop_it(tmp_path, forbid, check):
    for number in range(4):
        for name in ("images", "masks"):
            picture = Image.new("L", (8, 8), 40 * number if name == "images" else 0)
            picture.putpixel((number, 0), 1)
            (tmp_path / name).mkdir(exist_ok=True)
            picture.save(tmp_path / name / f"{number}.png")
    (tmp_path / "raw" / "old").mkdir(parents=True)
    forbid(tmp_path / "raw" / "old")
    checked = check(tmp_path, source="mask_folders", **ALL)
    assert checked.splits == {"train": 4}
    (found,) = [one for one in checked.findings if one.kind == "unreadable-folder"]
    assert (found.file, found.detail, found.effect) == ("raw/old", "Permission denied", "left out")
