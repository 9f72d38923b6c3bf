"""What a picture's pixels may be, and how samples of more than 8 bits become 0..255.

Needs NumPy alone: converting pictures starts no TensorFlow.
"""

import functools
import math
from typing import Any

import numpy as np

from zoo.errors import UserError

Values = tuple[float, float]

CHANNELS = (1, 3, 4)
"""The numbers of channels that an encoded picture can be decoded to."""

MAX_PIXELS = 178_956_970
"""The largest picture that is decoded, in pixels (what Pillow too takes for a bomb)."""

SIXTEEN_BITS: Values = (0.0, 65535.0)


def to_bytes(samples: np.ndarray, values: Values) -> np.ndarray:
    """Maps a range of values to 0..255: rounded, halves up, and clipped.

    Args:
        samples: Of any shape, integers or floats; what is not a number becomes 0.
        values: What becomes 0, and what becomes 255.

    Returns:
        uint8, of the same shape.

    Example:
        >>> to_bytes(np.array([0, 128, 65535]), SIXTEEN_BITS)
        array([  0,   0, 255], dtype=uint8)
    """
    low, high = values
    # Double precision: single would put large integers half a step off.
    scaled = samples.astype(np.float64)
    scaled -= low
    scaled *= 255.0 / (high - low)
    scaled += 0.5
    np.floor(scaled, out=scaled)
    np.clip(scaled, 0.0, 255.0, out=scaled)
    return np.nan_to_num(scaled, copy=False).astype(np.uint8)


def checked_values(values: Any) -> Values:
    """Returns a range of values as numbers.

    Raises:
        UserError: If it is no two finite numbers of which the second is the larger.
    """
    try:
        low, high = (float(value) for value in values)
    except (TypeError, ValueError):
        low, high = math.nan, math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(
            f"values={values!r} is no range of values; give what becomes 0 and what becomes "
            "255, as in values=[0, 4095]"
        )
    return low, high


@functools.cache
def bytes_of_sixteen_bits(values: Values = SIXTEEN_BITS) -> np.ndarray:
    """Returns what ``to_bytes`` makes of each 16-bit number: uint8 [65536]."""
    return to_bytes(np.arange(2**16), values)
