"""Damaged pictures among good ones: each row is answered for itself, by REST and by gRPC."""

import base64
import json

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from damaged import GOOD, doubtful, unreadable
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from test_grpc import predict, request_of

TASKS = ("classification", "localization", "segmentation")


def refuse_giants(said):
    """Passes over requests that a server refuses whole: of headers that claim giant pictures."""
    if "--max-memory" in said:
        reject()


def by_rest(server):
    with httpx.Client(base_url=server.rest_url, timeout=60) as client:

        def ask(task, pictures):
            rows = [{"b64": base64.b64encode(data).decode()} for data in pictures]
            body = json.dumps({"inputs": {"image_bytes": rows}})
            answer = client.post(f"/v1/models/{task}:predict", content=body)
            refuse_giants(answer.text)
            assert answer.status_code == 200, answer.text
            return answer.json()["outputs"]

        yield ask


def by_grpc(server):
    with grpc.insecure_channel(server.grpc_url.removeprefix("grpc://")) as channel:

        def ask(task, pictures):
            request = request_of(task)
            request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(pictures, tf.string))
            try:
                outputs = predict(channel, request).outputs
            except grpc.RpcError as error:
                refuse_giants(error.details())
                raise
            arrays = {name: tf.make_ndarray(proto) for name, proto in outputs.items()}
            return {name: array.tolist() for name, array in arrays.items()}

        yield ask


WAYS = {"rest": by_rest, "grpc": by_grpc}


@pytest.fixture(scope="module", params=list(WAYS))
def ask(request, warm_server):
    yield from WAYS[request.param](warm_server)


def row_of(answers, number):
    return {name: value[number] for name, value in answers.items()}


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def is_nan(value):
    return value is not None and bool(np.isnan(np.asarray(value, float)).all())


def assert_same(row, expected):
    assert row.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, float) or name in ("probabilities", "fraction", "box"):
            np.testing.assert_allclose(row[name], value, rtol=1e-5, atol=1e-6)
        else:
            assert row[name] == value


def assert_marked(task, row):
    assert text(row["error"])
    if task == "segmentation":
        assert row["mask_bytes"] in (b"", {"b64": ""})
        assert is_nan(row["fraction"])
        return
    assert not row["label"]
    assert is_nan(row["score"])
    assert is_nan(row["probabilities"])
    assert task != "localization" or is_nan(row["box"])


def assert_answered(task, row):
    assert not text(row["error"])
    numbers = row["fraction" if task == "segmentation" else "probabilities"]
    assert np.isclose(sum(numbers), 1, atol=1e-4)


damaged = st.tuples(
    st.sampled_from(TASKS),
    st.sampled_from(sorted(GOOD)),
    st.lists(
        st.tuples(st.just(True), unreadable) | st.tuples(st.just(False), doubtful),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 4),
)


@settings(
    deadline=None,
    derandomize=True,
    max_examples=60,
    # How quickly pictures are made says more of the machine.
    suppress_health_check=[HealthCheck.too_slow],
)
@given(damaged)
def test_a_damaged_picture_marks_its_own_row_alone(ask, chosen):
    task, name, others, place = chosen
    place = min(place, len(others))
    pictures = [data for _, data in others]
    pictures.insert(place, GOOD[name])
    answers = ask(task, pictures)
    assert_same(row_of(answers, place), row_of(ask(task, [GOOD[name]]), 0))
    rows = [row_of(answers, number) for number in range(len(pictures)) if number != place]
    for (broken, _), row in zip(others, rows, strict=True):
        assert broken <= bool(row["error"])
        (assert_marked if row["error"] else assert_answered)(task, row)
