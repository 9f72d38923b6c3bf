"""A SavedModel through TensorFlow's C API: what a server loads and runs, without Python.

``TF_LoadSessionFromSavedModel`` is the C++ loader that TensorFlow Serving uses, and the
kernels behind it are the same.
"""

import ctypes
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from zoo.export.c_library import Output, SessionError, Status, library
from zoo.export.messages import parse

__all__ = ["Session", "SessionError", "Signature", "TensorInfo"]

Value = np.ndarray | Sequence[bytes] | bytes

_STRING = 7
# TF_DataType of what a signature may carry besides strings.
_DTYPES = {
    1: np.dtype(np.float32),
    2: np.dtype(np.float64),
    3: np.dtype(np.int32),
    4: np.dtype(np.uint8),
    5: np.dtype(np.int16),
    6: np.dtype(np.int8),
    8: np.dtype(np.complex64),
    9: np.dtype(np.int64),
    10: np.dtype(np.bool_),
    14: np.dtype(ml_dtypes.bfloat16),
    17: np.dtype(np.uint16),
    18: np.dtype(np.complex128),
    19: np.dtype(np.float16),
    22: np.dtype(np.uint32),
    23: np.dtype(np.uint64),
}
_NUMBERS = {dtype: number for number, dtype in _DTYPES.items()}


# TF_TString is 24 bytes, filled and freed by the library alone.
_TSTRING_BYTES = 24


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
            with Status() as status:
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
            ValueError: If an input is missing, there is one too many, a dtype is none that
                a signature carries, the signature names what the graph has not, or an answer
                has more dimensions than an array can have.
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
            with Status() as status:
                lib.TF_SessionRun(
                    self._session,
                    None,
                    (Output * len(feeds))(*feeds),
                    (ctypes.c_void_p * len(fed))(*fed),
                    len(fed),
                    (Output * len(fetches))(*fetches),
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
        """Gives the model's memory back; the session answers no more.

        No thread may be in :meth:`run` meanwhile.
        """
        lib = library()
        session, graph = self._session, self._graph
        self._session = self._graph = None
        try:
            if session:
                with Status() as status:
                    lib.TF_CloseSession(session, status)
                with Status() as status:
                    lib.TF_DeleteSession(session, status)
        finally:
            if graph:
                lib.TF_DeleteGraph(graph)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _output(self, info: TensorInfo) -> Output:
        if self._session is None:
            raise ValueError("the session is closed")
        name, _, index = info.tensor.partition(":")
        operation = library().TF_GraphOperationByName(self._graph, name.encode())
        if not operation:
            # The library would take it for an operation, and the process with it.
            raise ValueError(f"the graph has no tensor {info.tensor!r}, which the signature names")
        return Output(operation, int(index or 0))


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
    # Not `np.ascontiguousarray`, of which a scalar comes back as a list of one.
    array = np.asarray(array, order="C")
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
        if number not in _DTYPES:
            raise ValueError(f"a tensor of TensorFlow's type {number} is none that can be read")
        size = lib.TF_TensorByteSize(tensor)
        # Not `ctypes.string_at`, which counts with 31 bits.
        data = (ctypes.c_char * size).from_address(place) if size else b""
        return np.frombuffer(data, _DTYPES[number]).reshape(shape).copy()
    array = np.empty(lib.TF_TensorElementCount(tensor), object)
    for index in range(array.size):
        one = place + index * _TSTRING_BYTES
        size = lib.TF_StringGetSize(one)
        array[index] = ctypes.string_at(lib.TF_StringGetDataPointer(one), size) if size else b""
    return array.reshape(shape)
