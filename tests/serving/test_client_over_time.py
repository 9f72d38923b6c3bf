"""A client that lives longer than the version it asked first."""

import json
import time

import httpx
import pytest
import tensorflow as tf
from fixture_models import save

import zoo
from zoo.errors import ServerError
from zoo.serving.server import Server

# Each has other outputs than the one before: one more, another, and one where there were two.
OUTPUTS = [
    lambda x: {"y": 1.0 * x},
    lambda x: {"y": 2.0 * x, "z": 3.0 * x},
    lambda x: {"y": 4.0 * x, "text_bytes": tf.strings.as_string(x, 0)},
    lambda x: {"text_bytes": tf.strings.as_string(x, 1)},
    lambda x: {"y": 5.0 * x, "z": 6.0 * x},
]
ANSWERS = [
    {"y": [2.0]},
    {"y": [4.0], "z": [6.0]},
    {"y": [8.0], "text_bytes": [b"2"]},
    {"text_bytes": [b"2.0"]},
    {"y": [10.0], "z": [12.0]},
]


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_versions_with_other_outputs_are_followed(kind, tmp_path):
    inputs = {"x": (tf.float32, [None])}
    save(tmp_path / "m" / "1", serving_default=(OUTPUTS[0], inputs))
    with Server(tmp_path, rest_port=0, grpc_port=0, poll_seconds=0.05) as server:
        url = server.rest_url if kind == "rest" else server.grpc_url
        with zoo.Client(url, "m") as client:
            for number, (outputs, answer) in enumerate(zip(OUTPUTS, ANSWERS, strict=True), 1):
                if number > 1:
                    staged = save(tmp_path / "m" / ".tmp", serving_default=(outputs, inputs))
                    staged.rename(tmp_path / "m" / str(number))
                until_served(client, number)
                found = client.call({"x": [2.0]})
                assert {name: value.tolist() for name, value in found.items()} == answer


def until_served(client, number):
    deadline = time.monotonic() + 60
    while [one.version for one in client.versions() if one.state == "AVAILABLE"] != [number]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("outputs", [{"a": 1, "b": 2}, 1, {"y": 1}])
def test_a_server_that_does_not_keep_to_its_word(outputs, monkeypatch):
    """Asked again, once, it says the same of itself."""
    said = {name: {"dtype": "DT_FLOAT", "tensor_shape": {}} for name in ("y", "z")}
    signature = {"signature_def": {"serving_default": {"inputs": {}, "outputs": said}}}
    asked = []

    class Transport(httpx.BaseTransport):
        def handle_request(self, request):
            asked.append(request.url.path)
            described = request.url.path.endswith("/metadata")
            body = {"metadata": {"signature_def": signature}} if described else {"outputs": outputs}
            return httpx.Response(200, text=json.dumps(body))

    real = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **kw: real(**kw, transport=Transport()))
    with (
        zoo.Client("http://here", "m") as client,
        pytest.raises(ServerError, match="for serving_default of 'm' with other outputs") as caught,
    ):
        client.call({})
    assert caught.value.code == "ABORTED"
    assert asked == ["/v1/models/m/metadata", "/v1/models/m:predict"] * 2
