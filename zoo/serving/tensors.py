"""From JSON values to arrays, as TensorFlow Serving's ``json_tensor.cc`` fills tensors.

Nothing here walks a value element by element unless it is wrong: lists are opened level by
level, and only an error looks for the first culprit.
"""

import base64
import binascii
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np

from zoo.serving.json_reading import bytes_of, kind, shown
from zoo.serving.limits import MOST_DIMENSIONS
from zoo.serving.status import Code, ServingError, invalid

_B64 = "b64"

# The names that TensorFlow's C++ gives types where they are not NumPy's.
_NAMES = {"float32": "float", "float64": "double", "float16": "half"}

_INT32 = (-(2**31), 2**31 - 1)
# A smaller integer is only looked at as int32, and then wraps.
_RANGES = {
    "int8": _INT32,
    "uint8": _INT32,
    "int16": _INT32,
    "int32": _INT32,
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
_LEAVES: dict[str, set[type]] = {
    "float32": {int, float},
    "float64": {int, float},
    "bool": {bool},
    "string": {str, dict},
    **{name: {int} for name in _RANGES},
}


def dtype_name(dtype: str) -> str:
    """Returns a type's name as TensorFlow's messages have it: ``float`` for ``float32``."""
    return _NAMES.get(dtype, dtype)


def tensor(value: Any, dtype: str) -> np.ndarray:
    """Returns the dense tensor that a JSON value spells.

    Args:
        value: A scalar, or lists of lists of equal size.
        dtype: ``float32``, ``string`` ...

    Raises:
        ServingError: INVALID_ARGUMENT for lists of unequal size and values of another type,
            UNIMPLEMENTED for types that have no JSON.
    """
    shape, leaves = _open(value)
    if not leaves:
        return np.empty(shape, object if dtype == "string" else _numpy(dtype))
    if dtype not in _LEAVES:
        raise ServingError(
            Code.UNIMPLEMENTED,
            f"Conversion of JSON Value: {shown(leaves[0])} to type: {dtype_name(dtype)}",
        )
    if not set(map(type, leaves)) <= _LEAVES[dtype]:
        wrong = next(leaf for leaf in leaves if type(leaf) not in _LEAVES[dtype])
        raise _type_error(wrong, dtype)
    return _converted(leaves, dtype).reshape(shape)


def _converted(leaves: list[Any], dtype: str) -> np.ndarray:
    if dtype == "string":
        array = np.empty(len(leaves), object)
        array[:] = [bytes_of(leaf) if isinstance(leaf, str) else _from_b64(leaf) for leaf in leaves]
        return array
    if dtype in _RANGES:
        low, high = _RANGES[dtype]
        if min(leaves) < low or max(leaves) > high:
            raise _type_error(next(n for n in leaves if not low <= n <= high), dtype)
        if low >= 0:
            return np.array(leaves, np.uint64).astype(_numpy(dtype))
        return np.array(leaves, np.int64).astype(_numpy(dtype))
    if dtype == "bool":
        return np.array(leaves, np.bool_)
    with np.errstate(over="ignore"):
        return np.fromiter(map(float, leaves), np.float64, len(leaves)).astype(_numpy(dtype))


def _numpy(dtype: str) -> np.dtype:
    # NumPy has no bfloat16 of its own; of an empty tensor only the shape matters.
    return np.dtype("float32" if dtype == "bfloat16" else dtype)


def _open(value: Any) -> tuple[tuple[int, ...], list[Any]]:
    """Opens lists of lists; the first element of each says how deep and how large they are."""
    shape: list[int] = []
    level = [value]
    while level and type(level[0]) is list:
        size = len(level[0])
        for found in level:
            if type(found) is not list:
                depth = len(shape)
                raise invalid(
                    f"JSON Value: {shown(found)} found at incorrect level: {depth + 1} in the "
                    f"JSON DOM. Expected at level: {_rank(value)}"
                )
            if len(found) != size:
                raise invalid(
                    f"Encountered list at unexpected size: {len(found)} at level: {len(shape)} "
                    f"expected size: {size}"
                )
        shape.append(size)
        if len(shape) > MOST_DIMENSIONS:
            raise invalid(
                f"JSON Value: {shown(value)} is nested deeper than a tensor has dimensions, which "
                f"are {MOST_DIMENSIONS} at most"
            )
        if size == 0:
            return tuple(shape), []
        level = list(chain.from_iterable(level))
    if list in set(map(type, level)):
        rank = len(shape)
        raise invalid(f"Encountered list at unexpected level: {rank} expected < {rank}")
    return tuple(shape), level


def _rank(value: Any) -> int:
    rank = 0
    while type(value) is list:
        rank += 1
        value = value[0] if value else None
    return rank


def is_b64(value: Any) -> bool:
    """Returns whether a JSON value is bytes: ``{"b64": "..."}`` and nothing else."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get(_B64), str)


def _from_b64(value: Mapping[str, Any]) -> bytes:
    if not is_b64(value):
        raise invalid(f"JSON Value: {shown(value)} not formatted correctly for base64 data")
    text = "".join(value[_B64].split())
    bare = text.rstrip("=")
    padding = len(text) - len(bare)
    try:
        if padding not in (0, -len(bare) % 4):
            raise binascii.Error
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        raise invalid("Unable to base64 decode") from None


def _type_error(value: Any, dtype: str) -> ServingError:
    return invalid(
        f"JSON Value: {shown(value)} Type: {kind(value)} is not of expected type: "
        f"{dtype_name(dtype)}"
    )
