"""Versions that come, go, fail and come back, as a poll of the folder sees them."""

import errno
import os
import shutil
import threading
import time

import httpx
import pytest
import tensorflow as tf
from fixture_models import half_plus

from zoo.errors import UserError
from zoo.serving.messages import PredictionLog
from zoo.serving.repository import Repository
from zoo.serving.server import Server
from zoo.serving.status import ServingError
from zoo.serving.versions import aspired, model_folders, what_is


class Loader:
    """Loads what holds a file ``good``; remembers in which order."""

    def __init__(self):
        self.loaded = []

    def __call__(self, path):
        self.loaded.append(path.name)
        if not (path / "good").exists():
            raise OSError(f"SavedModel file does not exist at: {path}")
        return path


def publish(folder, good=True):
    folder.mkdir(parents=True)
    if good:
        (folder / "good").touch()


def states(repository, name="m"):
    return [(s.version, str(s.state)) for s in repository.status(name)]


@pytest.fixture
def loader():
    return Loader()


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


def test_which_numbers_are_wanted():
    assert aspired(["-3"]) == {}
    assert aspired(["1", "001", "0"], 9) in ({1: "001", 0: "0"}, {1: "1", 0: "0"})


def test_a_folder_that_cannot_be_served(tmp_path):
    with pytest.raises(UserError, match="is no folder"):
        Repository(tmp_path / "none")
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(UserError, match="is one version of a model; name the folder above it"):
        Repository(tmp_path)


def test_versions_change_under_a_running_server(tmp_path, models):
    """Requests go on all the while: half_plus_two, then half_plus_three, then neither."""
    half_plus(tmp_path / "m" / "1")
    answers, ending = [], threading.Event()
    with (
        Server(tmp_path, rest_port=0, grpc_port=0, poll_seconds=0.1) as server,
        httpx.Client(base_url=server.rest_url, timeout=30) as http,
    ):

        def ask():
            while not ending.is_set():
                body = '{"instances": [2]}'
                url = f"{server.rest_url}/v1/models/m:predict"
                response = httpx.post(url, content=body, timeout=60)
                answers.append((response.status_code, *response.json().get("predictions", [])))

        asking = threading.Thread(target=ask)
        asking.start()
        wait_for(lambda: answers)
        shutil.copytree(models / "hp3" / "123", tmp_path / "m" / ".tmp-2")
        (tmp_path / "m" / ".tmp-2").rename(tmp_path / "m" / "2")
        (tmp_path / "m" / ".tmp-3").mkdir()
        # A torn file, and a whole graph whose variables are missing.
        (tmp_path / "m" / ".tmp-3" / "saved_model.pb").write_bytes(b"\xff\xff torn")
        (tmp_path / "m" / ".tmp-3").rename(tmp_path / "m" / "3")
        wait_for(lambda: state_of(http, 3) == "END")
        shutil.copytree(models / "hp3" / "123", tmp_path / "m" / ".tmp-4")
        shutil.rmtree(tmp_path / "m" / ".tmp-4" / "variables")
        (tmp_path / "m" / ".tmp-4").rename(tmp_path / "m" / "4")
        wait_for(lambda: state_of(http, 4) == "END")
        [four, three, *_] = http.get("/v1/models/m").json()["model_version_status"]
        assert "as a SavedModel" in three["status"]["error_message"]
        assert four["status"]["error_code"] != "OK"
        for bad in ("3", "4"):
            shutil.rmtree(tmp_path / "m" / bad)
        wait_for(lambda: state_of(http, 2) == "AVAILABLE" and state_of(http, 1) == "END")
        ending.set()
        asking.join()
        shutil.rmtree(tmp_path / "m")
        wait_for(lambda: state_of(http, 2) == "END")
        body = '{"instances": [2]}'
        assert http.post("/v1/models/m:predict", content=body).status_code == 404
    # 0.5 * 2 + 2 and 0.5 * 2 + 3: never an error between.
    assert set(answers) <= {(200, 3.0), (200, 4.0)}
    assert (200, 3.0) in answers


def state_of(http, version):
    response = http.get(f"/v1/models/m/versions/{version}").json()
    return response.get("model_version_status", [{}])[0].get("state")


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def test_a_version_whose_warm_up_fails_is_not_served(tmp_path, models):
    shutil.copytree(models / "hp2" / "123", tmp_path / "m" / "1")
    records = tmp_path / "m" / "1" / "assets.extra" / "tf_serving_warmup_requests"
    records.parent.mkdir()
    write_record(records, "x")
    repository = Repository(tmp_path)
    repository.poll()
    assert repository.find("m")[0] == 1
    shutil.copytree(tmp_path / "m" / "1", tmp_path / "m" / "2")
    write_record(tmp_path / "m" / "2" / "assets.extra" / "tf_serving_warmup_requests", "z")
    repository.poll()
    [failed, served] = repository.status("m")
    assert (failed.state, failed.code.name) == ("END", "INVALID_ARGUMENT")
    assert "Sent extra: {z}. Missing but required: {x}." in failed.message
    assert (served.version, served.state) == (1, "AVAILABLE")


def write_record(path, name):
    log = PredictionLog()
    log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto([1.0]))
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(log.SerializeToString())
