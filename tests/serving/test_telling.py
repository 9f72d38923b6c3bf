"""What is said of models and versions, to whom nobody hears, and of names that cannot be had."""

import errno
import os
import shutil
import time
from types import SimpleNamespace

import httpx
from pretended_models import Loader, publish, states, wait_for

from zoo.cli.serve import _greet
from zoo.serving.repository import Repository
from zoo.serving.server import Server


def test_versions_come_when_nobody_hears_of_them(tmp_path):
    """As behind a pipe that is broken, or on a disk that is full."""

    def gone(line):
        heard.append(line)
        raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))

    heard = []
    publish(tmp_path / "m" / "1")
    repository = Repository(tmp_path, load=Loader(), poll_seconds=0.01, tell=gone)
    repository.start()
    try:
        for version in (2, 3):
            publish(tmp_path / "m" / str(version))
            wait_for(lambda wanted=version: (wanted, "AVAILABLE") in states(repository))
    finally:
        repository.stop()
    assert len(heard) >= 5


def test_a_name_that_is_no_text_is_left_out(tmp_path, models):
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    for folder in (name, "café"):
        shutil.copytree(models / "hp2", tmp_path / folder)
    said = []
    with (
        Server(tmp_path, rest_port=0, grpc_port=0, poll_seconds=0.01, tell=said.append) as server,
        httpx.Client(base_url=server.rest_url, timeout=60) as http,
    ):
        assert http.get("/models").json() == {"models": ["café"]}
        assert http.get("/v1/models/caf%C3%A9").status_code == 200
        assert http.get("/v1/models/caf%E9").status_code == 404
        time.sleep(0.1)
    line = "caf\\xe9 is left out: its name is no UTF-8, which requests are; rename it"
    assert said.count(line) == 1


def test_one_model_whose_name_is_no_text(tmp_path, capsys):
    """It is said in the greeting too, to an output that takes UTF-8 alone."""
    folder = tmp_path / b"caf\xe9".decode("utf-8", "surrogateescape")
    publish(folder / "1")
    said = []
    repository = Repository(folder, load=Loader(), tell=said.append)
    repository.poll()
    assert repository.names() == []
    assert said[1].startswith("caf\\xe9 is left out")
    _greet(SimpleNamespace(repository=repository, rest_url="", grpc_url=""), folder, None)
    assert f"nothing to serve in {tmp_path}/caf\\xe9 yet" in capsys.readouterr().out


def test_a_name_with_a_line_end_is_asked_for_as_any(http):
    found = http.get("/v1/models/a%0Ab")
    assert (found.status_code, list(found.json())) == (404, ["error"])
    found = http.post("/v1/models/a%0A:predict", content='{"instances": [2]}')
    assert found.json() == {"error": "Servable not found for request: Latest(a\n)"}
    assert http.get("/elsewhere%0A").text == "Not found\n"
