"""Pictures that would take too much memory, told by their number and their headers."""

import heapq
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from zoo.preprocess import read_header
from zoo.serving.limits import MEGABYTE, Limits, processors
from zoo.serving.status import invalid
from zoo.values import MAX_PIXELS

_PNG = b"\x89PNG\r\n\x1a\n"
_STARTS = (b"\xff\xd8\xff", _PNG, b"GIF8", b"RIFF", b"BM")
_HEADER_OF_BMP = 26
_RANK_OF_PICTURES = 4
# Of a PNG's header (RFC 2083): how deep its samples are, what they mean, and how many channels
# of each meaning there are; a palette is decoded to three.
_PLACE_OF_DEPTH, _PLACE_OF_COLOURS = 24, 25
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
# A BMP has a palette where a pixel has at most 8 bits; that is looked up as whole numbers.
_BITS_OF_BMP = slice(28, 30)
_BITS_OF_PALETTE, _BYTES_OF_PALETTE = 8, 12
# As measured: four classes are scaled at a time, as float32, and compared. tf.map_fn makes a mask
# on each processor at a time, and ten at most.
_BYTES_OF_MASK, _MASKS_AT_A_TIME = 24, 10


@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def _size(data: tf.Tensor) -> tf.Tensor:
    return read_header(data).size


class PictureLimits:
    """Refuses pictures by number and by what their headers claim, before anything decodes them.

    A picture of more than ``MAX_PIXELS`` is left to the graph: a zoo model's marks its row alone,
    and TensorFlow's own decoders take no larger ones.

    Args:
        limits: ``max_batch``, ``max_pixels`` and ``max_memory`` count.
    """

    def __init__(self, limits: Limits):
        self._limits = limits
        # Traced now, not when the first picture comes.
        _size(tf.constant(b""))

    def check(self, tensors: Iterable[np.ndarray], with_masks: bool = False) -> None:
        """Looks at the tensors of a request.

        Args:
            tensors: Of any types.
            with_masks: Whether each picture is answered with a mask of its own size.

        Raises:
            ServingError: INVALID_ARGUMENT, if they are too many pictures or strings, or too
                large.
        """
        decoded, sizes = 0, []
        for tensor in tensors:
            count = _examples(tensor)
            if count > self._limits.max_batch:
                raise invalid(
                    f"The request has {count:,} pictures or strings; this server takes "
                    f"{self._limits.max_batch:,} at a time (--max-batch)"
                )
            for number, data in enumerate(_strings(tensor)):
                if _is_picture(data):
                    sizes.append(self._pixels(number, data))
                    decoded += sizes[-1] * _bytes_of_pixel(data)
                    self._bound(decoded, "decoded")
        if with_masks:
            # They are made when what was decoded is gone.
            largest = heapq.nlargest(min(_MASKS_AT_A_TIME, processors()), sizes)
            self._bound(sum(largest) * _BYTES_OF_MASK, "while their masks are made")

    def _bound(self, memory: int, when: str) -> None:
        if memory > self._limits.max_memory:
            raise invalid(
                f"The request's pictures take {memory / MEGABYTE:,.0f} MB {when}; this server "
                f"has {self._limits.max_memory / MEGABYTE:,g} MB for them (--max-memory)"
            )

    def _pixels(self, number: int, data: bytes) -> int:
        height, width = _size(tf.constant(data)).numpy().tolist()
        if height * width > MAX_PIXELS:
            return 0
        if height * width > self._limits.max_pixels:
            raise invalid(
                f"Picture {number} claims {width} x {height} pixels; this server takes "
                f"{self._limits.max_pixels:,} at most (--max-pixels)"
            )
        return height * width


def _examples(tensor: np.ndarray) -> int:
    # A graph may make a picture of any string, and of each picture one of its own input's size.
    if tensor.dtype == object:
        return tensor.size
    return len(tensor) if tensor.ndim >= _RANK_OF_PICTURES else 0


def _strings(tensor: np.ndarray) -> Iterable[bytes]:
    return tensor.ravel().tolist() if tensor.dtype == object else []


def _bytes_of_pixel(data: bytes) -> int:
    """Returns what a pixel takes while it is decoded, as measured of zoo models' graphs."""
    if data.startswith(b"BM") and int.from_bytes(data[_BITS_OF_BMP], "little") <= _BITS_OF_PALETTE:
        return _BYTES_OF_PALETTE
    if not data.startswith(_PNG) or len(data) <= _PLACE_OF_COLOURS:
        return 3
    depth, colours = data[_PLACE_OF_DEPTH], data[_PLACE_OF_COLOURS]
    channels = _CHANNELS.get(colours, 4)
    if depth == 16:
        return 6 * channels + 3
    return 3 if channels == 3 else 2 * channels + 5


def _is_picture(data: bytes) -> bool:
    if not data.startswith(_STARTS):
        return False
    # Any text may begin with BM; of a BMP four bytes are reserved, and 0.
    return data[:2] != b"BM" or (len(data) >= _HEADER_OF_BMP and data[6:10] == bytes(4))
