"""The files of a prepared set of TensorFlow Datasets: records read by their numbers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from zoo.errors import UserError

# A set stored without random access has to be held in memory, encoded as it is on disk. A small
# one is held there in any case: 50 us a record, where reading it by its number takes 350.
MEMORY_BUDGET = 2 * 1024**3
_SMALL = 256 * 1024**2

# What readers raise of a damaged file: ArrayRecord's a bare RuntimeError.
_FAULTS = (OSError, RuntimeError, tf.errors.OpError)


def reader_of_records(builder: Any, split: str) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a function from an int64 scalar to a serialized example, string scalar.

    Args:
        builder: Of the prepared set.
        split: Its name, or a slice of it.

    Raises:
        UserError: If the files are damaged or cut short, or kept as what gives no example by its
            number.
    """
    formats = builder.info.available_file_formats()
    random_access = bool(formats & set(tfds.core.FileFormat.with_random_access()))
    if not random_access and tfds.core.FileFormat.TFRECORD not in formats:
        found = ", ".join(sorted(item.value for item in formats)) or "none"
        raise UserError(
            f"data set {builder.name!r} is stored as {found}, which gives no example by its "
            "number; prepare it again with `tfds build --file_format=array_record`"
        )
    instructions = builder.info.splits[split].file_instructions
    size = 0
    for file in dict.fromkeys(item.filename for item in instructions):
        with _readable(file):
            size += Path(file).stat().st_size
    if not random_access and size > MEMORY_BUDGET:
        raise UserError(
            f"split {split!r} of data set {builder.name!r} is stored as tfrecord, which must be "
            f"held in memory: {size / 1e9:.1f} GB, more than {MEMORY_BUDGET / 1e9:.1f}; prepare "
            "it again with `tfds build --file_format=array_record`"
        )
    if random_access and size > _SMALL:
        for item in instructions:
            with _readable(item.filename):
                _expect(_array_reader(item.filename).num_records(), item.examples_in_shard)
        raw = tfds.decode.DeserializeMethod.RAW_BYTES
        return _by_number(builder.as_data_source(split, deserialize_method=raw))
    records_in = _array_records if random_access else _tf_records
    records: list[bytes] = []
    for item in instructions:
        with _readable(item.filename):
            found = records_in(item.filename, item.skip, item.take)
            _expect(len(found), item.take)
        records += found
    return _from_memory(records)


@contextmanager
def _readable(file: str) -> Iterator[None]:
    """Says in one sentence that a file is damaged, whatever its reader says of it."""
    try:
        yield
    except _FAULTS as error:
        text = getattr(error, "strerror", None) or getattr(error, "message", error)
        # TensorFlow's begins with the op that it was found in, and ends with it.
        first = str(text).strip().partition("\n")[0].rpartition("}} ")[2].partition(" [Op:")[0]
        raise UserError(
            f"{file} cannot be read ({first}); the data set has to be prepared again: remove the "
            f"folder {Path(file).parent}, or put whole files there"
        ) from error


def _expect(found: int, expected: int) -> None:
    if found < expected:
        raise OSError(f"cut short: {found:,} examples of {expected:,}")


def _array_reader(file: str) -> Any:
    from array_record.python.array_record_module import ArrayRecordReader

    return ArrayRecordReader(file)


def _array_records(file: str, begin: int, count: int) -> Sequence[bytes]:
    reader = _array_reader(file)
    # Of a file cut short it would make records of nothing.
    end = min(begin + count, reader.num_records())
    return reader.read(begin, end) if begin < end else []


def _tf_records(file: str, begin: int, count: int) -> Sequence[bytes]:
    data = tf.data.TFRecordDataset(file).skip(begin).take(count)
    return [bytes(record.numpy()) for record in data]


def _from_memory(records: Sequence[bytes]) -> Callable[[tf.Tensor], tf.Tensor]:
    with tf.device("CPU"):
        held = tf.constant(list(records), tf.string)
    return lambda index: held[index]


def _by_number(source: Sequence[bytes]) -> Callable[[tf.Tensor], tf.Tensor]:
    def fetch(index: np.ndarray) -> np.ndarray:
        try:
            record = source[int(index)]
        except RuntimeError as error:
            # As reading a file fails, so that it is met as a fault of the data.
            raise tf.errors.DataLossError(None, None, f"its record is damaged ({error})") from error
        # An object array: NumPy's own bytes type would drop zeros at the end of a record.
        return np.array(record, dtype=object)

    return lambda index: tf.ensure_shape(tf.numpy_function(fetch, [index], tf.string), [])
