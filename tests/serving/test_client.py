"""zoo.Client against a running server, by both ways; the model in this process is the oracle."""

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.client.client import _batches
from zoo.errors import ServerError, UserError


@pytest.fixture(params=["rest", "grpc"])
def way(request):
    return lambda server: server.rest_url if request.param == "rest" else server.grpc_url


def encoded(width, height, kind="PNG", seed=0):
    rng = np.random.default_rng(seed)
    stream = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(stream, kind)
    return stream.getvalue()


def same(found, expected):
    assert (found.name, found.error) == (expected.name, expected.error)
    assert found.values.keys() == expected.values.keys()
    for key, value in expected.values.items():
        other = found.values[key]
        assert np.shape(other) == np.shape(value)
        if key in ("probabilities", "score", "fraction", "box"):
            np.testing.assert_allclose(other, value, rtol=1e-5, atol=1e-5)
            assert np.asarray(other).dtype == np.float32
        else:
            np.testing.assert_array_equal(other, value)
            assert np.asarray(other).dtype.kind == np.asarray(value).dtype.kind


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "localization", "segmentation"])
def test_answers_are_the_models_own(zoo_server, zoo_models, way, task, tmp_path):
    predictor = zoo_models[1][task]
    (tmp_path / "a.jpg").write_bytes(encoded(50, 20, "JPEG"))
    np.save(tmp_path / "b.npy", np.random.default_rng(1).integers(0, 256, (7, 9, 3), np.uint8))
    (tmp_path / "c.jpg").write_bytes(b"not a picture")
    pixels = np.random.default_rng(2).uniform(0, 255, (40, 33, 3)).astype(np.float32)
    pictures = [tmp_path / "a.jpg", encoded(33, 64), pixels, tmp_path / "c.jpg"]
    pictures += [str(tmp_path / "b.npy"), encoded(32, 32, "BMP")]
    with zoo.Client(way(zoo_server), task, batch=2) as client:
        found = client.predict(pictures)
        assert client.predict([]) == []
    expected = predictor.predict([*pictures[:4], np.load(tmp_path / "b.npy"), pictures[5]])
    assert len(found) == 6
    assert "is not a JPEG" in found[3].error
    for one, other in zip(found, expected, strict=True):
        if other.name == "array 4":
            # A file's array has the file's name here.
            other = type(other)(pictures[4], other.error, other.values)
        same(one, other)
    if task == "segmentation":
        assert found[0].values["mask"].shape == (20, 50)
        assert found[0].values["mask"].dtype == np.uint8


def test_any_model(server, way):
    with zoo.Client(way(server), "hp2") as client:
        assert client.call({"x": [2.0, np.nan]})["y"].tolist()[0] == 3.0
        assert client.call({"x": 2})["y"] == np.float32(3)
        assert client.call({"inputs": [[2]]}, "regress_x2_to_y3")["outputs"].tolist() == [[4.0]]
        assert client.call({"x": []})["y"].shape == (0,)
        assert [(v.version, v.state) for v in client.versions()] == [(123, "AVAILABLE")]
        assert client.signatures["serving_default"].inputs["x"] == ("float32", (None, 1))
    with zoo.Client(way(server), "types") as client:
        found = client.call({"text": ["é", b"\xff\x00"]}, "string")
        assert found["text"].tolist() == ["é".encode(), b"\xff\x00"]
        assert found["text_bytes"].tolist() == ["é".encode(), b"\xff\x00"]
        assert client.call({"text": b"a"}, "text_scalar")["y_bytes"].item() == b"a"
        given = {name: [0, 1] for name in client.signatures["serving_default"].inputs}
        found = client.call(given)
        for name in given:
            assert found[f"{name}_out"].dtype == np.dtype(name)
            assert found[f"{name}_out"].tolist() == [0, 1]


def test_a_version(server, way):
    with zoo.Client(way(server), "hp2", version=123) as client:
        assert client.call({"x": [2.0]})["y"].tolist() == [3.0]
    with zoo.Client(way(server), "hp2", version=7) as client:
        with pytest.raises(ServerError, match="Specific\\(hp2, 7\\)") as caught:
            client.call({"x": [2.0]})
        assert caught.value.code == "NOT_FOUND"
        with pytest.raises(ServerError, match="Could not find version 7 of model hp2"):
            client.versions()


def test_a_servers_sentence(server, way):
    with (
        zoo.Client(way(server), "nobody") as client,
        pytest.raises(UserError, match="refused the request to 'nobody': Servable not found"),
    ):
        client.predict([b""])
    with (
        zoo.Client(way(server), "types") as client,
        pytest.raises(ServerError, match="ndims must be >= 2: 1") as caught,
    ):
        client.call({"x": [1.0]}, "ranks")
    assert caught.value.code == "INVALID_ARGUMENT"


