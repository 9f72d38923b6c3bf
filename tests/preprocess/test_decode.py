import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.errors import UserError
from zoo.preprocess import MAX_PIXELS, decode_image, decode_mask, orient, picture_error
from zoo.preprocess.stored import convert_channels

RANDOM = np.random.default_rng(0)
RGB = RANDOM.integers(0, 256, (5, 7, 3), dtype=np.uint8)
ALPHA = np.dstack([RGB, RGB[..., 0]])
SMOOTH = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
SMOOTH_RGB = np.dstack([SMOOTH, SMOOTH[::-1], SMOOTH[:, ::-1]])


def picture(array):
    return Image.fromarray(array)


EXACT = {
    "png-rgb": (picture(RGB), "PNG", {}),
    "png-rgba": (picture(ALPHA), "PNG", {}),
    "png-gray": (picture(RGB[..., 0]), "PNG", {}),
    "png-gray-alpha": (picture(RGB[..., :2]), "PNG", {}),
    "png-1-bit": (picture(RGB[..., 0]).convert("1"), "PNG", {}),
    "png-palette": (picture(RGB).quantize(8), "PNG", {}),
    "png-palette-transparent": (picture(RGB).quantize(8), "PNG", {"transparency": 2}),
    "gif": (picture(RGB).quantize(8), "GIF", {}),
    "gif-first-of-two": (
        picture(RGB).quantize(8),
        "GIF",
        {"save_all": True, "append_images": [picture(255 - RGB).quantize(8)]},
    ),
    "bmp-rgb": (picture(RGB), "BMP", {}),
    "bmp-rgba": (picture(ALPHA), "BMP", {}),
    "bmp-gray": (picture(RGB[..., 0]), "BMP", {}),
    "bmp-palette": (picture(RGB).quantize(8), "BMP", {}),
    "bmp-1-bit": (picture(RGB[..., 0]).convert("1"), "BMP", {}),
    "webp-rgb": (picture(RGB), "WEBP", {"lossless": True}),
    "webp-lossy": (picture(RGB), "WEBP", {}),
    "webp-rgba": (picture(ALPHA), "WEBP", {"lossless": True, "exact": True}),
}
CLOSE = {
    "jpeg-rgb": (picture(SMOOTH_RGB), "JPEG", {"quality": 95}),
    "jpeg-gray": (picture(SMOOTH), "JPEG", {}),
    "jpeg-progressive": (picture(SMOOTH_RGB), "JPEG", {"progressive": True}),
    "jpeg-cmyk": (picture(SMOOTH_RGB).convert("CMYK"), "JPEG", {"quality": 95}),
}


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_pixels_are_pillow_s(encode, everywhere, channels, mode):
    cases = {
        name: encode(image, kind, **options)
        for name, (image, kind, options) in (EXACT | CLOSE).items()
    }
    decoded = everywhere(lambda data: decode_image(data, channels), list(cases.values()))
    for (name, data), image in zip(cases.items(), decoded, strict=True):
        expected = np.asarray(Image.open(io.BytesIO(data)).convert(mode))
        expected = expected.reshape(*expected.shape[:2], channels)
        assert image.dtype == np.uint8
        assert image.shape == expected.shape, name
        # The two libraries' versions of the inverse cosine transform differ by rounding,
        # which shows twice where black multiplies the colours.
        error = np.abs(image.astype(int) - expected).max()
        assert error <= (10 if name in CLOSE else 0), name


# 65535 / 257 = 255: 128 / 257 = 0.498, 129 / 257 = 0.502, 32767 / 257 = 127.498.
SIXTEEN = np.array([[0, 128, 129], [32767, 32768, 65535]], np.uint16)


def test_sixteen_bits_become_the_nearest_of_eight(encode, everywhere):
    data = encode(Image.fromarray(SIXTEEN), "PNG")
    (decoded,) = everywhere(lambda data: decode_image(data, 1), [data])
    assert decoded[..., 0].tolist() == [[0, 0, 1], [127, 128, 255]]


def test_a_range_of_values_is_of_sixteen_bits_alone(encode, everywhere):
    # 100 is 0 and 1120 is 255, so 4 are one: 300 is 50, 302 is 50.5, halves up; 301 is 50.25.
    deep = np.array([[0, 100, 300, 301, 302, 1120, 65535]], np.uint16)
    deep = encode(Image.fromarray(deep), "PNG")
    flat = encode(Image.fromarray(np.uint8([[0, 100, 255]])), "PNG")
    first, second = everywhere(lambda data: decode_image(data, 1, (100, 1120)), [deep, flat])
    assert first[..., 0].tolist() == [[0, 0, 50, 50, 51, 255, 255]]
    assert second[..., 0].tolist() == [[0, 100, 255]]


