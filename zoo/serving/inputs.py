"""The tensors of a predict request, in the one of its two formats that it came in."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from zoo.serving.json_reading import shown
from zoo.serving.status import ServingError, invalid
from zoo.serving.tensors import is_b64, tensor

ROW, COLUMNAR = "row", "columnar"


class Inputs(NamedTuple):
    """A request's tensors.

    Attributes:
        form: ``ROW`` or ``COLUMNAR``: the response has it too.
        tensors: By input; strings as arrays of ``bytes`` objects.
    """

    form: str
    tensors: dict[str, np.ndarray]


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
    if not isinstance(value, dict) or is_b64(value):
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


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not is_b64(value)
