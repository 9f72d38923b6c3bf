"""A SavedModel through TensorFlow's C API: what a server loads and runs, without Python.

``TF_LoadSessionFromSavedModel`` is the C++ loader that TensorFlow Serving uses, and the
kernels behind it are the same. It is driven through ctypes from the shared library of the
installed wheel; the package ``tensorflow`` is never imported.
"""

import ctypes
import functools
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.export.messages import parse

Value = np.ndarray | Sequence[bytes] | bytes

# TF_Code, which gRPC's codes are too.
_CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)

_STRING = 7
# TF_DataType of what a signature may carry besides strings.
_DTYPES = {
    1: np.dtype(np.float32),
    2: np.dtype(np.float64),
    3: np.dtype(np.int32),
    4: np.dtype(np.uint8),
    5: np.dtype(np.int16),
    6: np.dtype(np.int8),
    9: np.dtype(np.int64),
    10: np.dtype(np.bool_),
    17: np.dtype(np.uint16),
    19: np.dtype(np.float16),
    22: np.dtype(np.uint32),
    23: np.dtype(np.uint64),
}
_NUMBERS = {dtype: number for number, dtype in _DTYPES.items()}


class SessionError(Exception):
    """What TensorFlow says of a model that does not load, or of a request that fails.

    Attributes:
        code: TF_Code, which is gRPC's status code: 3 for INVALID_ARGUMENT.
        status: The code's name.
        message: TensorFlow's.
    """

    def __init__(self, code: int, message: str):
        self.code = code
        self.status = _CODES[code] if code < len(_CODES) else str(code)
        self.message = message
        super().__init__(f"{self.status}: {message}")


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of a signature.

    Attributes:
        tensor: Its name in the graph, ``"operation:index"``.
        dtype: NumPy's; ``object`` for strings.
        shape: As declared, ``None`` where any size will do; ``None`` for any rank.
    """

    tensor: str
    dtype: np.dtype
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Signature:
    """What a request must carry and what an answer holds, by name."""

    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]


class _Output(ctypes.Structure):
    """TF_Output."""

    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


class _Buffer(ctypes.Structure):
    """TF_Buffer."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("deallocator", ctypes.c_void_p),
    )

    def content(self) -> bytes:
        return ctypes.string_at(self.data, self.length) if self.data else b""


# TF_TString is 24 bytes, filled and freed by the library alone.
_TSTRING_BYTES = 24

_POINTER, _SIZE, _INT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "TF_Version": (ctypes.c_char_p, []),
    "TF_NewStatus": (_POINTER, []),
    "TF_DeleteStatus": (None, [_POINTER]),
    "TF_GetCode": (_INT, [_POINTER]),
    "TF_Message": (ctypes.c_char_p, [_POINTER]),
    "TF_NewBuffer": (ctypes.POINTER(_Buffer), []),
    "TF_DeleteBuffer": (None, [ctypes.POINTER(_Buffer)]),
    "TF_GetAllOpList": (ctypes.POINTER(_Buffer), []),
    "TF_NewGraph": (_POINTER, []),
    "TF_DeleteGraph": (None, [_POINTER]),
    "TF_GraphOperationByName": (_POINTER, [_POINTER, ctypes.c_char_p]),
    "TF_NewSessionOptions": (_POINTER, []),
    "TF_DeleteSessionOptions": (None, [_POINTER]),
    "TF_LoadSessionFromSavedModel": (
        _POINTER,
        [
            _POINTER,
            _POINTER,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_char_p),
            _INT,
            _POINTER,
            ctypes.POINTER(_Buffer),
            _POINTER,
        ],
    ),
    "TF_CloseSession": (None, [_POINTER, _POINTER]),
    "TF_DeleteSession": (None, [_POINTER, _POINTER]),
    "TF_SessionRun": (
        None,
        [
            _POINTER,
            _POINTER,
            ctypes.POINTER(_Output),
            ctypes.POINTER(_POINTER),
            _INT,
            ctypes.POINTER(_Output),
            ctypes.POINTER(_POINTER),
            _INT,
            _POINTER,
            _INT,
            _POINTER,
            _POINTER,
        ],
    ),
    "TF_AllocateTensor": (_POINTER, [_INT, ctypes.POINTER(ctypes.c_int64), _INT, _SIZE]),
    "TF_DeleteTensor": (None, [_POINTER]),
    "TF_TensorData": (_POINTER, [_POINTER]),
    "TF_TensorByteSize": (_SIZE, [_POINTER]),
    "TF_TensorElementCount": (ctypes.c_int64, [_POINTER]),
    "TF_TensorType": (_INT, [_POINTER]),
    "TF_NumDims": (_INT, [_POINTER]),
    "TF_Dim": (ctypes.c_int64, [_POINTER, _INT]),
    "TF_StringInit": (None, [_POINTER]),
    "TF_StringCopy": (None, [_POINTER, ctypes.c_char_p, _SIZE]),
    "TF_StringGetDataPointer": (_POINTER, [_POINTER]),
    "TF_StringGetSize": (_SIZE, [_POINTER]),
}


