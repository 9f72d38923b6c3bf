"""Pictures that lie in arrays, one after the other: their layout, values and reading by number."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.data.files.example import Example
from zoo.data.findings import Finding, Reason, decision
from zoo.errors import UserError
from zoo.values import to_bytes

# Above it the rows are read from the file each time, where they are not compressed.
_HELD_BYTES = 2 * 1024**3
# Channels before height and width are told by being so few.
_CHANNELS_FIRST = 16
_SLACK = 0.5 / 255
_CHUNK = 1024

Values = tuple[float, float]


def as_pictures(array: np.ndarray, name: str) -> np.ndarray:
    """Returns an array of pictures as [n, h, w, c]; a view, nothing is read.

    Args:
        array: [n, h, w], [n, h, w, c], or [n, c, h, w] with c of at most 16 and below h and w.
        name: Of the array, for messages.

    Raises:
        UserError: If it is none of these, or of no numbers.
    """
    if array.dtype.kind not in "buif":
        raise UserError(f"{name} holds {array.dtype}, not the integers or floats of pictures")
    if array.ndim == 3:
        array = array[..., np.newaxis]
    if array.ndim != 4 or 0 in array.shape[1:]:
        raise UserError(
            f"{name} has the shape {list(array.shape)}; pictures are [n, height, width] or "
            "[n, height, width, channels]"
        )
    if array.shape[1] <= _CHANNELS_FIRST < min(array.shape[2:]):
        return array.transpose(0, 2, 3, 1)
    return array


def range_of(arrays: Mapping[str, np.ndarray]) -> tuple[Values, list[Finding]]:
    """Says what of the values in arrays becomes 0 and what 255, as for picture files.

    8 bits stay as they are; 16 bits and 8 with a sign have the full range of their integers.
    Wider integers and floats are looked into: 0..1 of floats, else 0..255.

    Args:
        arrays: By name; all are taken alike.

    Returns:
        The range, and the finding that says it where there is a choice.

    Raises:
        UserError: If the values lie outside of 0..255.
    """
    dtypes = {array.dtype for array in arrays.values()}
    names = " and ".join(arrays)
    if len(dtypes) > 1:
        text = ", ".join(sorted(map(str, dtypes)))
        raise UserError(f"{names} are of the types {text}; save them as one")
    dtype = dtypes.pop()
    if dtype.kind == "b":
        return (0.0, 1.0), []
    if dtype.kind in "ui" and dtype.itemsize <= 2:
        limits = np.iinfo(dtype)
        whole = (float(limits.min), float(limits.max))
        if dtype == np.uint8:
            return whole, []
        text = f"{names} are {dtype}: {whole[0]:g} becomes 0 and {whole[1]:g} becomes 255"
        return whole, [decision(f"{text}; say values in data.options for another range")]
    filled = [array for array in arrays.values() if array.size]
    low = min((float(array.min()) for array in filled), default=0.0)
    high = max((float(array.max()) for array in filled), default=0.0)
    if dtype.kind == "f" and low >= -_SLACK and high <= 1 + _SLACK:
        chosen = (0.0, 1.0)
    elif low >= 0 and high <= 255:
        chosen = (0.0, 255.0)
    else:
        raise UserError(
            f"{names} hold {dtype} from {low:g} to {high:g}: say what becomes 0 and what 255 in "
            f"data.options, as in values=[{low:g}, {high:g}]"
        )
    return chosen, [
        decision(
            f"{names} hold {dtype} from {low:g} to {high:g}, taken as "
            f"{chosen[0]:g} to {chosen[1]:g}; say values in data.options for another range"
        )
    ]


def as_bytes(samples: np.ndarray, values: Values) -> np.ndarray:
    """Brings samples to 0..255, as `zoo.values.to_bytes` does; those of 8 bits as they are."""
    if samples.dtype == np.uint8 and values == (0.0, 255.0):
        return np.asarray(samples)
    return to_bytes(samples, values)


def file_of(part: str, row: int) -> str:
    """Returns what the example of an array's row is called below the data set."""
    return f"{part}/{row}"


