"""Requests by gRPC. TensorFlow Serving's messages import TensorFlow."""

from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from zoo.client.signature import Signature, Tensor, VersionState, read_signatures
from zoo.errors import ServerError

_PROBE_SECONDS = 1.0
# A client takes 4 MiB unless it says otherwise: a few masks.
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class GrpcTransport:
    """Speaks gRPC with a server; see :class:`zoo.client.signature.Transport`."""

    def __init__(
        self,
        address: str,
        name: str,
        version: int | None,
        token: str | None,
        timeout: float,
        secure: bool,
    ):
        self._url = f"{'grpcs' if secure else 'grpc'}://{address}"
        self._name, self._version, self._timeout = name, version, timeout
        self._metadata = [("authorization", f"Bearer {token}")] if token else []
        self._channel = (
            grpc.secure_channel(address, grpc.ssl_channel_credentials(), _OPTIONS)
            if secure
            else grpc.insecure_channel(address, _OPTIONS)
        )
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._model = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def predict(
        self, signature: str, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, Tensor]
    ) -> dict[str, np.ndarray]:
        """Sends arrays and returns arrays."""
        request = self._request(predict_pb2, "PredictRequest")
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            dtype = tf.string if array.dtype == object else array.dtype
            proto = tf.make_tensor_proto(array, dtype, array.shape)
            request.inputs[name].CopyFrom(proto)
        response = self._ask(self._prediction.Predict, request)
        return {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()}

    def signatures(self) -> dict[str, Signature]:
        """Asks for the signatures."""
        request = self._request(get_model_metadata_pb2, "GetModelMetadataRequest")
        request.metadata_field.append("signature_def")
        response = self._ask(self._prediction.GetModelMetadata, request)
        found = _message(get_model_metadata_pb2, "SignatureDefMap")
        response.metadata["signature_def"].Unpack(found)
        plain = json_format.MessageToDict(found, preserving_proto_field_name=True)
        return read_signatures(plain.get("signature_def", {}))

    def versions(self) -> list[VersionState]:
        """Asks for the versions."""
        request = self._request(get_model_status_pb2, "GetModelStatusRequest")
        rows = self._ask(self._model.GetModelStatus, request).model_version_status
        return [
            VersionState(row.version, row.State.Name(row.state), row.status.error_message)
            for row in rows
        ]

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()

    def _request(self, module: Any, kind: str) -> Any:
        request = _message(module, kind)
        request.model_spec.name = self._name
        if self._version is not None:
            request.model_spec.version.value = self._version
        return request

    def _ask(self, call: Any, request: Any) -> Any:
        try:
            return call(request, timeout=self._timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            failed: Any = error
            raise ServerError(self._said(failed), failed.code().name) from error

    def _said(self, error: Any) -> str:
        code, details = error.code(), error.details()
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"{self._url} did not answer within {self._timeout:g} s"
        if code is grpc.StatusCode.UNAVAILABLE and not self._reached():
            return f"no server answers at {self._url} ({details}); start one with `zoo serve`"
        return f"{self._url} refused the request to {self._name!r}: {details}"

    def _reached(self) -> bool:
        # Who cannot be reached and who has too much to do have one code and any words.
        try:
            grpc.channel_ready_future(self._channel).result(_PROBE_SECONDS)
        except grpc.FutureTimeoutError:
            return False
        return True


def _message(module: Any, kind: str) -> Any:
    # Made when the module is imported: no type checker knows it.
    return getattr(module, kind)()
