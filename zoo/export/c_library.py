"""TensorFlow's shared library and its C API, called through ctypes.

It is the library of the installed wheel; the package ``tensorflow`` is never imported.
"""

import ctypes
import functools
import importlib.util
from pathlib import Path
from typing import Any

from zoo.export.messages import parse

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


class Output(ctypes.Structure):
    """TF_Output."""

    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


class Buffer(ctypes.Structure):
    """TF_Buffer."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("deallocator", ctypes.c_void_p),
    )

    def content(self) -> bytes:
        """Returns a copy of what it holds."""
        return ctypes.string_at(self.data, self.length) if self.data else b""


_POINTER, _SIZE, _INT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "TF_Version": (ctypes.c_char_p, []),
    "TF_NewStatus": (_POINTER, []),
    "TF_DeleteStatus": (None, [_POINTER]),
    "TF_GetCode": (_INT, [_POINTER]),
    "TF_Message": (ctypes.c_char_p, [_POINTER]),
    "TF_NewBuffer": (ctypes.POINTER(Buffer), []),
    "TF_DeleteBuffer": (None, [ctypes.POINTER(Buffer)]),
    "TF_GetAllOpList": (ctypes.POINTER(Buffer), []),
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
            ctypes.POINTER(Buffer),
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
            ctypes.POINTER(Output),
            ctypes.POINTER(_POINTER),
            _INT,
            ctypes.POINTER(Output),
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


class Status:
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
