"""The gRPC API: Predict, GetModelMetadata and GetModelStatus."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError

from zoo.serving.answering import NOT_OFFERED, Answering
from zoo.serving.limits import Pool
from zoo.serving.messages import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelSpec,
    PredictRequest,
    PredictResponse,
)
from zoo.serving.paths import Target
from zoo.serving.protos import write_proto
from zoo.serving.rest import allows
from zoo.serving.servable import DEFAULT_SIGNATURE
from zoo.serving.status import BusyError, Code, ServingError, invalid

_LOG = logging.getLogger(__name__)
_CODES = {code.value[0]: code for code in grpc.StatusCode}
# As bytes, as the message of them, and as bytes again, of which TensorFlow makes tensors.
_COPIES = 3


class GrpcServer:
    """The gRPC port: an event loop in a thread of its own, which only waits for the pool.

    Every call is taken as one of a stream of messages, which looks the same on the wire and
    begins before its message has come: so the token is asked for first, and a message that does
    not come costs no thread, and has an end.

    Args:
        answering: The models.
        pool: Does the work.
        token: That a call must bear, or None for no such thing.
    """

    def __init__(self, answering: Answering, pool: Pool, token: str | None):
        self._limits, self._memory = answering.limits, answering.memory
        self._pool, self._token = pool, token
        self._calls = _Calls(answering)
        # By when they began: those whose message has not come.
        self._waiting: dict[Any, None] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="grpc")
        self._server: grpc.aio.Server | None = None

    def bind(self, address: str) -> int:
        """Takes a port and returns its number; nobody is answered yet.

        Raises:
            RuntimeError: If it cannot be had.
        """
        self._thread.start()
        return self._wait(self._bind(address))

    def start(self) -> None:
        """Begins to answer."""
        if self._server:
            self._wait(self._server.start())

    def stop(self, grace: float) -> None:
        """Takes no more calls, gives those under way some seconds, and ends."""
        if self._server:
            self._wait(self._server.stop(grace))
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    def _wait(self, task: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(task, self._loop).result()

    async def _bind(self, address: str) -> int:
        limits = self._limits
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", limits.max_body),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_connection_idle_ms", int(10 * limits.idle * 1000)),
                # A few more than may wait, so that one too many is told so.
                ("grpc.max_concurrent_streams", min(limits.threads + limits.queue + 16, 2**30)),
                # Else a second server would take the same port, and half of the requests.
                ("grpc.so_reuseport", 0),
            ]
        )
        server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    f"tensorflow.serving.{service}",
                    {name: self._handler(work) for name, work in methods.items()},
                )
                for service, methods in self._calls.services.items()
            ]
        )
        self._server = server
        return server.add_insecure_port(address)

    def _handler(self, work: Callable[[bytes], bytes]) -> grpc.RpcMethodHandler:
        async def answer(messages: AsyncIterator[bytes], context: Any) -> bytes:
            try:
                return await self._answer(work, messages, context)
            except BusyError as error:
                code, message = Code.UNAVAILABLE, error.message
            except ServingError as error:
                code, message = error.code, error.message
            except Exception:
                _LOG.exception("%s", work.__name__)
                code, message = Code.INTERNAL, "The server has a fault; its log says which"
            return await context.abort(_CODES[int(code)], message)

        return grpc.stream_unary_rpc_method_handler(answer)

    async def _answer(
        self, work: Callable[[bytes], bytes], messages: AsyncIterator[bytes], context: Any
    ) -> bytes:
        metadata = dict(context.invocation_metadata() or ())
        if self._token and not allows(self._token, metadata.get("authorization", "")):
            raise ServingError(
                Code.UNAUTHENTICATED,
                "This server asks for its token: metadata authorization: Bearer TOKEN",
            )
        left = context.time_remaining()
        seconds = self._limits.timeout if left is None else min(left, self._limits.timeout)
        what = "request's message did not come"
        try:
            with self._memory.hold() as held:
                async with asyncio.timeout(seconds):
                    message = await self._message(messages)
                    what = "request was not answered"
                    held.add(_COPIES * len(message))
                    return await asyncio.wrap_future(self._pool.submit(work, message))
        except TimeoutError:
            raise ServingError(Code.DEADLINE_EXCEEDED, f"The {what} within {seconds:g} s") from None

    async def _message(self, messages: AsyncIterator[bytes]) -> bytes:
        task = asyncio.current_task()
        self._waiting[task] = None
        # Those that have waited longest make room, as idle connections do at the REST port.
        while len(self._waiting) > self._limits.max_connections:
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            longest.cancel()
        try:
            async for message in messages:
                return message
        finally:
            self._waiting.pop(task, None)
        raise invalid("The call has no message")


class _Calls:
    """What is done with the message of each call."""

    def __init__(self, answering: Answering):
        self._answering = answering
        self.services: dict[str, dict[str, Callable[[bytes], bytes]]] = {
            "PredictionService": {
                "Predict": _typed(PredictRequest, self._predict),
                "GetModelMetadata": _typed(GetModelMetadataRequest, self._metadata),
                **{name: _not_offered(name) for name in ("Classify", "Regress", "MultiInference")},
            },
            "ModelService": {
                "GetModelStatus": _typed(GetModelStatusRequest, self._status),
                "HandleReloadConfigRequest": _not_offered("HandleReloadConfigRequest"),
            },
        }

    def _predict(self, request: Any) -> Any:
        target = _target(request)
        signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
        answering, sent = self._answering, _COPIES * request.ByteSize()
        with answering.memory.hold(sent) as held:
            number, outputs = answering.run(
                target, signature, request.inputs, request.output_filter, held
            )
        response = PredictResponse(model_spec=_spec(target, number, signature))
        for name, array in outputs.items():
            write_proto(array, response.outputs[name])
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

    def _status(self, request: Any) -> Any:
        target = _target(request)
        response = GetModelStatusResponse()
        for state in self._answering.repository.status(target.model, target.version):
            row = response.model_version_status.add()
            row.version, row.state = state.version, row.State.Value(state.state)
            row.status.error_code = int(state.code)
            row.status.error_message = state.message
        return response


def _typed(kind: Any, answer: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    def work(message: bytes) -> bytes:
        try:
            request = kind.FromString(message)
        except DecodeError:
            raise invalid(f"The message is no {kind.DESCRIPTOR.name}") from None
        return answer(request).SerializeToString()

    return work


def _not_offered(name: str) -> Callable[[bytes], NoReturn]:
    def work(message: bytes) -> NoReturn:
        raise ServingError(Code.UNIMPLEMENTED, f"{name} {NOT_OFFERED}")

    return work


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
