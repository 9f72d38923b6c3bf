"""Warm-up records: requests that TensorFlow Serving asks of a version before it serves it.

Without them the first users wait while the graph is optimized. One record that fails keeps
the whole version from loading, so they hold readable pictures alone and are replayed before
publishing. See ``saved_model_warmup.cc`` of TensorFlow Serving.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from zoo.export.golden import (
    Picture,
    golden_pictures,
    golden_pixels,
    golden_tiles,
    inputs_of,
)
from zoo.export.graph.tiled import TILED
from zoo.export.replay import BATCHES, WARMUP
from zoo.inference import Predictor


def write_warmup(
    version: Path,
    pictures: Sequence[Picture],
    predictor: Predictor,
    functions: Mapping[str, Any],
) -> None:
    """Writes a record for each signature and batch size.

    Args:
        version: The folder of the SavedModel.
        pictures: As :func:`zoo.export.golden.write_golden` takes them.
        predictor: What was saved.
        functions: By signature.
    """
    requests: dict[str, Any] = {"image": golden_pixels(predictor.preprocessing, pictures)}
    if predictor.reads_bytes:
        preprocessing = predictor.preprocessing
        encoded = [picture for picture in pictures[:1] if isinstance(picture, bytes)]
        requests["image_bytes"] = golden_pictures(encoded, preprocessing)
        # A server loads nothing else while it waits for an answer tile by tile.
        tiles = golden_tiles(encoded, preprocessing)
        requests[TILED] = [tiles, *golden_pictures([], preprocessing)]
    path = version / WARMUP
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, function in functions.items():
            for size in BATCHES:
                inputs = {
                    key: tf.make_tensor_proto(
                        requests[TILED if signature == TILED else key][:size], spec.dtype
                    )
                    for key, spec in inputs_of(function).items()
                }
                writer.write(_record(signature, inputs))


def _record(signature: str, inputs: Mapping[str, Any]) -> bytes:
    log = prediction_log_pb2.PredictionLog()  # pyright: ignore[reportAttributeAccessIssue]
    request = log.predict_log.request
    request.model_spec.signature_name = signature
    for key, tensor in inputs.items():
        request.inputs[key].CopyFrom(tensor)
    return log.SerializeToString()