@functools.cache
def library() -> Any:
    """Opens the shared library of the installed TensorFlow, found without importing it.

    Raises:
        FileNotFoundError: If TensorFlow is not installed, or has no such library.
    """
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("TensorFlow is not installed")
    folder = Path(spec.submodule_search_locations[0])
    for path in sorted(folder.glob("libtensorflow_cc.so*")):
        # What it needs it finds beside itself.
        opened = ctypes.CDLL(str(path))
        for name, (returned, arguments) in _FUNCTIONS.items():
            function = getattr(opened, name)
            function.restype, function.argtypes = returned, arguments
        return opened
    raise FileNotFoundError(f"{folder} has no libtensorflow_cc.so")


def version() -> str:
    """Returns the library's version, as ``"2.21.0"``."""
    return library().TF_Version().decode()


def registered_ops() -> frozenset[str]:
    """Returns the names of all ops that the library itself knows."""
    lib = library()
    buffer = lib.TF_GetAllOpList()
    try:
        return frozenset(op.name for op in parse("OpList", buffer.contents.content()).op)
    finally:
        lib.TF_DeleteBuffer(buffer)


class _Status:
    """TF_Status for one call: raises what the call left in it."""

    def __enter__(self) -> int:
        self._status = library().TF_NewStatus()
        return self._status

    def __exit__(self, kind: Any, *_: Any) -> None:
        lib = library()
        code = lib.TF_GetCode(self._status)
        message = (lib.TF_Message(self._status) or b"").decode("utf-8", "replace")
        lib.TF_DeleteStatus(self._status)
        if code and kind is None:
            raise SessionError(code, message)


