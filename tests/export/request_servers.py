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


def answers(pictures):
    """What a segmentation model answers: its mask is the picture's gray values."""
    masks = [tf.io.encode_png(tf.io.decode_png(data, 1)).numpy() for data in pictures]
    count = len(pictures)
    return {
        "error": [b""] * count,
        "mask_bytes": masks,
        "classes": [[b"a", b"b"]] * count,
        "fraction": np.full((count, 2), 0.5, np.float32),
    }


def answer_arrays(arrays):
    return {
        "error": [b""] * len(arrays),
        "label": [b"a"] * len(arrays),
        "score": np.float32([array.sum() for array in arrays]),
    }


@contextmanager
def rest_server(seen):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            model = unquote(self.path.removeprefix("/v1/models/").removesuffix(":predict"))
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append(model)
            rows = body["instances"]
            if isinstance(rows[0], dict):
                outputs = answers([base64.b64decode(row["b64"]) for row in rows])
            else:
                outputs = answer_arrays(np.float32(rows))
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
def grpc_server(seen):
    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):  # noqa: N802
            seen.append(request.model_spec.name)
            assert request.model_spec.signature_name == "serving_default"
            if "image_bytes" in request.inputs:
                outputs = answers(tf.make_ndarray(request.inputs["image_bytes"]).tolist())
            else:
                outputs = answer_arrays(tf.make_ndarray(request.inputs["image"]))
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
