"""The body of a request, decoded for one named input."""

from zoo.serving import json_reading
from zoo.serving.inputs import read_inputs


def decode(body, dtype="float32", name="x"):
    body = body if isinstance(body, bytes) else body.encode()
    return read_inputs(json_reading.read(body), {name: dtype}).tensors[name]