class Session:
    """A loaded SavedModel. Threads may share it.

    Args:
        path: The folder that holds ``saved_model.pb``.

    Attributes:
        signatures: By name.

    Raises:
        SessionError: If TensorFlow does not load it.

    Example:
        >>> with Session("savedmodels/pets/1") as session:
        ...     answer = session.run("serving_default", {"image_bytes": [jpeg]})
        >>> answer["label"]
        array([b'beagle'], dtype=object)
    """

    def __init__(self, path: Path | str):
        lib = library()
        self._session, self._graph = None, lib.TF_NewGraph()
        options, meta_graph = lib.TF_NewSessionOptions(), lib.TF_NewBuffer()
        tags = (ctypes.c_char_p * 1)(b"serve")
        try:
            with _Status() as status:
                self._session = lib.TF_LoadSessionFromSavedModel(
                    options, None, str(path).encode(), tags, 1, self._graph, meta_graph, status
                )
            self.signatures = _signatures(meta_graph.contents.content())
        except BaseException:
            self.close()
            raise
        finally:
            lib.TF_DeleteBuffer(meta_graph)
            lib.TF_DeleteSessionOptions(options)

    def run(
        self, signature: str, inputs: Mapping[str, Value], outputs: Iterable[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Answers a request.

        Args:
            signature: One of :attr:`signatures`.
            inputs: By name: an array, or for strings a list of bytes, bytes for a scalar or
                an array of ``object``. Shapes are not checked, as a server does not.
            outputs: Names of those to answer; what only others need is not computed. ``None``
                for all.

        Returns:
            Outputs by name; strings as arrays of ``object`` that hold bytes.

        Raises:
            KeyError: If there is no such signature, or no such output.
            ValueError: If an input is missing, there is one too many, or a dtype is none that
                a signature carries.
            SessionError: If the graph does not answer.
        """
        wanted = self.signatures[signature]
        if inputs.keys() != wanted.inputs.keys():
            raise ValueError(
                f"signature {signature!r} takes {sorted(wanted.inputs)}, given {sorted(inputs)}"
            )
        names = list(wanted.outputs if outputs is None else outputs)
        lib, fed, fetched = library(), [], (ctypes.c_void_p * len(names))()
        try:
            for value in inputs.values():
                fed.append(_tensor(value))
            feeds = [self._output(wanted.inputs[name]) for name in inputs]
            fetches = [self._output(wanted.outputs[name]) for name in names]
            with _Status() as status:
                lib.TF_SessionRun(
                    self._session,
                    None,
                    (_Output * len(feeds))(*feeds),
                    (ctypes.c_void_p * len(fed))(*fed),
                    len(fed),
                    (_Output * len(fetches))(*fetches),
                    fetched,
                    len(fetches),
                    None,
                    0,
                    None,
                    status,
                )
            return {name: _array(one) for name, one in zip(names, fetched, strict=True)}
        finally:
            for tensor in (*fed, *fetched):
                if tensor:
                    lib.TF_DeleteTensor(tensor)

    def close(self) -> None:
        """Gives the model's memory back; the session answers no more."""
        lib = library()
        session, graph = self._session, self._graph
        self._session = self._graph = None
        try:
            if session:
                with _Status() as status:
                    lib.TF_CloseSession(session, status)
                with _Status() as status:
                    lib.TF_DeleteSession(session, status)
        finally:
            if graph:
                lib.TF_DeleteGraph(graph)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _output(self, info: TensorInfo) -> _Output:
        if self._session is None:
            raise ValueError("the session is closed")
        operation, _, index = info.tensor.partition(":")
        return _Output(
            library().TF_GraphOperationByName(self._graph, operation.encode()), int(index or 0)
        )


def _signatures(meta_graph: bytes) -> dict[str, Signature]:
    definitions = parse("MetaGraphDef", meta_graph).signature_def
    return {
        name: Signature(_infos(definition.inputs), _infos(definition.outputs))
        for name, definition in definitions.items()
        # That of the op that initializes the model is for the loader.
        if not name.startswith("__saved_model")
    }


def _infos(tensors: Mapping[str, Any]) -> dict[str, TensorInfo]:
    found = {}
    for name, info in sorted(tensors.items()):
        sizes = [None if dim.size < 0 else int(dim.size) for dim in info.tensor_shape.dim]
        shape = None if info.tensor_shape.unknown_rank else tuple(sizes)
        dtype = _DTYPES.get(info.dtype, np.dtype(object))
        found[name] = TensorInfo(info.name, dtype, shape)
    return found


def _tensor(value: Value) -> int:
    """Returns a TF_Tensor with a copy of a value."""
    lib = library()
    strings = isinstance(value, bytes) or not isinstance(value, np.ndarray)
    if strings and not isinstance(value, bytes):
        # NumPy's own strings would lose zeros at the end.
        array = np.empty(len(value), object)
        array[:] = value
    else:
        array = np.array(value, object if strings else None)
    if array.dtype == object:
        size = _TSTRING_BYTES * array.size
        tensor = lib.TF_AllocateTensor(_STRING, _dims(array), array.ndim, size)
        place = lib.TF_TensorData(tensor)
        for number in range(array.size):
            lib.TF_StringInit(place + number * _TSTRING_BYTES)
        for number, data in enumerate(array.ravel()):
            lib.TF_StringCopy(place + number * _TSTRING_BYTES, data, len(data))
        return tensor
    if array.dtype not in _NUMBERS:
        raise ValueError(f"a tensor of {array.dtype} is none that a signature carries")
    array = np.ascontiguousarray(array)
    tensor = lib.TF_AllocateTensor(_NUMBERS[array.dtype], _dims(array), array.ndim, array.nbytes)
    ctypes.memmove(lib.TF_TensorData(tensor), array.ctypes.data, array.nbytes)
    return tensor


def _dims(array: np.ndarray) -> Any:
    return (ctypes.c_int64 * max(array.ndim, 1))(*array.shape)


def _array(tensor: int) -> np.ndarray:
    """Returns a copy of a TF_Tensor."""
    lib = library()
    shape = [lib.TF_Dim(tensor, axis) for axis in range(lib.TF_NumDims(tensor))]
    place, number = lib.TF_TensorData(tensor), lib.TF_TensorType(tensor)
    if number != _STRING:
        data = ctypes.string_at(place, lib.TF_TensorByteSize(tensor)) if place else b""
        return np.frombuffer(data, _DTYPES[number]).reshape(shape)
    array = np.empty(lib.TF_TensorElementCount(tensor), object)
    for index in range(array.size):
        one = place + index * _TSTRING_BYTES
        size = lib.TF_StringGetSize(one)
        array[index] = ctypes.string_at(lib.TF_StringGetDataPointer(one), size) if size else b""
    return array.reshape(shape)