def test_a_real_picture_of_sixteen_bits(real_data):
    file = real_data / "oddities" / "isbi_0_predict_16bit.png"
    stored = np.asarray(Image.open(file))
    assert stored.dtype == np.uint16
    decoded = decode_image(file.read_bytes(), 1).numpy()[..., 0]
    assert np.array_equal(decoded, np.round(stored / 257))


def test_sixteen_bits_in_colour_and_with_alpha():
    random = np.random.default_rng(0)
    for channels in (1, 2, 3, 4):
        deep = random.integers(0, 2**16, (5, 7, channels), dtype=np.uint16)
        data = tf.io.encode_png(deep)
        expected = convert_channels(tf.constant(np.round(deep / 257).astype(np.uint8)), 4)
        assert np.array_equal(decode_image(data, 4), expected)


def test_the_number_of_channels_is_known_before_the_data_is():
    mapped = tf.data.Dataset.from_tensors(b"").map(lambda data: decode_image(data, 3))
    assert mapped.element_spec.shape.as_list() == [None, None, 3]


def bmp(bits, rows, palette=b"", height=2, compression=0):
    """A BMP 3 pixels wide from its rows of bytes, in the order in which they are stored."""
    pixels = b"".join(row + bytes(-len(row) % 4) for row in rows)
    offset = 54 + len(palette)
    head = struct.pack("<IiiHHIIiiII", 40, 3, height, 1, bits, compression, 0, 0, 0, 0, 0)
    return (
        b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + head + palette + pixels
    )


BLUE_GREEN_RED = bytes([255, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0]) + bytes(4 * 13)
B, G, R = [0, 0, 255], [0, 255, 0], [255, 0, 0]


