"""Versions of real models: changed while requests go on, torn, and failing their warm-up."""

import shutil
import threading

import httpx
import tensorflow as tf
from fixture_models import half_plus
from pretended_models import wait_for

from zoo.serving.messages import PredictionLog
from zoo.serving.repository import Repository
from zoo.serving.server import Server


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


def test_warm_up_records_that_cannot_be_read_are_told_of_by_their_code(
    models, tmp_path, monkeypatch
):
    def denied(path):
        raise tf.errors.PermissionDeniedError(None, None, f"{path}; Permission denied")

    shutil.copytree(models / "hp2" / "123", tmp_path / "m" / "1")
    records = tmp_path / "m" / "1" / "assets.extra" / "tf_serving_warmup_requests"
    records.parent.mkdir()
    write_record(records, "x")
    monkeypatch.setattr(tf.data, "TFRecordDataset", denied)
    repository = Repository(tmp_path)
    repository.poll()
    [failed] = repository.status("m")
    assert (failed.state, failed.code.name) == ("END", "PERMISSION_DENIED")
    assert failed.message == f"{records}; Permission denied"


def write_record(path, name):
    log = PredictionLog()
    log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto([1.0]))
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(log.SerializeToString())
