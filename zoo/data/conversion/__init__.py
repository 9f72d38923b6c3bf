"""Pictures that TensorFlow does not decode: read once, and kept as what it does.

TIFF and NumPy files are read by their own libraries, brought to 0..255 by a stated rule and
written to an ArrayRecord beside the runs, from which they are read by number. JPEG, PNG, BMP,
GIF and WebP are never converted.
"""

from zoo.data.conversion.convert import Converted, convert
from zoo.data.conversion.reading import (
    FOREIGN,
    Samples,
    UnreadableError,
    foreign_header,
    foreign_kind,
    is_deep_png,
    picture_in,
    picture_or_array,
    read_samples,
)

__all__ = [
    "FOREIGN",
    "Converted",
    "Samples",
    "UnreadableError",
    "convert",
    "foreign_header",
    "foreign_kind",
    "is_deep_png",
    "picture_in",
    "picture_or_array",
    "read_samples",
]
