"""REST over a socket: bodies, names, types, the token, and whatever else is sent."""

import gzip
import json
import time
import zlib

import httpx
import numpy as np
import pytest
from fixture_models import NUMBERS, half_plus
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import UserError
from zoo.serving.bodies import inflate
from zoo.serving.hosts import is_loopback
from zoo.serving.limits import Limits
from zoo.serving.server import Server
from zoo.serving.status import ServingError

PREDICT = "/v1/models/hp2:predict"


def post(http, body, path=PREDICT, **headers):
    return http.post(path, content=body, headers=headers)


def test_every_type_comes_back(http):
    rows = {name: [0, 1] for name in NUMBERS} | {"float32": [0.5, -1.5], "float64": [1e300, 0.1]}
    rows["bool"] = [False, True]
    columns = {"inputs": rows}
    answered = post(http, json.dumps(columns), "/v1/models/types:predict").json()["outputs"]
    assert answered == {f"{name}_out": values for name, values in rows.items()}
    instances = [{name: values[row] for name, values in rows.items()} for row in (0, 1)]
    answered = post(http, json.dumps({"instances": instances}), "/v1/models/types:predict").json()
    assert answered["predictions"][1] == {f"{name}_out": values[1] for name, values in rows.items()}


def named(name, **body):
    return json.dumps({"signature_name": name, **body})


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (named("scalar", instances=[1, 2]), 400, "y has no shape information"),
        (named("uneven", instances=[1, 2]), 400, "inconsistent batch size"),
        (named("half", instances=[1, 2]), 400, "tensor type: half"),
        (named("from_half", inputs=[1, 2]), 501, "to type: half"),
        (named("ranks", inputs=[1, 2]), 400, "In[0] ndims must be >= 2: 1"),
        (named("nothing", inputs=[1, 2]), 400, 'signature key "nothing" not found'),
        (named("", inputs={"float32": [1]}), 400, "Missing named input: bool"),
    ],
)
def test_what_the_model_refuses(http, body, status, text):
    response = post(http, body, "/v1/models/types:predict")
    assert response.status_code == status
    assert text in response.json()["error"]


def test_a_scalar_output_is_fine_in_columns(http):
    body = named("scalar", inputs=[[1, 2], [3, 4]])
    assert post(http, body, "/v1/models/types:predict").json() == {"outputs": 10.0}
    body = named("text_scalar", inputs={"b64": "AAE="})
    assert post(http, body, "/v1/models/types:predict").json() == {"outputs": {"b64": "AAE="}}


def test_a_signature_without_inputs_cannot_be_called(http):
    response = post(http, named("get_counter", instances=[1]), "/v1/models/counter:predict")
    assert response.status_code == 400
    assert "Failed to get input map for signature: get_counter" in response.json()["error"]


def test_declared_shapes_are_not_checked(http):
    """half_plus_two declares [-1, 1]; y = 0.5 x + 2."""
    for given_value, answer in ((2, 3.0), ([2], [3.0]), ([[2, 4]], [[3.0, 4.0]]), ([], [])):
        body = json.dumps({"inputs": given_value})
        assert post(http, body).json() == {"outputs": answer}


def test_bad_json_is_said_before_the_model_is_looked_for(http):
    assert post(http, "{", "/v1/models/nobody:predict").status_code == 400
    assert post(http, "{}", "/v1/models/nobody:predict").status_code == 404
    response = post(http, "{}", "/v1/models/hp2/versions/9:predict")
    assert response.json() == {"error": "Servable not found for request: Specific(hp2, 9)"}


@pytest.mark.parametrize("verb", ["classify", "regress"])
def test_what_is_not_offered_says_so(http, verb):
    response = post(http, '{"examples": [{"x": 2.0}]}', f"/v1/models/hp2:{verb}")
    assert response.status_code == 501
    assert f"{verb} is not offered" in response.json()["error"]
    assert http.get("/monitoring/prometheus/metrics").status_code == 501


