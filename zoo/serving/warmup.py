"""Warm-up records: requests that a version answers before it is available.

The first call of a signature has TensorFlow prepare its graph, which takes seconds. A model
that brings ``assets.extra/tf_serving_warmup_requests`` has that done while it is loaded, as in
TensorFlow Serving (saved_model_warmup.cc): a TFRecord file of PredictionLog messages.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError

from zoo.serving.messages import PredictionLog
from zoo.serving.protos import read_proto
from zoo.serving.status import Code, ServingError, invalid

RECORDS = Path("assets.extra") / "tf_serving_warmup_requests"
_MOST = 1000
# Of requests that this server does not answer; TensorFlow Serving does.
_NOT_OFFERED = ("classify_log", "regress_log", "multi_inference_log")


def warm_up(version: Path, run: Callable[[str, Mapping[str, Any]], Any]) -> int:
    """Replays the warm-up records of a version, if it has any.

    Args:
        version: Its folder.
        run: Answers a signature's name and its tensors.

    Returns:
        How many requests were answered.

    Raises:
        ServingError: If a record cannot be read or answered: the version is not to be served.
    """
    path, answered = version / RECORDS, 0
    if not path.is_file():
        return 0
    for number, record in enumerate(_records(path)):
        if number == _MOST:
            raise invalid(f"Number of warmup records exceeds the maximum ({_MOST}) at {path}")
        log = PredictionLog()
        try:
            log.ParseFromString(record)
        except DecodeError:
            raise invalid(f"Failed to parse warmup record {number} of {path}") from None
        kind = log.WhichOneof("log_type")
        if kind in _NOT_OFFERED:
            continue
        if kind != "predict_log":
            raise ServingError(
                Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind or 'none'}"
            )
        request = log.predict_log.request
        tensors = {name: read_proto(proto) for name, proto in request.inputs.items()}
        run(request.model_spec.signature_name, tensors)
        answered += 1
    return answered


def _records(path: Path) -> Iterator[bytes]:
    try:
        records: Any = tf.data.TFRecordDataset(str(path))
        for record in records:
            yield record.numpy()
    except tf.errors.DataLossError as error:
        raise ServingError(
            Code.DATA_LOSS,
            f"{error.message} Please verify your warmup data is in TFRecord format.",
        ) from error
    except tf.errors.OpError as error:
        raise ServingError(Code(error.error_code), error.message) from error
