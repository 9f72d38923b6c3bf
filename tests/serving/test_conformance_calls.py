"""The cases of the contract that call a server, by REST and by gRPC."""

import json

import grpc
import numpy as np
import pytest
import tensorflow as tf
from cases import array_of, cases, needs_cases
from fixture_models import half_plus
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from zoo.serving.server import Server
from zoo.serving.status import Code

pytestmark = needs_cases


@cases("rest_error_body")
def test_a_good_answer_has_no_error(case, http):
    assert case["status"]["code"] == "OK"
    response = http.post("/v1/models/hp2:predict", content='{"instances": [1]}')
    assert "error" not in response.json()


def send(http, request):
    return http.request(request["method"], request["path"], content=request["body"])


@cases("rest_route")
def test_a_route(case, http):
    response, expected = send(http, case["request"]), case["expect"]
    if "error" not in expected:
        assert response.status_code == expected["http"]
        assert not response.headers["content-type"].startswith("application/json")
        return
    assert response.status_code == expected["error"]["http"]
    message = response.json()["error"]
    for text in expected["error"]["message_contains"]:
        assert text in message


def comparable(signatures):
    """A signature map without the names of a graph's tensors, which are the graph's own."""
    for signature in signatures.values():
        for side in ("inputs", "outputs"):
            for info in signature[side].values():
                info.pop("name")
    return signatures


@cases("rest_e2e")
def test_rest_end_to_end(case, http):
    response, expected = send(http, case["request"]), case["expect"]
    assert response.status_code == expected["http"]
    assert response.headers["content-type"] == expected["content_type"]
    found, wanted = response.json(), json.loads(expected["json"])
    if "json_pointer" in expected:
        for key in expected["json_pointer"].split("/")[1:]:
            found = found[key]
    if "metadata" in wanted:
        for side in (found, wanted):
            inner = side["metadata"]["signature_def"]
            inner["signature_def"] = comparable(inner["signature_def"])
    assert found == wanted


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory):
    root = tmp_path_factory.mktemp("two")
    for version in ("123", "124"):
        half_plus(root / "hp2_two" / version)
    with Server(root, rest_port=0, grpc_port=0, versions=2) as running:
        yield running


def fill_spec(spec, given):
    spec.SetInParent()
    spec.name = given.get("name", "")
    spec.signature_name = given.get("signature_name", "")
    if "version" in given:
        spec.version.value = given["version"]
    if "version_label" in given:
        spec.version_label = given["version_label"]


def proto_of(spec):
    return tf.make_tensor_proto(array_of(spec), spec["dtype"], spec["shape"])


def call(channel, rpc, given):
    method = rpc.rpartition("/")[2]
    request = {
        "Predict": predict_pb2.PredictRequest,
        "GetModelMetadata": get_model_metadata_pb2.GetModelMetadataRequest,
        "GetModelStatus": get_model_status_pb2.GetModelStatusRequest,
    }[method]()
    if "model_spec" in given:
        fill_spec(request.model_spec, given["model_spec"])
    for name, spec in given.get("inputs", {}).items():
        request.inputs[name].CopyFrom(proto_of(spec))
    for field in ("output_filter", "metadata_field"):
        getattr(request, field, []).extend(given.get(field, []))
    service = {
        "PredictionService": prediction_service_pb2_grpc.PredictionServiceStub,
        "ModelService": model_service_pb2_grpc.ModelServiceStub,
    }[rpc.rpartition("/")[0]]
    return getattr(service(channel), method)(request, timeout=60)


@cases("grpc_e2e")
def test_grpc_end_to_end(case, server, two_versions):
    expected = case["expect"]
    which = two_versions if case["engine_specific"] == "half_plus_two_2_versions" else server
    with grpc.insecure_channel(which.grpc_url.removeprefix("grpc://")) as channel:
        if "error" in expected:
            with pytest.raises(grpc.RpcError) as caught:
                call(channel, case["rpc"], case["request"])
            assert caught.value.code().name == expected["error"]["code"]
            for text in expected["error"].get("message_contains", []):
                assert text in caught.value.details()
            return
        response = call(channel, case["rpc"], case["request"])
    if "model_spec" in expected:
        spec = response.model_spec
        found = {"name": spec.name, "version": spec.version.value}
        found["signature_name"] = spec.signature_name
        assert expected["model_spec"].items() <= found.items()
    for name, wanted in expected.get("outputs", {}).items():
        assert not response.outputs[name].tensor_content
        assert response.outputs[name].dtype == tf.as_dtype(wanted["dtype"]).as_datatype_enum
        np.testing.assert_array_equal(tf.make_ndarray(response.outputs[name]), array_of(wanted))
    if "outputs" in expected:
        assert response.outputs.keys() == expected["outputs"].keys()
    if "versions" in expected:
        states = get_model_status_pb2.ModelVersionStatus.State
        rows = response.model_version_status
        assert {str(r.version): states.Name(r.state) for r in rows} == expected["versions"]
        assert {r.status.error_code for r in rows} == {Code[expected["error_code"]]}
    if "metadata_keys" in expected:
        assert list(response.metadata) == expected["metadata_keys"]
        packed = response.metadata["signature_def"]
        assert packed.type_url == expected["any_type"]
        signatures = get_model_metadata_pb2.SignatureDefMap()
        assert packed.Unpack(signatures)
        assert set(expected["signatures_include"]) <= set(signatures.signature_def)
