"""The requests and calls of ``serve_load.py``, and what is to be expected of each."""

import base64
import gzip
import io

import numpy as np
from PIL import Image

STALLED = b"stalled"
SERVICE = "/tensorflow.serving.PredictionService"
PREDICT = "/v1/models/half_plus_two:predict"


def picture() -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def requests_of(models: list[str]) -> list[tuple[str, set[int], dict]]:
    """Each kind of request: its name, the statuses to expect, and how httpx sends it."""
    rng = np.random.default_rng(0)
    large = "[" + ",".join(map(str, rng.uniform(0, 255, 20_000).round(3))) + "]"
    kinds = [
        ("row", {200}, {"url": PREDICT, "content": '{"instances": [1, 2, 3]}'}),
        ("columns", {200}, {"url": PREDICT, "content": f'{{"inputs": {large}}}'}),
        (
            "gzip",
            {200},
            {
                "url": PREDICT,
                "content": gzip.compress(b'{"instances": [1]}'),
                "headers": {"content-encoding": "gzip"},
            },
        ),
        ("status", {200}, {"method": "GET", "url": "/v1/models/half_plus_two"}),
        ("metadata", {200}, {"method": "GET", "url": "/v1/models/half_plus_two/metadata"}),
        ("page", {200}, {"method": "GET", "url": "/"}),
        ("bad JSON", {400}, {"url": PREDICT, "content": '{"instances": [1, '}),
        ("wrong type", {400}, {"url": PREDICT, "content": '{"instances": ["x"]}'}),
        ("ragged", {400}, {"url": PREDICT, "content": '{"instances": [[1], [2, 3]]}'}),
        ("deep", {400}, {"url": PREDICT, "content": '{"instances": ' + "[" * 100_000}),
        ("noise", {400}, {"url": PREDICT, "content": rng.bytes(5_000)}),
        ("no model", {404}, {"url": "/v1/models/none:predict", "content": '{"inputs": 1}'}),
        ("no path", {400}, {"url": "/v1/models/a/b/c", "content": ""}),
        ("no signature", {400}, {"url": PREDICT, "content": '{"signature_name": "no"}'}),
        ("classify", {501}, {"url": PREDICT.replace("predict", "classify"), "content": "{}"}),
        (
            "bad gzip",
            {400},
            {"url": PREDICT, "content": b"x", "headers": {"content-encoding": "gzip"}},
        ),
        ("too long", {413}, {"url": PREDICT, "content": b" " * 3_000_000}),
    ]
    whole = base64.b64encode(picture()).decode()
    for name in models:
        for what, data in (("picture", whole), ("broken picture", whole[:400])):
            body = f'{{"inputs": {{"image_bytes": [{{"b64": "{data}"}}]}}}}'
            kinds.append(
                (f"{what}, {name}", {200}, {"url": f"/v1/models/{name}:predict", "content": body})
            )
    return kinds


def calls_of(models: list[str]) -> list[tuple[str, str, bytes, str]]:
    """Each kind of gRPC call: its name, the code to expect, its message, and its method."""
    import tensorflow as tf
    from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2

    def message(name: str = "half_plus_two", signature: str = "", **tensors) -> bytes:
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = name, signature
        for key, value in tensors.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
        return request.SerializeToString()

    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    metadata.model_spec.name = "half_plus_two"
    x = np.float32([1, 2, 3])
    rng = np.random.default_rng(0)
    kinds = [
        ("gRPC", "OK", message(x=x), "Predict"),
        ("gRPC, large", "OK", message(x=np.zeros(20_000, np.float32)), "Predict"),
        ("gRPC, metadata", "OK", metadata.SerializeToString(), "GetModelMetadata"),
        ("gRPC, wrong type", "INVALID_ARGUMENT", message(x=["x"]), "Predict"),
        ("gRPC, no input", "INVALID_ARGUMENT", message(), "Predict"),
        ("gRPC, noise", "INVALID_ARGUMENT", b"\xff" + rng.bytes(5_000), "Predict"),
        ("gRPC, no model", "NOT_FOUND", message("none", x=x), "Predict"),
        ("gRPC, no signature", "FAILED_PRECONDITION", message(signature="no", x=x), "Predict"),
        ("gRPC, classify", "UNIMPLEMENTED", b"", "Classify"),
        ("gRPC, no method", "UNIMPLEMENTED", b"", "None"),
        ("gRPC, too long", "RESOURCE_EXHAUSTED", bytes(3_000_000), "Predict"),
        # Its metadata comes, and its message never.
        ("gRPC, stalled", "DEADLINE_EXCEEDED", STALLED, "Predict"),
    ]
    for name in models:
        for what, data in (("picture", picture()), ("broken picture", picture()[:300])):
            kinds.append(
                (f"gRPC, {what}, {name}", "OK", message(name, image_bytes=[data]), "Predict")
            )
    return kinds
