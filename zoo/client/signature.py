"""What a served model takes and gives, and in which state its versions are."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from zoo.errors import ServerError

# NumPy's names of the types that a signature names as DT_FLOAT and so on.
_DTYPES = {
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float64",
    "DT_HALF": "float16",
    "DT_STRING": "object",
    **{f"DT_{name.upper()}": name for name in ("int8", "int16", "int32", "int64")},
    **{f"DT_{name.upper()}": name for name in ("uint8", "uint16", "uint32", "uint64", "bool")},
}


class Tensor(NamedTuple):
    """One input or output of a signature.

    Attributes:
        dtype: NumPy's name; ``object`` of strings, ``""`` of what NumPy has not.
        shape: With None for what varies; None where nothing is said of it.
    """

    dtype: str
    shape: tuple[int | None, ...] | None


class Signature(NamedTuple):
    """What a signature takes and gives, by name."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]


class VersionState(NamedTuple):
    """One version of a served model.

    Attributes:
        version: Its number.
        state: ``START``, ``LOADING``, ``AVAILABLE``, ``UNLOADING`` or ``END``.
        message: Why it could not be loaded; else empty.
    """

    version: int
    state: str
    message: str


class OtherOutputsError(ServerError):
    """An answer of other outputs than the signature has that was asked for."""


class Transport(Protocol):
    """How requests reach a server and answers come back."""

    def predict(
        self, signature: str, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, Tensor]
    ) -> dict[str, np.ndarray]:
        """Sends arrays, strings as ``bytes`` objects, and returns such.

        Raises:
            OtherOutputsError: If it can be told that these are not the outputs of what answers.
            ServerError: If the server refuses, or does not answer.
        """
        ...

    def signatures(self) -> dict[str, Signature]:
        """Asks for the signatures of the version that answers."""
        ...

    def versions(self) -> list[VersionState]:
        """Asks for the versions, newest first."""
        ...

    def close(self) -> None:
        """Closes the connections."""
        ...


def read_signatures(plain: Mapping[str, Any]) -> dict[str, Signature]:
    """Reads the map of signatures as protocol buffers have it in JSON.

    TensorFlow's own, which begin with two underscores, are left out.
    """
    return {
        name: Signature(*(_tensors(found.get(side, {})) for side in ("inputs", "outputs")))
        for name, found in plain.items()
        if not name.startswith("__")
    }


def _tensors(infos: Mapping[str, Any]) -> dict[str, Tensor]:
    return {
        name: Tensor(_DTYPES.get(info["dtype"], ""), _shape(info)) for name, info in infos.items()
    }


def _shape(info: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    shape = info.get("tensor_shape", {})
    if shape.get("unknown_rank"):
        return None
    sizes = (int(dim.get("size", 0)) for dim in shape.get("dim", []))
    return tuple(None if size < 0 else size for size in sizes)