def test_gzip(http):
    body = b'{"instances": [2]}'
    packed = gzip.compress(body[:5]) + gzip.compress(body[5:])
    assert post(http, packed, **{"content-encoding": "gzip"}).json() == {"predictions": [3.0]}
    for bad in (b"no gzip", packed[:-3], b""):
        response = post(http, bad, **{"content-encoding": "gzip"})
        assert response.status_code == 400


def test_a_gzip_bomb_is_refused(http):
    """A thousandth of what it claims: 200 MB of spaces before the document."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(b" " * 10**6) for _ in range(200)) + packer.flush()
    response = post(http, packed, **{"content-encoding": "gzip"})
    assert response.status_code == 400
    assert "holds more than 100 MB" in response.json()["error"]


def test_a_gzip_body_of_very_many_members_takes_no_longer_than_another():
    """What follows a member is not copied for each of them."""
    empty, body = gzip.compress(b""), b'{"instances": [2]}'
    assert inflate(empty * 9_000 + gzip.compress(body), 100) == body
    started = time.process_time()
    with pytest.raises(ServingError, match="of more than 10,000 members"):
        inflate(empty * 500_000, 100)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("length", [16_383, 16_384, 16_385, 70_000])
def test_gzip_members_end_anywhere(length):
    rng = np.random.default_rng(0)
    parts = [rng.bytes(length), b"", rng.bytes(length), b"x"]
    assert inflate(b"".join(map(gzip.compress, parts)), 10**6) == b"".join(parts)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_malformed(http, method):
    response = http.request(method, PREDICT)
    assert response.status_code == 400
    assert response.json()["error"] == f"Malformed request: {method} {PREDICT}"


def test_a_path_ignores_case_and_query(http):
    assert post(http, '{"instances": [2]}', "/V1/Models/hp2:predict?a=b").status_code == 200
    assert http.get("/v1/models/HP2").status_code == 404


def test_a_version_of_thousands_of_digits(http):
    zeros = "0" * 5000
    assert http.get(f"/v1/models/hp2/versions/{zeros}123").status_code == 200
    refused = http.get(f"/v1/models/hp2/versions/9{zeros}")
    assert refused.status_code == 400
    assert "Failed to convert version: 90" in refused.json()["error"]


def test_names_in_any_script(tmp_path):
    half_plus(tmp_path / "größe 模型" / "007")
    with (
        Server(tmp_path, rest_port=0, grpc_port=0, token="geheim") as server,
        httpx.Client(base_url=server.rest_url, timeout=60) as http,
    ):
        url = "/v1/models/gr%C3%B6%C3%9Fe%20%E6%A8%A1%E5%9E%8B"
        refused = http.get(url)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert "asks for its token" in refused.json()["error"]
        for bad in ("Bearer", "Bearer Geheim", "Basic geheim", "geheim", "Bearer geheim-ü"):
            assert http.get(url, headers={"authorization": bad.encode()}).status_code == 401
            assert http.get("/models", headers={"authorization": bad.encode()}).status_code == 401
        # Nothing is secret of the page itself, which asks for the token.
        assert http.get("/").status_code == 200
        http.headers["authorization"] = "Bearer geheim"
        assert http.get("/models").json() == {"models": ["größe 模型"]}
        [status] = http.get(url).json()["model_version_status"]
        assert (status["version"], status["state"]) == ("7", "AVAILABLE")
        answer = post(http, '{"instances": [2]}', f"{url}/versions/7:predict")
        assert answer.json() == {"predictions": [3.0]}


@pytest.mark.parametrize(
    ("host", "origin", "why"),
    [
        # TensorFlow Serving's clients say no origin; the page says its own, by any way to it.
        (None, None, ""),
        (None, "own", ""),
        ("localhost:9000", "http://localhost:9000", ""),
        ("LOCALHOST", "http://localhost", ""),
        ("[::1]:8501", "http://[::1]:8501", ""),
        ("localhost", "https://localhost", ""),
        ("localhost:80", "https://localhost", "not one of https://localhost"),
        (None, "http://example.com", "not one of http://example.com"),
        (None, "null", "not one of null"),
        (None, "http://127.0.0.1:1", "not one of http://127.0.0.1:1"),
        (None, "http://[", "not one of http://["),
        ("example.com", None, "answers as localhost, not as example.com"),
        ("127.0.0.1.example.com:8501", "http://127.0.0.1.example.com:8501", "not as 127.0.0.1.ex"),
        ("127.0.0.1@example.com", None, "not as 127.0.0.1@example.com"),
        ("[::1", None, "not as [::1"),
    ],
)
def test_a_page_of_another_site_is_refused(http, server, host, origin, why):
    """What a browser sends for it, or for a name of it that was made to lead here."""
    headers = {"content-type": "text/plain"}
    if host:
        headers["host"] = host
    if origin:
        headers["origin"] = server.rest_url if origin == "own" else origin
    answers = [post(http, '{"instances": [2]}', **headers), http.get("/models", headers=headers)]
    for answer in answers:
        assert answer.status_code == (403 if why else 200)
        assert why in answer.text
    if why:
        assert list(answers[0].json()) == ["error"]


def test_with_a_token_any_page_may_ask(models):
    headers = {"authorization": "Bearer secret", "host": "a.org", "origin": "http://b.org"}
    with (
        Server(models / "hp2", rest_port=0, grpc_port=0, token="secret") as server,
        httpx.Client(base_url=server.rest_url, timeout=60) as http,
    ):
        assert post(http, '{"instances": [2]}', **headers).json() == {"predictions": [3.0]}


def test_another_machine_needs_a_token(models):
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.com"):
        assert not is_loopback(host)
        with pytest.raises(UserError, match="give a --token, or \\$ZOO_TOKEN"):
            Server(models, host=host)
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1")))


def test_a_port_in_use_is_said(models, server):
    for ports in ((server.rest_port, 0), (0, server.grpc_port)):
        with pytest.raises(UserError, match="cannot be had; choose another with --"):
            Server(models, rest_port=ports[0], grpc_port=ports[1]).__enter__()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["x", "b64", "text"]), inner, max_size=3)
    ),
    max_leaves=10,
)
signatures = st.sampled_from(["", "serving_default", "string", "ranks", "scalar", "no"])
documents = st.builds(
    lambda name, key, value: json.dumps({"signature_name": name, key: value}).encode(),
    signatures,
    st.sampled_from(["instances", "inputs"]),
    json_values,
)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(
    st.one_of(documents, st.binary(max_size=200)),
    st.sampled_from(["hp2", "types", "mul6", "counter", "nobody"]),
    st.sampled_from(["", "gzip", "br"]),
)
def test_no_body_is_an_error_of_the_server(http, body, model, encoding):
    headers = {"content-encoding": encoding} if encoding else {}
    response = post(http, body, f"/v1/models/{model}:predict", **headers)
    assert response.status_code in (200, 400, 404, 501)
    if response.status_code != 200:
        assert list(response.json()) == ["error"]
        assert response.json()["error"]


@settings(deadline=None, derandomize=True, max_examples=150)
@given(
    st.sampled_from(["GET", "POST", "PUT", "HEAD"]),
    st.text(st.sampled_from("/:abv1%2F?models versionslabels09predict\u00fc"), max_size=40),
)
def test_no_path_is_an_error_of_the_server(http, method, path):
    response = http.request(method, f"/v1/{path}")
    assert response.status_code in (200, 400, 404, 501)


def test_limits_are_what_they_say():
    assert Limits().threads >= 1
    assert Limits().max_connections <= 1000
    assert np.isclose(Limits().max_pixels, 178_956_970)
