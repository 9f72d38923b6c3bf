"""The cases of the contract, one by one, against the parts of the server; none is forgotten."""

import json
import re
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from cases import all_cases, array_of, cases, needs_cases, reason_against
from tensorflow_serving.apis import prediction_log_pb2

from zoo.serving import json_reading, paths
from zoo.serving.inputs import read_inputs
from zoo.serving.json_writing import write_outputs
from zoo.serving.repository import Repository
from zoo.serving.status import Code, ServingError, http_status
from zoo.serving.versions import aspired
from zoo.serving.warmup import warm_up

pytestmark = needs_cases


@pytest.mark.parametrize("answered", [True, False])
def test_no_case_is_left_out_in_silence(answered):
    """Every case is in a suite that a test runs, or has a reason against it; counted by hand."""
    counted = Counter(
        case["suite"] for case in all_cases() if (not reason_against(case)) is answered
    )
    ours = {
        "rest_predict_decode": 52,
        "rest_predict_encode": 19,
        "rest_route": 24,
        "rest_path_parse": 9,
        "rest_error_body": 1,
        "status_map": 11,
        "warmup": 6,
        # 14, without the five of classify and regress and the one of Prometheus.
        "rest_e2e": 8,
        # 14, without the five whose policy is all or specific.
        "fs_version_policy": 9,
        # 37, without the ten of the three calls that are not offered.
        "grpc_e2e": 27,
    }
    others = {
        "labels_reload": 8,
        "prometheus": 4,
        "rest_classify_regress_decode": 5,
        "rest_classify_regress_encode": 3,
        "rest_e2e": 6,
        "fs_version_policy": 5,
        "grpc_e2e": 10,
    }
    assert counted == (ours if answered else others)
    assert sum(ours.values()) + sum(others.values()) == 207


def check_error(error, expected):
    assert error.code.name == expected["code"]
    if "http" in expected:
        assert error.http == expected["http"]
    for text in expected.get("message_contains", []):
        assert text in error.message


@cases("rest_predict_decode")
def test_a_request_is_decoded(case):
    dtypes = {name: spec["dtype"] for name, spec in case["signature"]["inputs"].items()}
    expected = case["expect"]

    def decode():
        return read_inputs(json_reading.read(case["request"]["body"].encode()), dtypes)

    if "error" in expected:
        with pytest.raises(ServingError) as caught:
            decode()
        check_error(caught.value, expected["error"])
        return
    found = decode()
    assert found.form == expected["format"]
    assert found.tensors.keys() == expected["tensors"].keys()
    for name, spec in expected["tensors"].items():
        wanted = array_of(spec)
        assert found.tensors[name].dtype == wanted.dtype
        np.testing.assert_array_equal(found.tensors[name], wanted)


def numbers_of(text):
    """The tokens that stand for numbers, as they are spelled."""
    return re.findall(r"-?(?:NaN|Infinity|\d[\d.eE+-]*)", text)


@cases("rest_predict_encode")
def test_a_response_is_encoded(case):
    outputs = {name: array_of(spec) for name, spec in case["response_tensors"].items()}
    expected = case["expect"]
    if "error" in expected:
        with pytest.raises(ServingError) as caught:
            write_outputs(outputs, case["format"])
        check_error(caught.value, expected["error"])
        return
    text = write_outputs(outputs, case["format"]).decode()
    if expected["compare"] == "number_tokens":
        assert numbers_of(text) == numbers_of(expected["json"])
    else:
        assert json.loads(text) == json.loads(expected["json"])


@cases("rest_path_parse")
def test_a_path_is_parsed(case):
    request, expected = case["request"], case["expect"]
    if not expected["matched"]:
        with pytest.raises(ServingError, match="Malformed request"):
            paths.parse(request["method"], request["path"])
        return
    target = paths.parse(request["method"], request["path"])
    assert target.model == expected["model_name"]
    assert target.version == expected.get("version")
    assert target.label == expected.get("label")
    assert target.verb == expected.get("subresource", "status")


@cases("status_map")
def test_a_code_has_its_http_status(case):
    assert http_status(Code[case["status"]["code"]]) == case["expect"]["http"]


@cases("fs_version_policy")
def test_the_versions_that_are_wanted(case, tmp_path):
    if "steps" in case:
        return follow_steps(case, tmp_path)
    policy = case["policy"] or {"latest": {}}
    count = policy["latest"].get("num_versions", 1)
    found = aspired(case["children"], count)
    assert [list(pair) for pair in found.items()] == case["expect"]["aspired"]


def follow_steps(case, root):
    """Steps over folders; what is loaded is the folder's name, and loading always succeeds."""
    loaded = []

    def load(path):
        loaded.append(path)
        return path

    if "configured" in case["steps"][0]:
        repository = Repository(root, load=load)
        for step in case["steps"]:
            for name in step["expect"]:
                folder = root / name / "0"
                if name in step["configured"]:
                    folder.mkdir(parents=True, exist_ok=True)
                else:
                    folder.rmdir()
                    folder.parent.rmdir()
            repository.poll()
            for name, versions in step["expect"].items():
                assert [v.version for v in available(repository, name)] == versions
        for name in case["expect"]["never_unloaded"]:
            assert loaded.count(root / name / "0") == 1
        return
    for child in case["steps"][0]["children"]:
        (root / "m" / child).mkdir(parents=True)
    repository = Repository(root, load=load, poll_seconds=case["poll_wait_seconds"])
    repository.start()
    for child in case["steps"][1]["children"]:
        (root / "m" / child).mkdir(exist_ok=True)
    repository.stop()
    assert [v.version for v in available(repository, "m")] == case["steps"][1]["expect"]


def available(repository, name):
    return [state for state in repository.status(name) if state.state == "AVAILABLE"]


def warm_up_record(kind):
    log = prediction_log_pb2.PredictionLog()
    if kind == "session_run_log":
        log.session_run_log.SetInParent()
    elif kind == "malformed_record":
        return b"\xff not a message"
    else:
        log.predict_log.request.model_spec.signature_name = "serving_default"
        log.predict_log.request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0]))
    return log.SerializeToString()


@cases("warmup")
def test_warm_up(case, tmp_path):
    given, expected, answered = case["warmup_file"], case["expect"], []
    path = tmp_path / "assets.extra" / "tf_serving_warmup_requests"
    path.parent.mkdir()
    record = warm_up_record(given.get("record"))
    if given["format"] == "tfrecord":
        with tf.io.TFRecordWriter(str(path)) as writer:
            for _ in range(given["records"]):
                writer.write(record)
    else:
        path.write_bytes(record * given["records"])

    def replay():
        return warm_up(tmp_path, lambda name, tensors: answered.append((name, *tensors)))

    if expected["load"] == "error":
        with pytest.raises(ServingError) as caught:
            replay()
        check_error(caught.value, expected)
        return
    assert replay() == expected["requests_run"]
    assert answered == [("serving_default", "x")] * expected["requests_run"]
