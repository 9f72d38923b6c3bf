"""Which models a folder holds: one or many, those that appear later, and what cannot be listed."""

import errno
import os
import shutil
import time

import pytest
from pretended_models import publish, states, wait_for

from zoo.errors import UserError
from zoo.serving.repository import Repository
from zoo.serving.status import ServingError
from zoo.serving.versions import model_folders, what_is


def test_models_that_appear_later(tmp_path, loader):
    repository = Repository(tmp_path, load=loader)
    repository.poll()
    assert repository.names() == []
    (tmp_path / "empty").mkdir()
    (tmp_path / ".hidden" / "1").mkdir(parents=True)
    (tmp_path / "README.md").touch()
    publish(tmp_path / "b" / "1")
    publish(tmp_path / "a" / "1")
    repository.poll()
    assert repository.names() == ["a", "b"]
    with pytest.raises(ServingError, match="any versions of model empty"):
        repository.status("empty")


def test_one_model_or_all_of_them(tmp_path):
    publish(tmp_path / "models" / "1")
    publish(tmp_path / "models" / "2.denied")
    assert served(tmp_path / "models") == ["models"]
    assert served(tmp_path) == ["models"]
    # A model whose name is a number is told from a version by what is in it.
    publish(tmp_path / "numbers" / "2024" / "1")
    assert served(tmp_path / "numbers") == ["2024"]
    # A model being published, which may be named by a number, shows nothing yet.
    (tmp_path / "begun" / "10" / ".tmp-1").mkdir(parents=True)
    assert what_is(tmp_path / "begun") is None


def served(root):
    return list(model_folders(root, what_is(root)))


@pytest.mark.parametrize("inside", ["", ".tmp-1/assets", "notes"])
def test_a_folder_with_a_number_for_a_name_leaves_the_models_alone(tmp_path, loader, inside):
    publish(tmp_path / "m" / "1")
    repository = Repository(tmp_path, load=loader)
    repository.poll()
    (tmp_path / "10" / inside).mkdir(parents=True)
    repository.poll()
    assert repository.names() == ["m"]
    publish(tmp_path / "10" / "1")
    repository.poll()
    assert repository.names() == ["10", "m"]
    assert loader.loaded == ["1", "1"]


def test_an_empty_folder_is_told_apart_by_what_comes_first(tmp_path, loader):
    said = []
    repository = Repository(tmp_path, load=loader, tell=said.append)
    repository.poll()
    assert said == []
    publish(tmp_path / "1")
    repository.poll()
    assert repository.names() == [tmp_path.name]
    publish(tmp_path / "backup" / "7")
    repository.poll()
    assert repository.names() == [tmp_path.name]
    assert said[0].startswith(f"{tmp_path} is one model")


def test_what_cannot_be_listed_keeps_what_it_has(tmp_path, loader, monkeypatch):
    for name in ("a", "b"):
        publish(tmp_path / name / "1")
    said, bad = [], set()
    scandir = os.scandir

    def failing(path):
        if path in bad:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", failing)
    repository = Repository(tmp_path, load=loader, tell=said.append)
    repository.poll()
    bad.add(tmp_path / "a")
    publish(tmp_path / "b" / "2")
    for _ in range(3):
        repository.poll()
    assert states(repository, "a") == [(1, "AVAILABLE")]
    assert states(repository, "b") == [(2, "AVAILABLE"), (1, "END")]
    assert said.count("a cannot be listed (Too many open files); what is loaded of it stays") == 1
    bad.add(tmp_path)
    with pytest.raises(OSError, match="Too many open files"):
        repository.poll()
    assert repository.names() == ["a", "b"]
    bad.clear()
    shutil.rmtree(tmp_path / "a")
    repository.poll()
    assert repository.names() == ["b"]


def test_a_running_server_says_once_that_its_folder_cannot_be_listed(tmp_path, loader):
    publish(tmp_path / "root" / "m" / "1")
    said = []
    repository = Repository(tmp_path / "root", load=loader, poll_seconds=0.01, tell=said.append)
    repository.start()
    shutil.move(tmp_path / "root", tmp_path / "away")
    wait_for(lambda: len(said) > 2)
    time.sleep(0.1)
    repository.stop()
    assert repository.names() == ["m"]
    assert said[2:] == [
        f"{tmp_path / 'root'} cannot be listed (No such file or directory); what is loaded of it "
        "stays"
    ]
    with pytest.raises(UserError, match=r"cannot be listed \(No such file or directory\); give"):
        repository.start()


def test_a_folder_that_cannot_be_served(tmp_path):
    with pytest.raises(UserError, match="is no folder"):
        Repository(tmp_path / "none")
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(UserError, match="is one version of a model; name the folder above it"):
        Repository(tmp_path)
