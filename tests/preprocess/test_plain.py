"""Plain pictures and masks read outside of the graph are what it would read, to the bit."""

import io
import itertools
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zoo.preprocess import Preprocessing, decode_mask, plain
from zoo.preprocess.decode import decode_reduced
from zoo.preprocess.geometry import FITS

_RATIOS = {1: None, 2: lambda size: 2, 4: lambda size: 4, 8: lambda size: 8}


def encoded(pixels, kind="JPEG", **options):
    file = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(
        file, kind, **options
    )
    return file.getvalue()


def picture(random, height, width, channels=3):
    """Random shapes, smooth and with edges."""
    small = random.integers(0, 256, (height // 9 + 1, width // 9 + 1, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((width, height))
    return np.asarray(image if channels == 3 else image.convert("L"))


@given(
    seed=st.integers(0, 2**32),
    channels=st.sampled_from([1, 3]),
    wanted=st.sampled_from([1, 3]),
    ratio=st.sampled_from(list(_RATIOS)),
    subsampling=st.integers(0, 2),
    progressive=st.booleans(),
    restart=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_jpegs_are_decoded_to_the_bit(
    seed, channels, wanted, ratio, subsampling, progressive, restart
):
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 70, 2).tolist()
    data = encoded(
        picture(random, height, width, channels),
        quality=int(random.integers(1, 101)),
        progressive=progressive,
        restart_marker_blocks=restart,
        **({"subsampling": subsampling} if channels == 3 else {}),
    )
    expected = decode_reduced(data, wanted, None, _RATIOS[ratio])
    # Pillow's gray of a coloured picture is none of libjpeg's.
    assert bool(expected.plain) == (channels <= wanted)
    if expected.plain:
        assert expected.ratio == ratio
        found = plain.decode_picture(data, wanted, (height, width), ratio)
        if found is not None or ratio == 1:
            np.testing.assert_array_equal(found, expected.image)


@pytest.mark.parametrize("ratio", [2, 4, 8])
def test_small_jpegs_are_decoded_to_the_bit_or_left_to_others(ratio):
    """Where both sides are short, several scales give the size that is asked for."""
    random = np.random.default_rng(ratio)
    for size in itertools.product(range(1, 18), repeat=2):
        data = encoded(picture(random, *size), quality=95)
        found = plain.decode_picture(data, 3, size, ratio)
        assert (found is None) == (max(size) < 8)
        if found is not None:
            expected = decode_reduced(data, 3, None, _RATIOS[ratio])
            np.testing.assert_array_equal(found, expected.image)


@given(
    seed=st.integers(0, 2**32),
    fit=st.sampled_from(FITS),
    ratio=st.sampled_from([1, 2, 8]),
    channels=st.sampled_from([1, 3]),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_pictures_are_scaled_to_the_bit(seed, fit, ratio, channels):
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (*random.integers(1, 90, 2), channels), dtype=np.uint8)
    rows, columns = random.integers(1, 40, 2).tolist()
    target = (rows, columns)
    # Sides that this part of the picture's size may have been rounded up from.
    size = np.maximum(ratio * np.array(pixels.shape[:2]) - random.integers(0, ratio, 2), 1)
    place = Preprocessing(target, channels, fit).geometry(tf.constant(size))
    scale, shift = place.scaling(tf.constant(ratio))
    expected = tf.raw_ops.ScaleAndTranslate(
        images=pixels[np.newaxis], size=target, scale=scale, translation=shift,
        kernel_type="triangle", antialias=True,
    )[0]  # fmt: skip
    found = plain.fit_picture(pixels, target, scale.numpy(), shift.numpy())
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, tf.round(expected))


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(75, 100), (100, 40), (8, 9)])
def test_a_jpeg_and_its_mask_become_what_preparing_makes_of_them(fit, size):
    random = np.random.default_rng(sum(size))
    data = encoded(picture(random, *size), quality=90)
    ids, table = random.integers(0, 200, size, dtype=np.uint8), random.permutation(256)
    preprocessing = Preprocessing((24, 20), fit=fit)
    example = {"image": tf.constant(data), "mask": tf.constant(table[ids], tf.uint8)}
    expected, origin = preprocessing.prepare_with_origin(example)
    assert origin.size.numpy().tolist() == list(size)
    # (100, 40) to (24, 20): 3 * 100 // 24 is 12 and 3 * 40 // 20 is 6, of which 8 are wanted.
    place = preprocessing.geometry(origin.size)
    scale, shift = place.scaling(origin.ratio)
    pixels = plain.decode_picture(data, 3, size, int(origin.ratio))
    assert pixels is not None
    found = plain.fit_picture(pixels, preprocessing.size, scale.numpy(), shift.numpy())
    np.testing.assert_array_equal(found, expected["image"])
    rows, columns = (one.numpy() for one in place.sources(preprocessing.size))
    found = plain.fit_mask(ids, rows, columns, lambda ids: table[ids])
    np.testing.assert_array_equal(found, expected["mask"])


def palette(ids, **options):
    image = Image.fromarray(ids)
    image.putpalette(np.random.default_rng(0).integers(0, 256, 768, dtype=np.uint8).tobytes())
    return encoded(image, "PNG", bits=8, **options)


def interlaced(ids):
    """A gray PNG of seven passes, which Pillow reads but does not write (PNG, section 8.1)."""
    height, width = ids.shape
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
    lines = b"".join(
        b"\0" + row.tobytes()
        for top, left, down, across in [*passes, (1, 0, 2, 1)]
        for row in ids[top::down, left::across]
    )
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1)),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    )
    framed = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


IDS = np.random.default_rng(1).integers(0, 256, (9, 13), dtype=np.uint8)


@pytest.mark.parametrize(
    "data",
    [
        encoded(IDS, "PNG"),
        encoded(IDS, "PNG", transparency=7, gamma=0.5, dpi=(72, 72)),
        palette(IDS),
        palette(IDS, transparency=3),
        interlaced(IDS),
    ],
    ids=["gray", "transparent gray", "palette", "transparent palette", "interlaced"],
)
def test_masks_give_their_ids_without_a_word(data, capfd):
    found = plain.decode_mask(data, (9, 13))
    np.testing.assert_array_equal(found, IDS)
    # libpng complains of a palette in a gray picture.
    assert capfd.readouterr().err == ""
    np.testing.assert_array_equal(decode_mask(data), IDS)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        encoded(IDS, "PNG")[:40],
        encoded(IDS, "PNG")[:-30],
        encoded(Image.fromarray(IDS // 128 * 255).convert("1"), "PNG"),
        encoded(IDS.astype(np.uint16) * 256, "PNG"),
        encoded(np.stack([IDS] * 3, -1), "PNG"),
        encoded(IDS, "JPEG"),
        encoded(IDS[:, :-1], "PNG"),
    ],
    ids=["empty", "header", "cut", "1 bit", "16 bits", "colours", "JPEG", "other size"],
)
def test_other_masks_are_left_to_others(data):
    assert plain.decode_mask(data, (9, 13)) is None


def test_other_pictures_are_left_to_others():
    data = encoded(picture(np.random.default_rng(0), 30, 40))
    assert plain.decode_picture(data, 3, (30, 40), 1) is not None
    assert plain.decode_picture(data, 3, (30, 41), 1) is None
    assert plain.decode_picture(data, 3, (29, 40), 1) is None
    assert plain.decode_picture(data, 3, (300, 400), 1) is None
    assert plain.decode_picture(data[: len(data) // 2], 3, (30, 40), 1) is None
    assert plain.decode_picture(b"", 3, (30, 40), 1) is None
