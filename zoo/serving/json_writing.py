"""From arrays to a response's JSON, as TensorFlow Serving's ``json_tensor.cc`` writes it."""

import base64
import json
from collections.abc import Callable, Mapping

import numpy as np

from zoo.serving.inputs import ROW
from zoo.serving.status import invalid
from zoo.serving.tensors import dtype_name

_BYTES = "_bytes"
_SPECIAL = {"nan": "NaN", "-nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def write_outputs(outputs: Mapping[str, np.ndarray], form: str) -> bytes:
    """Writes a predict response.

    A string tensor is wrapped as base64 only if its name ends with ``_bytes``; any other is
    written as it is, UTF-8 or not. Numbers have six digits where these are enough to read the
    same number again, else 9 (17 for float64), and ``NaN`` and ``Infinity`` are bare tokens.

    Args:
        outputs: By name; strings as arrays of ``bytes`` objects.
        form: ``ROW`` or ``COLUMNAR``.

    Raises:
        ServingError: INVALID_ARGUMENT, if the outputs have no common first dimension (row), or
            a type that has no JSON.

    Example:
        >>> write_outputs({"y": np.array([0.5, 2], np.float32)}, "row")
        b'{"predictions": [0.5,2.0]}'
    """
    if not outputs:
        raise invalid("Cannot convert empty tensor map to JSON")
    text = _row_text(outputs) if form == ROW else _columnar_text(outputs)
    return text.encode("utf-8", "surrogateescape")


def _columnar_text(outputs: Mapping[str, np.ndarray]) -> str:
    if len(outputs) == 1:
        [(name, array)] = outputs.items()
        return f'{{"outputs": {_nested(_tokens(name, array), array.shape)}}}'
    parts = [
        f"{json.dumps(name)}: {_nested(_tokens(name, outputs[name]), outputs[name].shape)}"
        for name in sorted(outputs)
    ]
    return f'{{"outputs": {{{", ".join(parts)}}}}}'


def _row_text(outputs: Mapping[str, np.ndarray]) -> str:
    sizes = set()
    for name, array in outputs.items():
        if not array.ndim:
            raise invalid(f"Tensor name: {name} has no shape information")
        sizes.add(array.shape[0])
    if len(sizes) > 1:
        raise invalid(f"Tensors have inconsistent batch size: {', '.join(map(str, sorted(sizes)))}")
    [count] = sizes
    columns = {
        name: _each(_tokens(name, outputs[name]), outputs[name].shape) for name in sorted(outputs)
    }
    if len(columns) == 1:
        [rows] = columns.values()
    else:
        keys = {name: json.dumps(name) for name in columns}
        rows = [
            "{" + ", ".join(f"{keys[name]}: {columns[name][row]}" for name in columns) + "}"
            for row in range(count)
        ]
    return f'{{"predictions": [{",".join(rows)}]}}'


def _each(tokens: list[str], shape: tuple[int, ...]) -> list[str]:
    """Returns the text of each element along the first dimension."""
    for size in reversed(shape[1:]):
        tokens = _grouped(tokens, size, shape)
    return tokens


def _nested(tokens: list[str], shape: tuple[int, ...]) -> str:
    if not shape:
        return tokens[0]
    return f"[{','.join(_each(tokens, shape))}]"


def _grouped(tokens: list[str], size: int, shape: tuple[int, ...]) -> list[str]:
    if size:
        return [
            f"[{','.join(tokens[start : start + size])}]" for start in range(0, len(tokens), size)
        ]
    # How many empty lists there are no token says: only those around them.
    return ["[]"] * int(np.prod(shape[: shape.index(0)]))


def _tokens(name: str, array: np.ndarray) -> list[str]:
    flat = array.ravel()
    if array.dtype == object:
        if name.endswith(_BYTES):
            return [f'{{"b64":"{base64.b64encode(value).decode()}"}}' for value in flat]
        return [
            json.dumps(value.decode("utf-8", "surrogateescape"), ensure_ascii=False)
            for value in flat
        ]
    writer = _WRITERS.get(array.dtype.name)
    if writer is None:
        raise invalid(f"JSON conversion of tensor type: {dtype_name(array.dtype.name)} is unknown")
    return writer(flat)


def _whole(flat: np.ndarray) -> list[str]:
    return list(map(str, flat.tolist()))


def _bools(flat: np.ndarray) -> list[str]:
    return ["true" if value else "false" for value in flat.tolist()]


def _decimals(flat: np.ndarray) -> list[str]:
    values = flat.tolist()
    if not values:
        return []
    tokens = ("%.6g " * len(values) % tuple(values)).split()
    full = "%.9g" if flat.dtype == np.float32 else "%.17g"
    with np.errstate(over="ignore"):
        again = np.array(tokens, "S").astype(np.float64).astype(flat.dtype)
    for place in np.flatnonzero(again != flat).tolist():
        tokens[place] = full % values[place]
    return [_pointed(token) for token in tokens]


def _pointed(token: str) -> str:
    if token.lstrip("-").isdigit():
        return f"{token}.0"
    return _SPECIAL.get(token, token)


_WRITERS: dict[str, Callable[[np.ndarray], list[str]]] = {
    "float32": _decimals,
    "float64": _decimals,
    "bool": _bools,
    **dict.fromkeys(("int8", "uint8", "int16", "int32", "uint32", "int64", "uint64"), _whole),
}
