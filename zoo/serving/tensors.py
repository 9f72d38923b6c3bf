"""From JSON values to arrays, as TensorFlow Serving's ``json_tensor.cc`` fills tensors.

Nothing here walks a value element by element unless it is wrong: lists are opened level by
level, and only an error looks for the first culprit.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from zoo.serving.json_reading import bytes_of, kind, shown
from zoo.serving.status import Code, ServingError, invalid

ROW, COLUMNAR = "row", "columnar"
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


class Inputs(NamedTuple):
    """A request's tensors.

    Attributes:
        form: ``ROW`` or ``COLUMNAR``: the response has it too.
        tensors: By input; strings as arrays of ``bytes`` objects.
    """

    form: str
    tensors: dict[str, np.ndarray]


def dtype_name(dtype: str) -> str:
    """Returns a type's name as TensorFlow's messages have it: ``float`` for ``float32``."""
    return _NAMES.get(dtype, dtype)


def read_inputs(
    document: Mapping[str, Any], dtypes: Mapping[str, str], signature: str = ""
) -> Inputs:
    """Reads the tensors of a predict request.

    Args:
        document: Of the request.
        dtypes: By input of the signature, ``float32``, ``string`` and so on.
        signature: Its name, ``""`` for the default.

    Returns:
        The tensors, and in which of the two formats they came.

    Raises:
        ServingError: INVALID_ARGUMENT for what does not fit, UNIMPLEMENTED for a type that has
            no JSON (columnar only).

    Example:
        >>> read_inputs({"instances": [1.0, 2.0]}, {"x": "float32"}).tensors["x"]
        array([1., 2.], dtype=float32)
    """
    if not dtypes:
        raise invalid(f"Failed to get input map for signature: {signature or 'DEFAULT'}")
    if "instances" in document and "inputs" in document:
        raise invalid(
            "JSON Value: {...} Not formatted correctly expecting only one of 'inputs' or "
            "'instances' keys to exist"
        )
    if "instances" in document:
        return Inputs(ROW, _rows(document["instances"], dtypes))
    if "inputs" in document:
        return Inputs(COLUMNAR, _columns(document["inputs"], dtypes))
    raise invalid("Missing 'inputs' or 'instances' key")


def _columns(value: Any, dtypes: Mapping[str, str]) -> dict[str, np.ndarray]:
    if not isinstance(value, dict) or _is_b64(value):
        if len(dtypes) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input "
                "tensors required as per tensorinfo_map"
            )
        [(name, dtype)] = dtypes.items()
        return {name: tensor(value, dtype)}
    for name in dtypes:
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: tensor(value[name], dtype) for name, dtype in dtypes.items()}


def _rows(rows: Any, dtypes: Mapping[str, str]) -> dict[str, np.ndarray]:
    if not isinstance(rows, list):
        raise invalid(f"JSON Value: {shown(rows)} Expecting 'instances' to be an list/array")
    if not rows:
        raise invalid("JSON Value: {...} No values in 'instances' array")
    if not isinstance(rows[0], dict) and len(dtypes) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    named = _is_named(rows[0])
    for number, row in enumerate(rows):
        if named and not _is_named(row):
            raise invalid(f"Expecting object but got list at item {number} of input list")
        if not named and _is_named(row):
            raise invalid(f"Expecting value/list but got object at item {number} of input list")
    if not named:
        # One name, or none of several: b64 objects for the first, as TensorFlow Serving has it.
        name = sorted(dtypes)[0]
        return {name: _batch(rows, dtypes[name])}
    for number, row in enumerate(rows):
        _check_keys(number, row, dtypes)
    return {
        name: _batch([row[name] for row in rows], dtype, f" key: {name}")
        for name, dtype in dtypes.items()
    }


def _check_keys(number: int, row: Mapping[str, Any], dtypes: Mapping[str, str]) -> None:
    for name in row:
        if name not in dtypes:
            raise invalid(
                f"Failed to process element: {number} key: {name} of 'instances' list. Error: "
                f"INVALID_ARGUMENT: JSON object: does not have named input: {name}"
            )
    if len(row) < len(dtypes):
        raise invalid(
            f"Failed to process element: {number} of 'instances' list. JSON object: "
            f"{shown(row)} keys must be equal to: {','.join(sorted(dtypes))}"
        )


def _batch(rows: Sequence[Any], dtype: str, key: str = "") -> np.ndarray:
    try:
        return tensor(rows, dtype)
    except ServingError as whole:
        _find_faulty_row(rows, dtype, key)
        raise invalid(whole.message) from None


def _find_faulty_row(rows: Sequence[Any], dtype: str, key: str) -> None:
    shape = None
    for number, row in enumerate(rows):
        try:
            array = tensor(row, dtype)
        except ServingError as error:
            what = f"{error.code.name}: {error.message}"
        else:
            shape = array.shape if shape is None else shape
            if array.shape == shape:
                continue
            what = f"INVALID_ARGUMENT: {_mismatch(shape, array.shape)}"
        raise invalid(
            f"Failed to process element: {number}{key} of 'instances' list. Error: {what}"
        )


def _mismatch(expected: tuple[int, ...], got: tuple[int, ...]) -> str:
    sizes = [int(np.prod(shape)) for shape in (expected, got)]
    if sizes[0] != sizes[1]:
        return f"Expecting tensor size: {sizes[0]} but got: {sizes[1]}"
    spelled = ["[" + ",".join(map(str, shape)) + "]" for shape in (expected, got)]
    return f"Expecting shape {spelled[0]} but got: {spelled[1]}"


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


def _is_b64(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get(_B64), str)


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not _is_b64(value)


def _from_b64(value: Mapping[str, Any]) -> bytes:
    if not _is_b64(value):
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


def byte_strings(tensors: Iterable[np.ndarray]) -> Iterable[bytes]:
    """Yields every string of a request's tensors."""
    for array in tensors:
        if array.dtype == object:
            yield from array.ravel()
