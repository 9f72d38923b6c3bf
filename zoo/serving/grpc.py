"""The gRPC API: Predict, GetModelMetadata and GetModelStatus."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.any_pb2 import Any as AnyMessage
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from zoo.serving.answering import NOT_OFFERED, Answering
from zoo.serving.limits import MEGABYTE, Pool
from zoo.serving.messages import (
    GetModelMetadataResponse,
    GetModelStatusResponse,
    ModelSpec,
    PredictResponse,
)
from zoo.serving.paths import Target
from zoo.serving.rest import allows
from zoo.serving.servable import DEFAULT_SIGNATURE
from zoo.serving.status import BusyError, Code, ServingError, invalid

_LOG = logging.getLogger(__name__)
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_BYTES_OF_STRING = 16

# Where a TensorProto holds values of each type.
_FIELDS = {
    **dict.fromkeys(("int8", "uint8", "int16", "uint16", "int32"), "int_val"),
    **dict.fromkeys(("float16", "bfloat16"), "half_val"),
    "float32": "float_val",
    "float64": "double_val",
    "int64": "int64_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
    "bool": "bool_val",
    "complex64": "scomplex_val",
    "complex128": "dcomplex_val",
    "string": "string_val",
}


def make_server(answering: Answering, pool: Pool, token: str | None) -> grpc.Server:
    """Makes the server, listening to no port yet."""
    limits = answering.limits
    waiting = limits.threads + limits.queue
    server = grpc.server(
        # Its threads only wait for the pool's; a few more, so that one too many is told so.
        ThreadPoolExecutor(waiting + 16, "grpc"),
        interceptors=[_Token(token)] if token else [],
        maximum_concurrent_rpcs=2 * waiting + 16,
        options=[
            ("grpc.max_receive_message_length", limits.max_body),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_connection_idle_ms", int(10 * limits.idle * 1000)),
            # Else a second server would take the same port, and half of the requests.
            ("grpc.so_reuseport", 0),
        ],
    )
    calls = _Calls(answering, pool)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        _PredictionService(calls), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_ModelService(calls), server)
    return server


class _Calls:
    """What the two services share: waiting for an answer, and how a call fails."""

    def __init__(self, answering: Answering, pool: Pool):
        self.answering, self._pool = answering, pool

    def answer(
        self, context: grpc.ServicerContext, function: Callable[..., Any], *args: Any
    ) -> Any:
        try:
            future = self._pool.submit(function, *args)
            left = context.time_remaining()
            seconds = (
                self.answering.limits.timeout
                if left is None
                else min(left, self.answering.limits.timeout)
            )
            try:
                return future.result(seconds)
            except TimeoutError:
                future.cancel()
                raise ServingError(
                    Code.DEADLINE_EXCEEDED, f"The request was not answered within {seconds:g} s"
                ) from None
        except BusyError as error:
            _abort(context, Code.UNAVAILABLE, error.message)
        except ServingError as error:
            _abort(context, error.code, error.message)
        except Exception:
            _LOG.exception("%s", function.__name__)
            _abort(context, Code.INTERNAL, "The server has a fault; its log says which")


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, calls: _Calls):
        self._calls, self._answering = calls, calls.answering

    def Predict(self, request, context):  # noqa: N802
        return self._calls.answer(context, self._predict, request)

    def GetModelMetadata(self, request, context):  # noqa: N802
        return self._calls.answer(context, self._metadata, request)

    def Classify(self, request, context):  # noqa: N802
        _abort(context, Code.UNIMPLEMENTED, f"Classify {NOT_OFFERED}")

    def Regress(self, request, context):  # noqa: N802
        _abort(context, Code.UNIMPLEMENTED, f"Regress {NOT_OFFERED}")

    def MultiInference(self, request, context):  # noqa: N802
        _abort(context, Code.UNIMPLEMENTED, f"MultiInference {NOT_OFFERED}")

    def _predict(self, request: Any) -> Any:
        target = _target(request)
        signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
        most = self._answering.limits.max_body
        tensors = {name: _read(proto, most) for name, proto in request.inputs.items()}
        number, outputs = self._answering.run(target, signature, tensors, request.output_filter)
        response = PredictResponse(model_spec=_spec(target, number, signature))
        for name, array in outputs.items():
            _write(array, response.outputs[name])
        return response

    def _metadata(self, request: Any) -> Any:
        target = _target(request)
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        number, signatures = self._answering.signatures(target.model, target.version, target.label)
        packed = AnyMessage()
        packed.Pack(signatures)
        return GetModelMetadataResponse(
            model_spec=_spec(target, number), metadata={"signature_def": packed}
        )


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, calls: _Calls):
        self._calls = calls

    def GetModelStatus(self, request, context):  # noqa: N802
        return self._calls.answer(context, self._status, request)

    def HandleReloadConfigRequest(self, request, context):  # noqa: N802
        _abort(context, Code.UNIMPLEMENTED, f"HandleReloadConfigRequest {NOT_OFFERED}")

    def _status(self, request: Any) -> Any:
        target = _target(request)
        response = GetModelStatusResponse()
        for state in self._calls.answering.repository.status(target.model, target.version):
            row = response.model_version_status.add()
            row.version, row.state = state.version, row.State.Value(state.state)
            row.status.error_code = int(state.code)
            row.status.error_message = state.message
        return response


class _Token(grpc.ServerInterceptor):
    """Refuses calls that do not bear the token."""

    def __init__(self, token: str):
        self._token = token
        self._refusal = grpc.unary_unary_rpc_method_handler(
            lambda request, context: _abort(
                context,
                Code.UNAUTHENTICATED,
                "This server asks for its token: metadata authorization: Bearer TOKEN",
            )
        )

    def intercept_service(self, continuation, handler_call_details):
        metadata = dict(handler_call_details.invocation_metadata)
        if allows(self._token, metadata.get("authorization", "")):
            return continuation(handler_call_details)
        return self._refusal


def _abort(context: grpc.ServicerContext, code: Code, message: str) -> NoReturn:
    context.abort(_CODES[int(code)], message)
    raise AssertionError("abort does not return")


def _target(request: Any) -> Target:
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    spec = request.model_spec
    if not spec.name:
        raise invalid("ModelSpec has no name specified")
    version = spec.version.value if spec.HasField("version") else None
    return Target(spec.name, "grpc", version, spec.version_label or None)


def _spec(target: Target, number: int, signature: str = "") -> Any:
    spec = ModelSpec(name=target.model, signature_name=signature)
    spec.version.value = number
    return spec


def _read(proto: Any, most: int) -> tf.Tensor:
    """Returns a request's tensor: too few values are the last one repeated, as ever.

    Raises:
        ServingError: INVALID_ARGUMENT, if it is none, or its shape would take more memory than
            a body may.
    """
    try:
        dtype = tf.dtypes.as_dtype(proto.dtype)
    except TypeError:
        raise invalid(f"Unknown data type {proto.dtype}") from None
    if dtype.name not in _FIELDS:
        raise invalid(f"A tensor of type {dtype.name} cannot be sent")
    dims = [dim.size for dim in proto.tensor_shape.dim]
    size = _BYTES_OF_STRING if dtype == tf.string else dtype.size
    for dim in dims:
        size *= max(dim, 1)
    if size > most:
        raise invalid(f"A tensor of shape {dims} takes more than {most / MEGABYTE:g} MB")
    try:
        return tf.io.parse_tensor(proto.SerializeToString(), dtype)
    except tf.errors.OpError as error:
        raise invalid(str(error.message).partition("\n")[0]) from None


def _write(array: np.ndarray, proto: Any) -> None:
    dtype = tf.dtypes.as_dtype("string" if array.dtype == object else array.dtype)
    proto.dtype = dtype.as_datatype_enum
    for size in array.shape:
        proto.tensor_shape.dim.add().size = size
    field = _FIELDS[dtype.name]
    flat: Any = np.ascontiguousarray(array).ravel()
    if field == "half_val":
        flat = flat.view(np.uint16)
    elif field in ("scomplex_val", "dcomplex_val"):
        flat = flat.view(flat.real.dtype)
    getattr(proto, field).extend(flat.tolist())
