"""What publishing made is loaded by the server, warmed up, and answers as ``predict`` does."""

import io
import time

import numpy as np
import pytest
from PIL import Image
from test_client import encoded, same
from zoo_models import predictor_of

import zoo
from zoo.export import replay, verify
from zoo.export.savedmodel import export
from zoo.serving.server import Server

TASKS = ("localization", "segmentation")


def on_its_side():
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.open(io.BytesIO(encoded(24, 40))).save(stream, "JPEG", exif=exif)
    return stream.getvalue()


PICTURES = [encoded(50, 20, "JPEG"), encoded(33, 64), b"not a picture", on_its_side()]
PIXELS = np.random.default_rng(2).uniform(0, 255, (40, 33, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def publishing(tmp_path_factory):
    """Publishes a task's model, with what it is verified by in this process."""
    root = tmp_path_factory.mktemp("savedmodels")

    def publish(task, seed=3):
        return export(predictor_of(task, seed), root / task, PICTURES).path

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "answer_in_fresh_process", replay.answer_again)
        yield root, publish


@pytest.fixture(scope="module")
def serving(publishing):
    root, publish = publishing
    for task in TASKS:
        publish(task)
    with Server(root, rest_port=0, grpc_port=0, poll_seconds=0.2) as server:
        yield server


def assert_answers(server, path):
    """By both ways, from files and from pixels, as who loads the version in this process."""
    expected = zoo.load(path).predict([*PICTURES, PIXELS])
    assert [bool(answer.error) for answer in expected] == [False, False, True, False, False]
    for url in (server.rest_url, server.grpc_url):
        with zoo.Client(url, path.parent.name) as client:
            for found, other in zip(client.predict([*PICTURES, PIXELS]), expected, strict=True):
                same(found, other)
    return expected


@pytest.mark.parametrize("task", TASKS)
def test_a_published_version_answers_as_predict_does(publishing, serving, task):
    path = publishing[0] / task / "1"
    assert (path / "assets.extra" / "tf_serving_warmup_requests").stat().st_size > 0
    assert_answers(serving, path)
    if task == "segmentation":
        # 24 wide and 40 high as stored, and the other way round upright.
        with zoo.Client(serving.grpc_url, task) as client:
            assert client.predict(PICTURES[3:])[0].values["mask"].shape == (24, 40)


def test_the_next_version_takes_over_while_the_server_runs(publishing, serving):
    root, publish = publishing
    before = zoo.load(root / "localization" / "1").predict(PICTURES[:1])
    path = publish("localization", seed=4)
    assert path == root / "localization" / "2"
    deadline = time.monotonic() + 120
    with zoo.Client(serving.rest_url, "localization") as client:
        while ("2", "AVAILABLE") not in [(str(v.version), v.state) for v in client.versions()]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    after = assert_answers(serving, path)
    probabilities = [answers[0].values["probabilities"] for answers in (before, after)]
    assert np.abs(np.subtract(*probabilities)).max() > 1e-3
