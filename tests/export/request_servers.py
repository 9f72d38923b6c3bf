"""Servers that ready requests are sent to, and what they answer."""

import base64
import http.server
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import unquote

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

NAME = 'a model\'s name, 100% "quoted"'


def segmentation(pictures, encoded):
    """What a model of masks answers: a picture's mask is its first channel."""
    masks = [np.uint8(picture[..., :1]) for picture in pictures]
    count = len(masks)
    answers = {
        "error": [b""] * count,
        "mask_bytes": [tf.io.encode_png(mask).numpy() for mask in masks],
        "classes": [[b"a", b"b"]] * count,
        "fraction": np.full((count, 2), 0.5, np.float32),
    }
    # Arrays are all of one size, so that their masks come as numbers as well.
    return answers if encoded else answers | {"mask": np.int32(masks)[..., 0]}


def classification(pictures, _):
    """What a model of classes answers: a picture's score is its sum."""
    return {
        "error": [b""] * len(pictures),
        "label": [b"a"] * len(pictures),
        "score": np.float32([picture.sum() for picture in pictures]),
    }


def decoded(files):
    return [tf.io.decode_png(data, 1).numpy() for data in files]


@contextmanager
def rest_server(seen, answers=segmentation):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            model = unquote(self.path.removeprefix("/v1/models/").removesuffix(":predict"))
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append(model)
            rows = body["instances"]
            encoded = isinstance(rows[0], dict)
            if encoded:
                rows = decoded([base64.b64decode(row["b64"]) for row in rows])
            outputs = answers(np.float32(rows), encoded)
            said = [{name: plain(name, value[0]) for name, value in outputs.items()}]
            data = json.dumps({"predictions": said}).encode()
            self.send_response(200 if model == NAME else 404)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def plain(name, value):
    if name.endswith("_bytes"):
        return {"b64": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [one.decode() for one in value]
    return value.decode() if isinstance(value, bytes) else np.asarray(value).tolist()


@contextmanager
def grpc_server(seen, answers=segmentation):
    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):  # noqa: N802
            seen.append(request.model_spec.name)
            assert request.model_spec.signature_name == "serving_default"
            encoded = "image_bytes" in request.inputs
            rows = tf.make_ndarray(request.inputs["image_bytes" if encoded else "image"])
            outputs = answers(np.float32(decoded(rows.tolist()) if encoded else rows), encoded)
            response = predict_pb2.PredictResponse()
            for name, value in outputs.items():
                response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
            return response

    server = grpc.server(ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()
