"""Tensors of as many dimensions as a server takes, and of more, by REST and by gRPC."""

import json

import grpc
import numpy as np
import pytest
import tensorflow as tf
from fixture_models import save
from test_grpc import predict, proto, refusal, request_of

from zoo.serving.servable import Servable
from zoo.serving.status import ServingError


def nested(depth, inside):
    return "[" * depth + inside + "]" * depth


@pytest.mark.parametrize("depth", [33, 64, 65, 70, 254, 900])
@pytest.mark.parametrize("inside", ["2", "", '"a"', "2, 4"])
def test_json_nested_too_deep_for_a_tensor(http, depth, inside):
    for body in (
        f'{{"instances": {nested(depth, inside)}}}',
        f'{{"inputs": {nested(depth, inside)}}}',
        f'{{"instances": [{{"x": 2}}, {{"x": {nested(depth, inside)}}}]}}',
    ):
        response = http.post("/v1/models/hp2:predict", content=body)
        assert response.status_code == 400
        assert "JSON Value" in response.json()["error"] or "shape" in response.json()["error"]


@pytest.mark.parametrize("inside", ["2", ""])
def test_json_nested_as_deep_as_a_tensor_may_be(http, inside):
    """y = 0.5 x + 2."""
    body = f'{{"inputs": {nested(32, inside)}}}'
    answer = http.post("/v1/models/hp2:predict", content=body)
    assert answer.json() == {"outputs": json.loads(nested(32, "3" if inside else ""))}


def test_grpc_tensors(server):
    text = {"name": "types", "signature": "text_scalar"}
    with grpc.insecure_channel(server.grpc_url.removeprefix("grpc://")) as channel:
        for dimensions in (33, 64, 65, 255, 10_000):
            shape = [1] * dimensions
            for request, name, made in (
                (request_of("hp2"), "x", proto("float32", shape, float_val=[2])),
                (request_of(**text), "text", proto("string", shape, string_val=[b"a"])),
            ):
                request.inputs[name].CopyFrom(made)
                assert refusal(channel, request) == (
                    "INVALID_ARGUMENT",
                    f"A tensor has {dimensions} dimensions; this server takes 32 at most",
                )
        request = request_of(**text)
        request.inputs["text"].CopyFrom(proto("string", [1] * 32, string_val=[b"a"]))
        assert list(predict(channel, request).outputs["y_bytes"].string_val) == [b"a"]


def test_an_output_of_more(tmp_path):
    """As many as its input and one."""
    deeper = (lambda x: {"y": x[tf.newaxis]}, {"x": (tf.string, None)})
    servable = Servable(save(tmp_path / "1", serving_default=deeper))
    assert servable.run("", {"x": np.full([1] * 31, b"a", object)})["y"].ndim == 32
    with pytest.raises(ServingError, match="An output has 33 dimensions"):
        servable.run("", {"x": np.full([1] * 32, b"a", object)})
