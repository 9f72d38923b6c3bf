"""Encoded pictures that would take too much memory, told by their headers."""

from collections.abc import Iterable

import tensorflow as tf

from zoo.preprocess import read_header
from zoo.serving.status import invalid

_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF", b"BM")
_HEADER_OF_BMP = 26


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def _size(data: tf.Tensor) -> tf.Tensor:
    return read_header(data).size


class PixelLimit:
    """Refuses pictures by the size that their headers claim, before anything decodes them.

    A zoo model's own graph does so for its row alone; this holds for any model that is served,
    and for a lower limit.

    Args:
        pixels: How many a picture may have.
    """

    def __init__(self, pixels: int):
        self._pixels = pixels
        # Traced now, not when the first picture comes.
        _size(tf.constant(b""))

    def check(self, strings: Iterable[bytes]) -> None:
        """Looks at each string that begins as a picture does.

        Raises:
            ServingError: INVALID_ARGUMENT for the first that is too large.
        """
        for number, data in enumerate(strings):
            if not _is_picture(data):
                continue
            height, width = _size(tf.constant(data)).numpy().tolist()
            if height * width > self._pixels:
                raise invalid(
                    f"Picture {number} claims {width} x {height} pixels; this server takes "
                    f"{self._pixels:,} at most"
                )


def _is_picture(data: bytes) -> bool:
    if not data.startswith(_STARTS):
        return False
    # Any text may begin with BM; of a BMP four bytes are reserved, and 0.
    return data[:2] != b"BM" or (len(data) >= _HEADER_OF_BMP and data[6:10] == bytes(4))