def test_mistakes(server, way, tmp_path):
    with zoo.Client(way(server), "hp2") as client:
        for call, message in (
            (lambda: client.call({"z": 1}), "no input 'z'; there is: x"),
            (lambda: client.call({}, "serving"), "no signature 'serving'; did you mean"),
            (lambda: client.predict([b""]), "takes x, not image_bytes; use call()"),
            (lambda: client.predict([np.zeros([2, 2, 3])]), "'hp2' has no signature 'pixels'"),
            (lambda: client.predict([tmp_path / "no.jpg"]), "no.jpg' cannot be read: No such"),
        ):
            with pytest.raises(UserError, match=message.replace("(", "\\(").replace(")", "\\)")):
                call()
    archive = io.BytesIO()
    np.savez(archive, np.zeros(1))
    for content in (b"no array", b"", archive.getvalue()):
        (tmp_path / "bad.npy").write_bytes(content)
        with (
            zoo.Client(way(server), "hp2") as client,
            pytest.raises(UserError, match=r"bad\.npy' cannot be read"),
        ):
            client.predict([tmp_path / "bad.npy"])
    malformed = ("http://localhost:port", "http://192.168.1..5:8501", f"http://{64 * 'a'}.b")
    for url in ("localhost:8501", "ftp://a", "http://", "", *malformed):
        with pytest.raises(UserError, match="is no address of a server"):
            zoo.Client(url, "hp2")
    with pytest.raises(UserError, match="at least one picture"):
        zoo.Client(way(server), "hp2", batch=0)


@pytest.mark.slow
def test_channels_are_named(zoo_server, way):
    with (
        zoo.Client(way(zoo_server), "classification") as client,
        pytest.raises(UserError, match=r"has the shape \(2, 2\); 'classification' takes \[h, w, 3"),
    ):
        client.predict([np.zeros([2, 2])])


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_nobody_there(scheme):
    with (
        zoo.Client(f"{scheme}://127.0.0.1:9", "m", timeout=60) as client,
        pytest.raises(ServerError, match=r"no server answers at .*; start one with `zoo serve`"),
    ):
        client.versions()


def test_a_server_that_has_too_much_to_do():
    """TensorFlow Serving's own words for a full batching queue."""
    full = "The batch scheduling queue to which this task was submitted is full"

    class Handler(grpc.GenericRpcHandler):
        def service(self, details):
            return grpc.unary_unary_rpc_method_handler(
                lambda request, context: context.abort(grpc.StatusCode.UNAVAILABLE, full)
            )

    busy = grpc.server(ThreadPoolExecutor(1), [Handler()])
    port = busy.add_insecure_port("127.0.0.1:0")
    busy.start()
    with (
        zoo.Client(f"grpc://127.0.0.1:{port}", "m") as client,
        pytest.raises(ServerError, match=f"refused the request to 'm': {full}") as caught,
    ):
        client.versions()
    busy.stop(0)
    assert caught.value.code == "UNAVAILABLE"


def test_pictures_are_read_as_they_are_sent(monkeypatch):
    events = []

    def pictures():
        for number in range(5):
            events.append(number)
            yield bytes([number])

    def ask(self, signature, name, value):
        events.append(value)
        return {"label": np.array(value, object)}

    monkeypatch.setattr(zoo.Client, "_ask", ask)
    with zoo.Client("http://localhost:8501", "m", batch=2) as client:
        answers = client.predict(pictures())
    assert [answer.values["label"] for answer in answers] == [bytes([at]) for at in range(5)]
    # One ahead, which shows that the batch is full.
    assert events == [0, 1, 2, [b"\0", b"\1"], 3, 4, [b"\2", b"\3"], [b"\4"]]


def test_another_kind_of_server(monkeypatch):
    class Transport(httpx.BaseTransport):
        def handle_request(self, request):
            if "slow" in request.url.path:
                raise httpx.ReadTimeout("slow", request=request)
            return httpx.Response(502, text="<html>Bad gateway</html>")

    real = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **kw: real(**kw, transport=Transport()))
    with (
        zoo.Client("http://here", "m") as client,
        pytest.raises(ServerError, match="HTTP 502 and no JSON; is this the REST port"),
    ):
        client.versions()
    with (
        zoo.Client("http://here", "slow", timeout=2) as client,
        pytest.raises(ServerError, match="http://here did not answer within 2 s") as caught,
    ):
        client.versions()
    assert caught.value.code == "DEADLINE_EXCEEDED"


def test_a_token(models, way):
    from zoo.serving.server import Server

    with Server(models / "hp2", rest_port=0, grpc_port=0, token="secret") as guarded:
        with zoo.Client(way(guarded), "hp2", token=" secret\n") as client:
            assert client.call({"x": [2.0]})["y"].tolist() == [3.0]
        for token in (None, "wrong"):
            with (
                zoo.Client(way(guarded), "hp2", token=token) as client,
                pytest.raises(ServerError, match="asks for its token") as caught,
            ):
                client.versions()
            assert caught.value.code == "UNAUTHENTICATED"


def test_batches_are_bounded_in_number_and_bytes():
    rows = [
        (number, "", bytes(size)) for number, size in enumerate([9, 9, 9, 9 * 10**6, 9 * 10**6])
    ]
    found = [[row[0] for row in batch] for batch in _batches(rows, 3)]
    # 9 + 9 MB are more than 16 MB.
    assert found == [[0, 1, 2], [3], [4]]
    assert list(_batches([], 3)) == []


def test_rest_needs_no_tensorflow(server):
    code = (
        "import sys, zoo\n"
        f"client = zoo.Client({server.rest_url!r}, 'hp2')\n"
        "print(client.call({'x': [2.0]})['y'].tolist())\n"
        "print([m for m in ('tensorflow', 'keras', 'grpc', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[3.0]\n[]\n"