def test_bmps_of_other_depths_and_directions(everywhere):
    pictures = [
        bmp(4, [bytes([0x10, 0x20]), bytes([0x01, 0x20])], BLUE_GREEN_RED),
        bmp(8, [bytes([1, 0, 2]), bytes([0, 1, 2])], BLUE_GREEN_RED),
        bmp(8, [bytes([0, 1, 2]), bytes([1, 0, 2])], BLUE_GREEN_RED, height=-2),
        bmp(24, [bytes(G[::-1] + B[::-1] + R[::-1]), bytes(B[::-1] + G[::-1] + R[::-1])]),
    ]
    for data, image in zip(pictures, everywhere(decode_image, pictures), strict=True):
        assert image.tolist() == [[B, G, R], [G, B, R]]
        assert np.array_equal(image, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


@pytest.mark.parametrize("decode", [decode_image, decode_mask])
def test_a_bomb_is_refused_for_its_claim(decode):
    with pytest.raises(tf.errors.InvalidArgumentError, match="claims more than 178,956,970"):
        decode(HUGE)


@pytest.mark.parametrize("channels", [0, 2, 5])
def test_channels_that_no_encoded_picture_has_are_refused(channels):
    with pytest.raises(UserError, match=f"cannot be decoded to {channels} channels"):
        decode_image(b"", channels)


def png(width, height, bits, colour, pixels):
    """A PNG written by hand from its uncompressed, unfiltered rows."""

    def chunk(name, content):
        checksum = zlib.crc32(name + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + name + content + checksum

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


# 66 bytes that claim 20,000 x 20,000 pixels.
HUGE = png(20_000, 20_000, 8, 0, b"\0")


def bad_pictures(encode):
    whole = {
        kind: encode(picture(RGB.repeat(9, 0).repeat(9, 1)), kind)
        for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP")
    }
    cut = {f"{kind} cut": (data[: len(data) // 2], "cut short") for kind, data in whole.items()}
    flat = bmp(24, [bytes(9)] * 2)
    frames = {"save_all": True, "append_images": [picture(255 - RGB)], "lossless": True}
    return cut | {
        "empty": (b"", "is empty"),
        "text": (b"not a picture", "is not a JPEG, PNG, BMP, GIF or WebP picture"),
        "a letter": (b"B", "is not a JPEG"),
        "huge": (HUGE, f"more than {MAX_PIXELS:,} pixels"),
        "animated": (encode(picture(RGB), "WEBP", **frames), "animated WebP"),
        "compressed bmp": (bmp(8, [b""], BLUE_GREEN_RED, compression=1), "BMP"),
        "bare bmp": (b"BM", "BMP"),
        "bmp without width": (flat[:18] + bytes(4) + flat[22:], "cut short"),
        "bare jpeg": (b"\xff\xd8\xff", "cut short"),
        "bare webp": (b"RIFF\0\0\0\0WEBPVP8X", "cut short"),
    }


def test_bad_bytes_are_refused_and_named(encode, everywhere):
    bad = bad_pictures(encode)
    pictures = [data for data, _ in bad.values()]
    for name, data in zip(bad, pictures, strict=True):
        with pytest.raises(tf.errors.InvalidArgumentError):
            print(name, decode_image(data, 3))
    mapped = tf.data.Dataset.from_tensor_slices(pictures).map(decode_image).ignore_errors()
    assert list(mapped) == []
    errors = everywhere(picture_error, pictures)
    for (name, (_, reason)), error in zip(bad.items(), errors, strict=True):
        assert reason in error.decode(), name


def test_animated_webps_are_refused_before_they_reach_the_decoder(encode):
    # The decoder of TensorFlow 2.21 would kill the process, so the flag is tested as such.
    data = encode(picture(RGB), "WEBP", save_all=True, append_images=[picture(255 - RGB)])
    with pytest.raises(tf.errors.InvalidArgumentError, match="animated WebP"):
        decode_image(data, 3)


def test_orient_turns_as_exif_defines(everywhere):
    # What the stored first row and first column are in the upright picture (Exif 2.32).
    stored = np.arange(6).reshape(2, 3, 1)
    turned = stored.transpose(1, 0, 2)
    upright = [
        stored,
        stored[:, ::-1],
        stored[::-1, ::-1],
        stored[::-1],
        turned,
        turned[:, ::-1],
        turned[::-1, ::-1],
        turned[::-1],
    ]
    images = everywhere(lambda value: orient(tf.constant(stored), value), list(range(1, 9)))
    for image, expected in zip(images, upright, strict=True):
        assert np.array_equal(image, expected)


def test_a_palette_mask_gives_its_indices(encode, everywhere):
    masks = []
    for colours in (2, 3, 10, 200):
        for options in ({}, {"bits": 8}, {"transparency": 1}, {"transparency": bytes([0, 128])}):
            mask = picture(RANDOM.integers(0, colours, (20, 30), dtype=np.uint8))
            mask.putpalette(RANDOM.integers(0, 256, 3 * colours, dtype=np.uint8).tobytes())
            masks.append(encode(mask, "PNG", **options))
    # Colour type 3, and every depth there is.
    assert {data[25] for data in masks} == {3}
    assert {data[24] for data in masks} == {1, 2, 4, 8}
    for data, ids in zip(masks, everywhere(decode_mask, masks), strict=True):
        assert np.array_equal(ids, np.asarray(Image.open(io.BytesIO(data))))


def gray_png(bits, rows):
    return png(4, len(rows), bits, 0, b"".join(b"\0" + row for row in rows))


def test_a_gray_mask_gives_its_stored_samples(everywhere):
    masks = {
        gray_png(1, [bytes([0b01100000])]): [[0, 1, 1, 0]],
        gray_png(2, [bytes([0b00011011])]): [[0, 1, 2, 3]],
        gray_png(4, [bytes([0x0F, 0x12])]): [[0, 15, 1, 2]],
        gray_png(8, [bytes([0, 1, 254, 255])]): [[0, 1, 254, 255]],
        gray_png(16, [bytes([0, 0, 0, 1, 0, 254, 0, 255])]): [[0, 1, 254, 255]],
    }
    ids = everywhere(decode_mask, list(masks))
    assert [mask.tolist() for mask in ids] == list(masks.values())


def test_a_mask_with_alpha_drops_it(encode):
    data = encode(picture(RGB[..., :2]), "PNG")
    assert np.array_equal(decode_mask(data), RGB[..., 0])


@pytest.mark.parametrize(
    "name", ["colours", "alpha", "wide ids", "jpeg", "empty", "cut", "wrong checksum", "huge"]
)
def test_what_is_no_mask_is_refused(encode, name):
    palette = encode(picture(RGB).quantize(8), "PNG")
    data = {
        "colours": encode(picture(RGB), "PNG"),
        "alpha": encode(picture(ALPHA), "PNG"),
        "wide ids": gray_png(16, [bytes([0, 0, 0, 1, 1, 0, 0, 255])]),
        "jpeg": encode(picture(RGB), "JPEG"),
        "empty": b"",
        "cut": palette[: len(palette) // 2],
        "wrong checksum": palette[:29] + bytes([palette[29] ^ 1]) + palette[30:],
        "huge": HUGE,
    }[name]
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_mask(data)
