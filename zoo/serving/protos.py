"""TensorProto messages, from and to tensors, as TensorFlow Serving has them."""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.serving.limits import MEGABYTE
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


def read_proto(proto: Any, most: int) -> tf.Tensor:
    """Returns a request's tensor: too few values are the last one repeated, as ever.

    Raises:
        ServingError: INVALID_ARGUMENT, if it is none, or its shape would take more memory than
            a body may.
    """
    try:
        dtype = tf.dtypes.as_dtype(proto.dtype)
    except TypeError:
        raise invalid(f"Unknown data type {proto.dtype}") from None
    if dtype.name not in _FIELDS:
        raise invalid(f"A tensor of type {dtype.name} cannot be sent")
    dims = [dim.size for dim in proto.tensor_shape.dim]
    # The last string is repeated with all its bytes.
    strings = proto.string_val
    size = _BYTES_OF_STRING + len(strings[-1] if strings else b"")
    if dtype != tf.string or len(strings) >= math.prod(dims):
        size = _BYTES_OF_STRING if dtype == tf.string else dtype.size
    for dim in dims:
        size *= max(dim, 1)
    if size > most:
        raise invalid(f"A tensor of shape {dims} takes more than {most / MEGABYTE:g} MB")
    try:
        return tf.io.parse_tensor(proto.SerializeToString(), dtype)
    except tf.errors.OpError as error:
        raise invalid(str(error.message).partition("\n")[0]) from None


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
