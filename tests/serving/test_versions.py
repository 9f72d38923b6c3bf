"""Versions that come, go, fail and come back, as a poll of the folder sees them."""

import shutil

import pytest
from pretended_models import publish, states

from zoo.serving.repository import Repository
from zoo.serving.status import ServingError
from zoo.serving.versions import aspired


def test_a_new_version_comes_before_the_old_one_goes(tmp_path, loader):
    publish(tmp_path / "m" / "1")
    said = []
    repository = Repository(tmp_path, load=loader, tell=said.append)
    repository.poll()
    publish(tmp_path / "m" / "2")
    repository.poll()
    assert states(repository) == [(2, "AVAILABLE"), (1, "END")]
    assert said == [
        f"{tmp_path} is a folder of models, and is served as such until the server ends",
        "m version 1 is available",
        "m version 2 is available",
        "m version 1 is unloaded",
    ]
    repository.poll()
    assert loader.loaded == ["1", "2"]


def test_a_version_that_fails_leaves_the_old_one_serving(tmp_path, loader):
    publish(tmp_path / "m" / "1")
    repository = Repository(tmp_path, load=loader)
    repository.poll()
    publish(tmp_path / "m" / "2", good=False)
    for _ in range(3):
        repository.poll()
    assert states(repository) == [(2, "END"), (1, "AVAILABLE")]
    [failed, _] = repository.status("m")
    assert failed.code.name == "NOT_FOUND"
    assert "SavedModel file does not exist" in failed.message
    assert repository.find("m")[0] == 1
    # Nothing in it has changed, so it was tried once.
    assert loader.loaded == ["1", "2"]
    publish(tmp_path / "m" / "3")
    repository.poll()
    assert states(repository) == [(3, "AVAILABLE"), (2, "END"), (1, "END")]


@pytest.mark.parametrize(
    "error", [ValueError(), KeyError("x"), MemoryError(), RuntimeError("a\nb")]
)
def test_whatever_loading_raises_ends_that_version_alone(tmp_path, error):
    def load(path):
        if path.parent.name == "bad":
            raise error
        return path

    publish(tmp_path / "bad" / "1")
    publish(tmp_path / "good" / "1")
    said = []
    repository = Repository(tmp_path, load=load, tell=said.append)
    repository.poll()
    assert repository.names() == ["good"]
    [failed] = repository.status("bad")
    assert (failed.state, failed.code.name) == ("END", "UNKNOWN")
    assert failed.message
    assert not [line for line in said if "\n" in line]
    assert len(said) == 3


def test_a_version_copied_slowly_comes_when_it_is_whole(tmp_path, loader):
    publish(tmp_path / "m" / "1", good=False)
    repository = Repository(tmp_path, load=loader)
    repository.poll()
    with pytest.raises(ServingError, match="Latest\\(m\\)"):
        repository.find("m")
    # Longer than TensorFlow Serving has tries.
    for number in range(20):
        (tmp_path / "m" / "1" / f"part{number}").touch()
        repository.poll()
    (tmp_path / "m" / "1" / "good").touch()
    repository.poll()
    repository.poll()
    assert repository.find("m")[0] == 1
    # Not while files came.
    assert loader.loaded == ["1", "1"]


def test_a_bad_version_is_not_tried_for_ever(tmp_path, loader):
    publish(tmp_path / "m" / "1", good=False)
    repository = Repository(tmp_path, load=loader)
    for tries in range(1, 9):
        (tmp_path / "m" / "1" / f"part{tries}").touch()
        for _ in range(10):
            repository.poll()
        assert len(loader.loaded) == tries


def test_a_denied_version_gives_way_to_the_one_before(tmp_path, loader):
    for number in ("1", "2"):
        publish(tmp_path / "m" / number)
    repository = Repository(tmp_path, load=loader)
    repository.poll()
    (tmp_path / "m" / "2").rename(tmp_path / "m" / "2.denied")
    repository.poll()
    assert states(repository) == [(2, "END"), (1, "AVAILABLE")]
    (tmp_path / "m" / "2.denied").rename(tmp_path / "m" / "2")
    repository.poll()
    assert states(repository) == [(2, "AVAILABLE"), (1, "END")]
    assert loader.loaded == ["2", "1", "2"]


def test_a_denied_version_stays_until_the_one_before_is_loaded(tmp_path, loader):
    publish(tmp_path / "m" / "1", good=False)
    publish(tmp_path / "m" / "2")
    repository = Repository(tmp_path, load=loader)
    repository.poll()
    (tmp_path / "m" / "2").rename(tmp_path / "m" / "2.denied")
    repository.poll()
    assert states(repository) == [(2, "AVAILABLE"), (1, "END")]


def test_the_last_version_removed_is_unloaded(tmp_path, loader):
    publish(tmp_path / "m" / "1")
    repository = Repository(tmp_path, load=loader)
    repository.poll()
    shutil.rmtree(tmp_path / "m")
    repository.poll()
    assert states(repository) == [(1, "END")]
    assert repository.names() == []
    with pytest.raises(ServingError, match="Servable not found for request: Latest\\(m\\)"):
        repository.find("m")


def test_several_versions_at_a_time(tmp_path, loader):
    for number in ("1", "2", "3"):
        publish(tmp_path / "m" / number)
    repository = Repository(tmp_path, load=loader, versions=2)
    repository.poll()
    assert states(repository) == [(3, "AVAILABLE"), (2, "AVAILABLE")]
    assert [repository.find("m", version)[0] for version in (None, 2, 3)] == [3, 2, 3]
    with pytest.raises(ServingError, match="Specific\\(m, 1\\)"):
        repository.find("m", 1)
    with pytest.raises(ServingError, match="Could not find version 1 of model m"):
        repository.status("m", 1)


def test_which_numbers_are_wanted():
    assert aspired(["-3"]) == {}
    assert aspired(["1", "001", "0"], 9) in ({1: "001", 0: "0"}, {1: "1", 0: "0"})
