import io
import itertools
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from zoo.preprocess import decode_image, orientation, read_header

# 5 x 7 blocks of 8 pixels, all different, so that JPEG keeps them apart and every turn shows.
BLOCKS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
PIXELS = BLOCKS.repeat(8, axis=0).repeat(8, axis=1)

_read = tf.function(read_header, input_signature=[tf.TensorSpec([], tf.string)])


def tiff(value, order="<", tag=0x0112, kind=3, count=1):
    """A TIFF block with one entry before and one after the orientation."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    value = struct.pack(order + ("HH" if kind == 3 else "I"), *([value, 0][: 3 - kind // 2]))
    entries = [
        struct.pack(order + "HHI", 0x0100, 4, 1) + struct.pack(order + "I", 8),
        struct.pack(order + "HHI", tag, kind, count) + value,
        struct.pack(order + "HHI", 0x0213, 3, 1) + struct.pack(order + "HH", 6, 0),
    ]
    return mark + struct.pack(order + "IH", 8, len(entries)) + b"".join(entries) + bytes(4)


def segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg_with(encode, *segments):
    plain = encode(Image.fromarray(PIXELS), "JPEG", quality=95)
    return plain[:2] + b"".join(segments) + plain[2:]


def png_chunk(name, content):
    checksum = zlib.crc32(name + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + name + content + checksum


def with_orientation(encode, kind, block):
    """The picture as a JPEG, PNG or WebP that carries this TIFF block."""
    if kind == "JPEG":
        return jpeg_with(encode, segment(0xE1, b"Exif\0\0" + block))
    if kind == "PNG":
        plain = encode(Image.fromarray(PIXELS), "PNG")
        return plain[:33] + png_chunk(b"eXIf", block) + plain[33:]
    return encode(Image.fromarray(PIXELS), "WEBP", lossless=True, exif=block)


def test_pictures_stand_upright_as_pillow_turns_them(encode, everywhere):
    cases = list(itertools.product(("JPEG", "PNG", "WEBP"), "<>", range(1, 9)))
    pictures = [with_orientation(encode, kind, tiff(value, order)) for kind, order, value in cases]
    assert everywhere(orientation, pictures) == [value for _, _, value in cases]
    decoded = everywhere(lambda data: decode_image(data, 3), pictures)
    for data, image, (kind, order, value) in zip(pictures, decoded, cases, strict=True):
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        assert image.shape == ((40, 56, 3) if value < 5 else (56, 40, 3)), (kind, order, value)
        error = np.abs(image.astype(int) - np.asarray(upright)).max()
        # The two libraries' versions of the inverse cosine transform differ by rounding.
        assert error <= (5 if kind == "JPEG" else 0), (kind, order, value)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_pictures_without_exif_are_upright(encode, kind):
    assert orientation(encode(Image.fromarray(PIXELS), kind)).numpy() == 1


def test_segments_before_exif_and_fill_bytes_are_passed(encode):
    exif = segment(0xE1, b"Exif\0\0" + tiff(6))
    other = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")
    comment = segment(0xFE, b"Exif\0\0" + tiff(3))
    data = jpeg_with(encode, segment(0xE0, b"JFIF\0"), comment, other, b"\xff\xff\xff" + exif)
    assert orientation(data).numpy() == 6
    assert decode_image(data, 3).shape == (56, 40, 3)


def test_a_chunk_after_the_pixels_counts(encode):
    plain = encode(Image.fromarray(PIXELS), "PNG")
    data = plain[:-12] + png_chunk(b"eXIf", tiff(8)) + plain[-12:]
    assert orientation(data).numpy() == 8


def test_webp_chunks_of_odd_length_are_padded(encode):
    options = {"lossless": True, "icc_profile": b"odd", "exif": tiff(7)}
    assert orientation(encode(Image.fromarray(PIXELS), "WEBP", **options)).numpy() == 7


def test_a_webp_chunk_may_repeat_the_jpeg_prefix(encode):
    data = with_orientation(encode, "WEBP", b"Exif\0\0" + tiff(5, ">"))
    assert orientation(data).numpy() == 5


def test_odd_exif_blocks(encode, everywhere):
    blocks = {
        tiff(0): 1,
        tiff(9): 1,
        tiff(65535): 1,
        tiff(6, kind=4): 6,
        tiff(6, ">", kind=4): 6,
        tiff(6, count=2): 1,
        tiff(6, tag=0x0113): 1,
        b"XX" + tiff(6)[2:]: 1,
        # A directory beyond the end, more entries than there are, an entry cut short.
        tiff(6)[:4] + b"\xff\xff\xff\xff" + tiff(6)[8:]: 1,
        tiff(6)[:8] + b"\xff\xff" + tiff(6)[10:]: 6,
        tiff(6)[:30]: 1,
        b"": 1,
    }
    pictures = [with_orientation(encode, "JPEG", block) for block in blocks]
    assert everywhere(orientation, pictures) == list(blocks.values())


def test_the_claimed_size_is_the_picture_s(encode, everywhere):
    cases = list(
        itertools.product(("JPEG", "PNG", "GIF", "BMP", "WEBP"), [(1, 1), (40, 56), (3, 700)])
    )
    pictures = [encode(Image.new("RGB", size[::-1]), kind) for kind, size in cases]
    headers = everywhere(read_header, pictures)
    assert [tuple(header.size.tolist()) for header in headers] == [size for _, size in cases]


def test_the_claimed_size_of_every_webp_layout(encode):
    picture = Image.new("RGB", (301, 17))
    for options in ({}, {"lossless": True}, {"exif": tiff(3)}, {"lossless": True, "exif": b"x"}):
        assert read_header(encode(picture, "WEBP", **options)).size.numpy().tolist() == [17, 301]


def test_top_down_bmps_claim_their_height(encode):
    data = encode(Image.new("RGB", (7, 5)), "BMP")
    assert read_header(data[:22] + struct.pack("<i", -5) + data[26:]).size.numpy().tolist() == [
        5,
        7,
    ]


HEADS = [
    b"",
    b"\xff\xd8\xff",
    b"\xff\xd8" + segment(0xE1, b"Exif\0\0" + tiff(6))[:40],
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\0\0\0\0WEBP",
    b"RIFF\0\0\0\0WEBPEXIF",
    b"GIF89a",
    b"BM",
]


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.sampled_from(HEADS), st.binary(max_size=200))
def test_no_bytes_make_reading_the_header_raise(head, tail):
    header = _read(head + tail)
    assert 1 <= header.orientation.numpy() <= 8
    assert (header.size.numpy() >= 0).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_no_truncation_makes_reading_the_header_raise(encode, kind):
    data = with_orientation(encode, kind, tiff(6))
    found = [int(_read(data[:length]).orientation) for length in range(0, len(data), 7)]
    assert set(found) <= {1, 6}
    assert orientation(data).numpy() == 6


def test_endless_segments_end():
    # A megabyte of fill bytes, and of empty chunks: the walk gives up instead of crawling.
    assert _read(b"\xff\xd8" + b"\xff" * 2**20).orientation.numpy() == 1
    chunks = png_chunk(b"tEXt", b"") * 2**16 + png_chunk(b"eXIf", tiff(6))
    assert _read(b"\x89PNG\r\n\x1a\n" + chunks).orientation.numpy() == 1


@pytest.mark.parametrize(
    "length", [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff\xff\xff\xfe"]
)
def test_lengths_that_overflow_end_the_walk(length):
    assert orientation(b"\x89PNG\r\n\x1a\n" + length + b"tEXt" + bytes(40)).numpy() == 1
    assert orientation(b"\x89PNG\r\n\x1a\n" + length + b"eXIf" + tiff(6)).numpy() in (1, 6)
    assert orientation(b"RIFF\0\0\0\0WEBPJUNK" + length[::-1] + bytes(40)).numpy() == 1
