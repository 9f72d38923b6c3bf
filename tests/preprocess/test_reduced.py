"""JPEGs much larger than needed are decoded at reduced scale, and lie where they would."""

import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zoo.preprocess import IGNORE, Preprocessing, decode_image, upright_size
from zoo.preprocess.decode import decode_reduced
from zoo.preprocess.geometry import Reduction

FITS = ("pad", "stretch", "crop")


def scene(height, width, seed=0):
    """Smooth shapes with edges at random places, as photographs have them."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (7, 9, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.asarray(image).copy()
    for _ in range(6):
        y, x = random.integers(0, height), random.integers(0, width)
        pixels[y : y + height // 4, x : x + width // 5] = random.integers(0, 256, 3)
    return pixels


@pytest.fixture(scope="module")
def jpegs(encode):
    """Three large JPEGs of odd sizes, two of them turned: by 90 degrees and mirrored."""
    found = []
    for seed, (size, orientation) in enumerate([((403, 517), 1), ((517, 403), 6), ((301, 700), 2)]):
        exif = Image.Exif()
        exif[0x0112] = orientation
        found.append(encode(Image.fromarray(scene(*size, seed)), "JPEG", quality=92, exif=exif))
    return found


@pytest.mark.parametrize("fit", FITS)
def test_large_jpegs_look_as_if_decoded_whole(jpegs, everywhere, fit):
    preprocessing = Preprocessing(size=(48, 40), fit=fit)
    eagerly = [preprocessing.read(data) for data in jpegs]
    read = [(fitted.numpy(), size.numpy()) for fitted, size in eagerly]
    if fit == "pad":
        for one, other in zip(read, everywhere(preprocessing.read, jpegs), strict=True):
            assert all(map(np.array_equal, one, other))
    for data, (reduced, size) in zip(jpegs, read, strict=True):
        picture = decode_image(data, 3)
        whole = preprocessing.fit_image(picture).numpy()
        assert size.tolist() == picture.shape[:2].as_list()
        difference = np.abs(reduced - whole)
        outside = preprocessing.fit_mask(tf.zeros(picture.shape[:2], tf.uint8)) == IGNORE
        assert not reduced[outside].any()
        # Of edges as sharp as these; of photographs 1 and 6 were measured.
        assert difference.mean() < 1.2
        assert np.percentile(difference, 99) <= 8
        assert difference.max() > 0


# Whole pictures of 64 x 96: fitted to 32 x 48 they are twice as large as needed, to 8 x 12
# 8 times and to 4 x 6 16 times; one pixel less needs the next larger part of their size.
@pytest.mark.parametrize(
    ("size", "target", "ratio"),
    [
        ((64, 96), (32, 48), 2),
        ((63, 96), (32, 48), 1),
        ((64, 95), (32, 48), 1),
        ((64, 96), (8, 12), 4),
        ((63, 96), (8, 12), 2),
        ((64, 96), (4, 6), 8),
        ((63, 96), (4, 6), 4),
        ((64, 96), (1, 1), 8),
        ((1, 96), (16, 24), 1),
    ],
)
def test_a_picture_is_reduced_as_far_as_its_size_allows(encode, size, target, ratio):
    data = encode(Image.fromarray(scene(*size)), "JPEG")
    preprocessing = Preprocessing(size=target, fit="pad")
    picture = decode_reduced(data, 3, None, Reduction(preprocessing.fit, preprocessing.size))
    assert int(picture.ratio) == ratio
    assert picture.size.numpy().tolist() == list(size)
    assert picture.image.shape[:2].as_list() == [-(-side // ratio) for side in size]


def test_other_kinds_are_decoded_whole(encode):
    picture = Image.fromarray(scene(300, 400))
    preprocessing = Preprocessing(size=(16, 16))
    for kind in ("PNG", "GIF", "BMP", "WEBP"):
        data = encode(picture, kind)
        fitted, size = preprocessing.read(data)
        assert size.numpy().tolist() == [300, 400]
        assert np.array_equal(fitted, preprocessing.fit_image(decode_image(data, 3)))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_gray_and_cmyk_are_reduced_too(encode, mode):
    data = encode(Image.fromarray(scene(300, 400)).convert(mode), "JPEG", quality=95)
    for channels in (1, 3, 4):
        preprocessing = Preprocessing(size=(16, 16), channels=channels)
        reduced, _ = preprocessing.read(data)
        whole = preprocessing.fit_image(preprocessing.decode(data))
        assert np.abs(reduced - whole).mean() < 1


@tf.function(input_signature=[tf.TensorSpec([], tf.string), *[tf.TensorSpec([], tf.int32)] * 1])
def _decoded(data, ratio):
    return decode_reduced(data, 1, None, lambda size: ratio)


# A gray ramp, left to right and top to bottom, that JPEG keeps: where a shade lies is known.
@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    # Larger ones would have shades beyond 255.
    st.integers(9, 128),
    st.integers(9, 128),
    st.sampled_from([1, 2, 3, 4, 7, 8, 100]),
    st.booleans(),
)
def test_a_reduced_pixel_is_the_mean_of_those_it_stands_for(height, width, allowed, turned):
    ratio = max(one for one in (1, 2, 4, 8) if one <= allowed)
    ramp = np.add.outer(np.arange(height), np.arange(width)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 8 if turned else 1
    stream = io.BytesIO()
    Image.fromarray(ramp).save(stream, "JPEG", quality=100, exif=exif)
    picture = _decoded(tf.constant(stream.getvalue()), tf.constant(allowed))
    upright = np.rot90(ramp) if turned else ramp
    assert int(picture.ratio) == ratio
    assert picture.size.numpy().tolist() == list(upright.shape)
    rows, columns = (-(-side // ratio) for side in upright.shape)
    assert picture.image.shape == (rows, columns, 1)
    # Of whole cells only: those at the stored right and bottom edge hold what fills the block.
    cells = ramp[: height // ratio * ratio, : width // ratio * ratio].astype(float)
    cells = cells.reshape(height // ratio, ratio, width // ratio, ratio).mean((1, 3))
    shown = picture.image.numpy()[..., 0]
    shown = (np.rot90(shown, -1) if turned else shown)[: height // ratio, : width // ratio]
    assert np.abs(shown - cells).max() <= 2.5


def test_boxes_and_masks_go_by_the_picture_s_own_size(jpegs):
    preprocessing = Preprocessing(size=(48, 40))
    for data in jpegs:
        image = decode_image(data, 3)
        box, mask = [0.2, 0.3, 0.7, 0.9], np.zeros(image.shape[:2], np.uint8)
        mask[50:150, 100:200] = 1
        from_bytes, from_pixels = (
            preprocessing.prepare({"image": given, "box": np.float32(box), "mask": mask})
            for given in (data, image)
        )
        assert np.array_equal(from_bytes["box"], from_pixels["box"])
        assert np.array_equal(from_bytes["mask"], from_pixels["mask"])


def test_a_truncated_jpeg_is_refused_at_every_scale(jpegs):
    for target in ((4, 4), (48, 40), (500, 500)):
        with pytest.raises(tf.errors.InvalidArgumentError):
            Preprocessing(size=target).read(jpegs[0][: len(jpegs[0]) // 2])


def test_the_upright_size_is_that_of_the_decoded_picture(encode, jpegs, everywhere):
    picture = Image.fromarray(scene(30, 41))
    pictures = [encode(picture, kind) for kind in ("PNG", "GIF", "BMP", "WEBP")]
    sizes = everywhere(upright_size, [*jpegs, *pictures, b"no picture"])
    for data, size in zip([*jpegs, *pictures], sizes, strict=False):
        assert size.tolist() == decode_image(data).shape[:2].as_list()
    assert sizes[-1].tolist() == [0, 0]
