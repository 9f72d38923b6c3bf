"""TensorProto messages, from and to tensors, as TensorFlow Serving has them."""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.serving.limits import MEGABYTE, MOST_DIMENSIONS
from zoo.serving.status import invalid

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


def dtype_of(proto: Any) -> tf.DType:
    """Returns the type of a request's tensor.

    Raises:
        ServingError: INVALID_ARGUMENT, if there is none such, or none that can be sent.
    """
    try:
        dtype = tf.dtypes.as_dtype(proto.dtype)
    except TypeError:
        raise invalid(f"Unknown data type {proto.dtype}") from None
    if dtype.name not in _FIELDS:
        raise invalid(f"A tensor of type {dtype.name} cannot be sent")
    return dtype


def size_of(proto: Any, most: int) -> int:
    """Returns how many bytes a request's tensor takes, as its shape says, whatever values it has.

    Args:
        proto: Of a type that can be sent.
        most: Bytes that it may take.

    Raises:
        ServingError: INVALID_ARGUMENT, if it would take more, or has too many dimensions.
    """
    dtype = dtype_of(proto)
    dims = [dim.size for dim in proto.tensor_shape.dim]
    if len(dims) > MOST_DIMENSIONS:
        raise invalid(
            f"A tensor has {len(dims)} dimensions; this server takes {MOST_DIMENSIONS} at most"
        )
    count = math.prod(max(dim, 1) for dim in dims)
    size = count * (_BYTES_OF_STRING if dtype == tf.string else dtype.size)
    if dtype == tf.string:
        strings = proto.string_val
        # The last string is repeated with all its bytes.
        last = len(strings[-1]) if strings else 0
        size += proto.ByteSize() + last * max(count - len(strings), 0)
    if size > most:
        raise invalid(f"A tensor of shape {dims} takes more than {most / MEGABYTE:g} MB")
    return size


def read_proto(proto: Any) -> np.ndarray:
    """Returns a request's tensor, strings as ``bytes`` objects.

    Too few values are the last one repeated, as ever.

    Args:
        proto: Its size is known to be bearable (:func:`size_of`).

    Raises:
        ServingError: INVALID_ARGUMENT, if it is none.
    """
    try:
        tensor = tf.io.parse_tensor(proto.SerializeToString(), dtype_of(proto))
    except tf.errors.OpError as error:
        raise invalid(str(error.message).partition("\n")[0]) from None
    if tensor.dtype != tf.string or tensor.ndim:
        return np.asarray(tensor.numpy())
    # Of a scalar string NumPy would make its own kind of bytes, which end at a zero.
    array = np.empty((), object)
    array[()] = tensor.numpy()
    return array


def write_proto(array: np.ndarray, proto: Any) -> None:
    """Writes an array into an empty message, in the field of its type."""
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
