"""The messages of TensorFlow and TensorFlow Serving that are used here.

Protocol buffers make their classes when they are imported, so that no type checker knows them.
"""

from typing import Any

from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    prediction_log_pb2,
)


def _named(module: Any, name: str) -> Any:
    return getattr(module, name)


GetModelMetadataRequest = _named(get_model_metadata_pb2, "GetModelMetadataRequest")
GetModelMetadataResponse = _named(get_model_metadata_pb2, "GetModelMetadataResponse")
GetModelStatusRequest = _named(get_model_status_pb2, "GetModelStatusRequest")
GetModelStatusResponse = _named(get_model_status_pb2, "GetModelStatusResponse")
MetaGraphDef = _named(meta_graph_pb2, "MetaGraphDef")
ModelSpec = _named(model_pb2, "ModelSpec")
PredictRequest = _named(predict_pb2, "PredictRequest")
PredictResponse = _named(predict_pb2, "PredictResponse")
PredictionLog = _named(prediction_log_pb2, "PredictionLog")
SavedModel = _named(saved_model_pb2, "SavedModel")
SignatureDefMap = _named(get_model_metadata_pb2, "SignatureDefMap")
TensorProto = _named(tensor_pb2, "TensorProto")
