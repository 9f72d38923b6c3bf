"""A GIF's frames are counted before memory is taken for them."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zoo.preprocess.decode import TOO_LARGE, decode_image, picture_error, upright_size
from zoo.preprocess.gif import ENDLESS, largest_frame
from zoo.preprocess.headers import read_header

# Of 2 x 2 pixels in four colours: clear, four codes, end.
PIXELS = b"\x02\x02\x84\x51\x00"
COMMENT = b"\x21\xfe\x05hello\x00"


def gif(screen, *frames, table=b"\x80", between=b"", pixels=PIXELS):
    """A GIF of frames that claim a width and a height, whatever they hold."""
    head = b"GIF89a" + struct.pack("<HH", *screen) + table + b"\0\0"
    head += b"\0" * (3 * 2 ** (table[0] % 8 + 1) if table[0] >= 128 else 0)
    claims = [b"\x2c" + struct.pack("<HHHH", 0, 0, *frame) + b"\0" for frame in frames]
    return head + b"".join(between + claim + pixels for claim in claims) + b"\x3b"


def found(data):
    return largest_frame(tf.constant(data)).numpy().tolist()


@given(
    sides=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_pictures_that_pillow_writes_have_the_size_that_it_says(sides, seed):
    random = np.random.default_rng(seed)
    screen = np.max(sides, 0)[::-1]
    frames = [Image.fromarray(random.integers(0, 256, screen, np.uint8)) for _ in sides]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    assert found(stream.getvalue()) == screen.tolist()


@pytest.mark.parametrize("table", [b"\x00", b"\x80", b"\xf7"])
@pytest.mark.parametrize("between", [b"", COMMENT, COMMENT * 5])
def test_the_largest_height_and_the_largest_width_count(table, between):
    data = gif((10, 10), (3, 40), (30, 4), table=table, between=between)
    assert found(data) == [40, 30]
    assert read_header(tf.constant(data)).size.numpy().tolist() == [40, 30]


def test_blocks_of_any_length_are_passed_over():
    for length in (1, 254, 255, 256, 509, 510, 511, 2000):
        cut = [b"x" * min(255, length - at) for at in range(0, length, 255)]
        pixels = b"\x02" + b"".join(bytes([len(one)]) + one for one in cut) + b"\0"
        assert found(gif((1, 1), (5, 6), (7, 2), pixels=pixels)) == [6, 7]


@pytest.mark.parametrize(
    "data",
    [
        gif((10, 10), (20_000, 20_000)),
        gif((10, 10), (2, 2), (20_000, 20_000)),
        # 12 of 16 million pixels: 192 million.
        gif((4_000, 4_000), *[(4_000, 4_000)] * 12),
        # 15,000 and 15,000: neither frame is large, a picture that holds both is.
        gif((10, 10), (15_000, 1), (1, 15_000)),
        # A block for each byte.
        gif((2, 2), (2, 2), between=b"\x21\xfe" + b"\x01x" * 20_000 + b"\0"),
    ],
    ids=["one frame", "the second", "all together", "a height and a width", "blocks without end"],
)
@pytest.mark.parametrize("traced", [False, True], ids=["eagerly", "in tf.data"])
def test_giants_are_refused_before_memory_is_taken(data, traced):
    def read():
        if not traced:
            return decode_image(data)
        return next(iter(tf.data.Dataset.from_tensors(data).map(decode_image)))

    with pytest.raises(tf.errors.InvalidArgumentError, match=TOO_LARGE):
        read()
    assert picture_error(data).numpy().decode() == TOO_LARGE
    with pytest.raises(tf.errors.InvalidArgumentError, match=TOO_LARGE):
        upright_size(tf.constant(data))


def test_frames_that_are_many_are_endless():
    assert found(gif((4_000, 4_000), *[(4_000, 4_000)] * 12)) == [ENDLESS, ENDLESS]
    assert found(gif((4_000, 4_000), *[(4_000, 4_000)] * 11)) == [4_000, 4_000]


def test_what_is_cut_anywhere_is_walked_to_its_end():
    data = gif((2, 2), (2, 2), (30, 40), between=COMMENT, table=b"\x81")
    sizes = [found(data[:length]) for length in range(6, len(data) + 1)]
    assert sizes[0] == [0, 0]
    assert sizes[-1] == [40, 30]
    # Never less by what comes later.
    assert sizes == sorted(sizes)


def test_a_good_one_is_decoded():
    pixels = np.array([[0, 255], [255, 0]], np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "GIF")
    np.testing.assert_array_equal(decode_image(stream.getvalue(), 1)[..., 0], pixels)