def row_of(file: str) -> tuple[str, int]:
    """Returns the array and the row that `file_of` made a name of."""
    part, _, row = file.rpartition("/")
    return part, int(row)


@dataclass(frozen=True)
class ArrayPictures:
    """Pictures in arrays: a `Store` whose examples are called as `file_of` calls them.

    Attributes:
        arrays: [n, h, w, c] of any numbers, by name.
        values: What becomes 0, and what 255.
    """

    arrays: Mapping[str, np.ndarray]
    values: Values

    @property
    def findings(self) -> Sequence[Finding]:
        """See `Store`."""
        return ()

    def as_stored(self, example: Example) -> bool:
        """Returns whether a picture's bytes are those of a file: never."""
        del example
        return False

    def fault(self, example: Example) -> Reason | None:
        """See `Store`; an array in memory has none."""
        return None

    def picture(self, file: str) -> np.ndarray:
        """Returns uint8 [h, w, c]."""
        part, row = row_of(file)
        return as_bytes(self.arrays[part][row], self.values)

    def digests(self, examples: Sequence[Example]) -> list[bytes]:
        """See `Store`; of the pixels."""
        return [
            hashlib.blake2b(self.picture(one.file).tobytes(), digest_size=16).digest()
            for one in examples
        ]

    def reader(self, examples: Sequence[Example]) -> Callable[[Any], Any]:
        """See `Store`; gives uint8 [h, w, c]."""
        import tensorflow as tf

        rows = [row_of(example.file) for example in examples]
        shapes = {self.arrays[part].shape[1:] for part, _ in rows}
        channels = {shape[-1] for shape in shapes}
        if len(channels) > 1:
            raise UserError(
                f"{' and '.join(self.arrays)} have {' and '.join(map(str, sorted(channels)))} "
                "channels; all pictures of a split need as many"
            )
        if len(shapes) == 1 and len(rows) * math.prod(next(iter(shapes))) <= _HELD_BYTES:
            return _held(self._gathered(rows))
        files = [example.file for example in examples]

        def fetch(index: np.ndarray) -> np.ndarray:
            return self.picture(files[int(index)])

        shape = [None, None, channels.pop()]
        return lambda index: tf.ensure_shape(tf.numpy_function(fetch, [index], tf.uint8), shape)

    def _gathered(self, rows: Sequence[tuple[str, int]]) -> np.ndarray:
        pictures = np.empty((len(rows), *self.arrays[rows[0][0]].shape[1:]), np.uint8)
        # Some at a time: converting takes eight bytes a number.
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            for part in {part for part, _ in chunk}:
                of_part = [(at, row) for at, (one, row) in enumerate(chunk, start) if one == part]
                places, numbers = map(list, zip(*of_part, strict=True))
                pictures[places] = as_bytes(self.arrays[part][numbers], self.values)
        return pictures


def _held(pictures: np.ndarray) -> Callable[[Any], Any]:
    import tensorflow as tf

    # On the host: batches are gathered there.
    with tf.device("CPU"):
        tensor = tf.constant(np.ascontiguousarray(pictures))
    return lambda index: tensor[index]


@dataclass(frozen=True)
class ArrayMask:
    """A mask that is a row of an array.

    Attributes:
        array: [n, h, w] of whole numbers.
        row: Which one.
        name: Of the array, for messages.
    """

    array: np.ndarray
    row: int
    name: str

    def __str__(self) -> str:
        return f"{self.name}[{self.row}]"

    def render(self, size: tuple[int, int]) -> np.ndarray:
        """See `RenderedMask`."""
        del size
        mask = np.asarray(self.array[self.row])
        if mask.dtype != np.uint8 and (mask.min() < 0 or mask.max() > 255 or (mask % 1).any()):
            raise ValueError("holds something else than ids, whole numbers from 0 to 255")
        return np.ascontiguousarray(mask.astype(np.uint8))
