"""Ready requests, run as they are against a server that answers with the model itself."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml
from google.protobuf import text_format
from PIL import Image
from request_servers import NAME, classification, grpc_server, rest_server, segmentation
from tensorflow_serving.config import model_server_config_pb2

from zoo.errors import UserError
from zoo.export.requests import REQUESTS, write_requests
from zoo.export.server_files import COMPOSE, CONFIG, write_server_files

PROGRAMS = {
    "curl.sh": (rest_server, ["sh"], []),
    "rest.py": (rest_server, [sys.executable], ["--server"]),
    "grpc_predict.py": (grpc_server, [sys.executable], ["--server"]),
}


@pytest.mark.parametrize("answers", [segmentation, classification])
@pytest.mark.parametrize("reads_bytes", [True, False])
@pytest.mark.parametrize("program", PROGRAMS)
def test_requests_run_as_they_are(program, reads_bytes, answers, tmp_path):
    serve, interpreter, option = PROGRAMS[program]
    if program == "curl.sh" and not shutil.which("curl"):
        pytest.skip("there is no curl here")
    masks = answers is segmentation
    write_requests(tmp_path, NAME, reads_bytes=reads_bytes, answers_mask=masks)
    pixels = np.random.default_rng(0).integers(0, 200, (40, 50), np.uint8)
    if reads_bytes:
        file = tmp_path / "my picture.png"
        Image.fromarray(pixels).save(file)
    else:
        file = tmp_path / "my array.npy"
        np.save(file, np.stack([pixels, *[np.zeros_like(pixels)] * 4], axis=-1))
    seen = []
    with serve(seen, answers) as server:
        done = subprocess.run(
            [*interpreter, str(tmp_path / REQUESTS / program), file.name, *option, server],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert seen == [NAME]
    said = json.loads(done.stdout)
    said = said["predictions"][0] if program == "curl.sh" else said
    if not masks:
        assert (said["label"], said["score"]) == ("a", pixels.sum())
        return
    assert said["fraction"] == [0.5, 0.5]
    assert said["classes"] == ["a", "b"]
    if program != "curl.sh":
        assert set(said) == {"file", "error", "classes", "fraction", "mask"}
        assert said["mask"] == f"{file.stem}_mask.png"
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / said["mask"])), pixels)


@pytest.mark.parametrize("program", ["curl.sh", "rest.py"])
def test_a_server_that_refuses_or_is_not_there_fails_the_program(program, tmp_path):
    _, interpreter, option = PROGRAMS[program]
    write_requests(tmp_path, "other", reads_bytes=True, answers_mask=True)
    (tmp_path / "p.png").write_bytes(tf.io.encode_png(tf.zeros([2, 2, 1], tf.uint8)).numpy())
    command = [*interpreter, str(tmp_path / REQUESTS / program), str(tmp_path / "p.png"), *option]
    done = subprocess.run(
        [*command, "127.0.0.1:9"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode != 0
    with rest_server([]) as server:
        done = subprocess.run(
            [*command, server], capture_output=True, text=True, check=False, cwd=tmp_path
        )
    assert done.returncode != 0
    assert "404" in done.stderr


def publish(root, *names):
    for name in names:
        (root / name / "1").mkdir(parents=True)
        (root / name / "1" / "saved_model.pb").write_bytes(b"graph")


def test_the_server_is_told_of_every_model_that_has_a_version(tmp_path):
    names = ["pets", NAME, "süß"]
    publish(tmp_path, *names)
    (tmp_path / "empty" / "1").mkdir(parents=True)
    config, compose = write_server_files(tmp_path)
    parsed = text_format.Parse(
        config.read_text(encoding="utf-8"), model_server_config_pb2.ModelServerConfig()
    )
    told = {one.name: one for one in parsed.model_config_list.config}
    assert set(told) == set(names)
    for name, one in told.items():
        assert one.base_path == f"/models/{name}"
        assert one.model_platform == "tensorflow"
        # Labels would keep the server from starting, and the newest version is the default.
        assert not one.version_labels
        assert not one.HasField("model_version_policy")
    services = yaml.safe_load(compose.read_text())["services"]
    assert list(services) == ["serving"]
    serving = services["serving"]
    assert set(serving) == {"image", "command", "ports", "volumes", "restart"}
    assert serving["image"].startswith("tensorflow/serving:")
    assert serving["volumes"] == [".:/models:ro"]
    assert all(port.startswith("127.0.0.1:") for port in serving["ports"])
    assert f"--model_config_file=/models/{CONFIG}" in serving["command"]


def test_a_model_whose_newest_version_is_broken_would_end_the_server(tmp_path):
    publish(tmp_path, "pets", "digits")
    (tmp_path / "pets" / "2").mkdir()
    said = []
    config, _ = write_server_files(tmp_path, said.append)
    assert re.findall('name: "(.*)"', config.read_text()) == ["digits"]
    [line] = said
    assert line.startswith(f"{tmp_path / 'pets'} is left out of models.config")
    assert "its newest version, 2, holds no SavedModel; publish another" in line
    (tmp_path / "digits" / "2").mkdir()
    with pytest.raises(UserError, match=r"no model in .* can be served"):
        write_server_files(tmp_path)
    (tmp_path / "pets" / "2" / "saved_model.pb").touch()
    said.clear()
    write_server_files(tmp_path, said.append)
    assert re.findall('name: "(.*)"', config.read_text()) == ["pets"]
    assert ["digits" in line for line in said] == [True]


def test_files_that_somebody_changed_stay(tmp_path):
    publish(tmp_path, "one")
    write_server_files(tmp_path)
    own = (tmp_path / COMPOSE).read_text().partition("\n")[2]
    (tmp_path / COMPOSE).write_text(own.replace("8501:", "80:"))
    publish(tmp_path, "two")
    write_server_files(tmp_path)
    assert (tmp_path / COMPOSE).read_text() == own.replace("8501:", "80:")
    assert 'name: "two"' in (tmp_path / CONFIG).read_text()


def test_files_that_are_no_text_stay(tmp_path):
    (tmp_path / "pets" / "1").mkdir(parents=True)
    (tmp_path / "pets" / "1" / "saved_model.pb").touch()
    theirs = "# für uns".encode("latin-1")
    (tmp_path / COMPOSE).write_bytes(theirs)
    write_server_files(tmp_path)
    assert (tmp_path / COMPOSE).read_bytes() == theirs
    assert "pets" in (tmp_path / CONFIG).read_text()


@pytest.mark.parametrize("reads_bytes", [True, False])
def test_curl_asks_nothing_about_a_file_that_is_not_there(reads_bytes, tmp_path):
    write_requests(tmp_path, NAME, reads_bytes=reads_bytes, answers_mask=False)
    seen = []
    with rest_server(seen) as address:
        command = ["sh", str(tmp_path / REQUESTS / "curl.sh"), str(tmp_path / "gone"), address]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "gone" in done.stderr
    assert seen == []


def test_nothing_to_serve(tmp_path):
    with pytest.raises(UserError, match="nothing is published"):
        write_server_files(tmp_path / "nowhere")
    with pytest.raises(UserError, match="nothing is published"):
        write_server_files(tmp_path)
    assert list(Path(tmp_path).iterdir()) == []
