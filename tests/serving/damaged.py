"""Pictures of every kind that is read, and ways to damage them, for hypothesis to choose from."""

import io
import zlib

import numpy as np
from hypothesis import strategies as st
from PIL import Image

_PIXELS = np.random.default_rng(0).integers(0, 256, (10, 12, 3), np.uint8)
_DEEP = _PIXELS[..., 0].astype(np.uint16) * 257


def _encoded(pixels, kind, mode="RGB", **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def _turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


_TWO = {"save_all": True, "append_images": [Image.fromarray(255 - _PIXELS)]}
GOOD = {
    "jpeg": _encoded(_PIXELS, "JPEG"),
    "jpeg, progressive": _encoded(_PIXELS, "JPEG", progressive=True),
    "jpeg, gray, on its side": _encoded(_PIXELS, "JPEG", "L", exif=_turned()),
    "jpeg, cmyk": _encoded(_PIXELS, "JPEG", "CMYK"),
    "png": _encoded(_PIXELS, "PNG"),
    "png, palette": _encoded(_PIXELS, "PNG", "P"),
    "png, 16 bits": _encoded(_DEEP, "PNG", "I;16"),
    "webp": _encoded(_PIXELS, "WEBP"),
    "webp, lossless": _encoded(_PIXELS, "WEBP", "RGBA", lossless=True),
    "gif": _encoded(_PIXELS, "GIF"),
    "gif, two frames": _encoded(_PIXELS, "GIF", **_TWO),
    "bmp": _encoded(_PIXELS, "BMP"),
    "bmp, palette": _encoded(_PIXELS, "BMP", "P"),
}
ANIMATED_WEBP = _encoded(_PIXELS, "WEBP", **_TWO)


def _claiming(data, width, height):
    """Returns a picture whose header says another size than it has."""
    if data.startswith(b"\x89PNG"):
        head = data[12:16] + width.to_bytes(4) + height.to_bytes(4) + data[24:29]
        return data[:12] + head + zlib.crc32(head).to_bytes(4) + data[33:]
    if data.startswith(b"GIF"):
        size = width.to_bytes(2, "little") + height.to_bytes(2, "little")
        return data[:6] + size + data[10:]
    if data.startswith(b"BM"):
        return data[:18] + width.to_bytes(4, "little") + height.to_bytes(4, "little") + data[26:]
    frame = max(data.find(b"\xff\xc0\0"), data.find(b"\xff\xc2\0"))
    return data[: frame + 5] + height.to_bytes(2) + width.to_bytes(2) + data[frame + 9 :]


_good = st.sampled_from(list(GOOD.values()))
_fractions = st.floats(0, 1, exclude_max=True)


@st.composite
def _flipped(draw):
    data = bytearray(draw(st.one_of(_good, st.just(ANIMATED_WEBP))))
    for place in draw(st.lists(_fractions, min_size=1, max_size=8)):
        # Half of them in the header, where a bit means most.
        reach = draw(st.sampled_from([min(len(data), 64), len(data)]))
        data[int(place * reach)] ^= 1 << draw(st.integers(0, 7))
    return bytes(data)


@st.composite
def _spliced(draw):
    first, second = draw(_good), draw(st.one_of(_good, st.just(ANIMATED_WEBP)))
    start, end = (int(draw(_fractions) * len(data)) for data in (first, second))
    return first[:start] + draw(st.binary(max_size=6)) + second[end:]


_cut = st.builds(lambda data, share: data[: int(share * len(data) / 2)], _good, _fractions)
_noise = st.builds(
    lambda data, begin, noise: data[:begin] + noise,
    _good,
    st.sampled_from([0, 2, 3, 8, 16]),
    st.binary(max_size=200),
)
_too_large = st.builds(
    _claiming,
    st.sampled_from([data for name, data in GOOD.items() if "webp" not in name]),
    st.integers(20_000, 65_535),
    st.integers(20_000, 65_535),
)
# In a WebP's sizes there is no room for as much as is refused.

unreadable = st.one_of(st.just(b""), st.just(ANIMATED_WEBP), _cut, _too_large)
"""What cannot be read as a picture."""

doubtful = st.one_of(_flipped(), _spliced(), _noise)
"""What may be readable, or not."""
