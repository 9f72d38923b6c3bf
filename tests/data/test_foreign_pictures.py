"""TIFF and NumPy pictures of any depth, compression and layout, against what was written."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from zoo.data.conversion import (
    UnreadableError,
    foreign_header,
    foreign_kind,
    picture_or_array,
    read_samples,
)

RANDOM = np.random.default_rng(0)
DTYPES = ["uint8", "uint16", "uint32", "int8", "int16", "float16", "float32", "float64"]
COMPRESSIONS = [None, "lzw", "deflate", "packbits", "zstd", "lzma"]


def noise(dtype, *shape):
    if np.dtype(dtype).kind == "f":
        return RANDOM.random(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return RANDOM.integers(limits.min, limits.max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_every_depth_and_layout_comes_back_as_it_was(tmp_path, compression, planar):
    path = tmp_path / "picture.dat"
    for dtype in DTYPES:
        for channels in (1, 2, 3, 4, 5, 7):
            pixels = noise(dtype, 11, 6, channels)
            stored = pixels if planar == "contig" else np.moveaxis(pixels, -1, 0)
            options = {"photometric": "rgb" if channels in (3, 4) else "minisblack"}
            if channels > 1:
                options["planarconfig"] = planar
            else:
                stored = pixels[..., 0]
            tifffile.imwrite(path, stored, compression=compression, **options)
            samples = read_samples(path)
            assert samples.pixels.dtype == dtype
            assert np.array_equal(samples.pixels, pixels), (dtype, channels)
            assert foreign_header(path) == ("TIFF", (11, 6), 1)


@pytest.mark.parametrize(
    "options",
    [
        {"tile": (16, 16)},
        {"rowsperstrip": 3},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"predictor": True, "compression": "deflate"},
        {"predictor": True, "compression": "lzw", "byteorder": ">"},
    ],
)
def test_tiles_strips_byte_orders_and_predictors(tmp_path, options):
    for dtype in ("uint8", "uint16", "float32"):
        pixels = noise(dtype, 37, 21, 3)
        tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", **options)
        assert np.array_equal(read_samples(tmp_path / "a.tif").pixels, pixels)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_tiffs_that_pillow_wrote_look_as_pillow_reads_them(tmp_path, mode, compression):
    path = tmp_path / "a.tif"
    if mode in ("I;16", "F"):
        pixels = noise("uint16" if mode == "I;16" else "float32", 9, 12)
        Image.fromarray(pixels).save(path, compression=compression)
        assert np.array_equal(read_samples(path).pixels[..., 0], pixels)
        return
    Image.fromarray(noise("uint8", 9, 12, 3)).convert(mode).save(path, compression=compression)
    shown = {"1": "L", "P": "RGB", "CMYK": "RGB"}.get(mode, mode)
    expected = np.asarray(Image.open(path).convert(shown)).reshape(9, 12, -1)
    pixels = read_samples(path).as_bytes(None)
    # Ink and black multiply; the two round differently.
    assert np.abs(pixels.astype(int) - expected).max() <= (1 if mode == "CMYK" else 0)


def test_white_may_be_zero(tmp_path):
    for dtype in ("uint8", "uint16"):
        pixels = noise(dtype, 5, 4)
        top = np.iinfo(dtype).max
        tifffile.imwrite(tmp_path / "a.tif", top - pixels, photometric="miniswhite")
        assert np.array_equal(read_samples(tmp_path / "a.tif").pixels[..., 0], pixels)


def test_tiffs_stand_upright(tmp_path):
    stored = np.arange(6, dtype=np.uint8).reshape(2, 3)
    for orientation in range(1, 9):
        tifffile.imwrite(tmp_path / "a.tif", stored, extratags=[(274, "H", 1, orientation, True)])
        assert foreign_header(tmp_path / "a.tif") == ("TIFF", (2, 3), orientation)
        exif = Image.Exif()
        exif[274] = orientation
        stream = io.BytesIO()
        Image.fromarray(stored).save(stream, "PNG", exif=exif)
        upright = np.asarray(ImageOps.exif_transpose(Image.open(stream)))
        assert np.array_equal(read_samples(tmp_path / "a.tif").pixels[..., 0], upright)


def test_of_several_pages_the_first_is_read_and_that_is_said(tmp_path):
    pages = noise("uint8", 4, 8, 5)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    samples = read_samples(tmp_path / "a.tif")
    assert np.array_equal(samples.pixels[..., 0], pages[0])
    assert samples.remarks == ("of several pages the first is read",)


@pytest.mark.parametrize("options", [{"imagej": True}, {"ome": True}])
def test_channels_that_microscopes_keep_in_pages_are_one_picture(tmp_path, options):
    pixels = noise("uint16", 5, 12, 9)
    path = tmp_path / ("a.ome.tif" if "ome" in options else "a.tif")
    tifffile.imwrite(path, pixels, metadata={"axes": "CYX"}, photometric="minisblack", **options)
    samples = read_samples(path)
    assert np.array_equal(samples.pixels, pixels.transpose(1, 2, 0))
    assert samples.remarks == ()


@pytest.mark.parametrize("dtype", [*DTYPES, "bool", "uint64", ">u2", ">f4"])
def test_arrays_come_back_as_they_were(tmp_path, dtype):
    for shape in ((6, 9), (6, 9, 1), (6, 9, 5), (20, 30, 12)):
        pixels = noise("uint8", *shape).astype(dtype)
        np.save(tmp_path / "a.npy", np.asfortranarray(pixels) if len(shape) == 3 else pixels)
        samples = read_samples(tmp_path / "a.npy")
        assert np.array_equal(samples.pixels, pixels.reshape(*shape[:2], -1))
        assert foreign_header(tmp_path / "a.npy") == ("NumPy", shape[:2], 1)


def test_arrays_may_have_their_channels_first_which_is_said(tmp_path):
    pixels = noise("uint8", 5, 20, 30)
    np.save(tmp_path / "a.npy", pixels)
    samples = read_samples(tmp_path / "a.npy")
    assert np.array_equal(samples.pixels, pixels.transpose(1, 2, 0))
    assert "channels, height, width" in samples.remarks[0]
    assert foreign_header(tmp_path / "a.npy")[1] == (20, 30)


# 65535 / 257 = 255; 4095 to 255 is 16.0588 to 1: 2048 / 16.0588 = 127.53; 0.5 * 255 = 127.5,
# halves up; 127 + 128 = 255; -32768 + 32768 = 0, 0 + 32768 over 257 = 127.502.
@pytest.mark.parametrize(
    ("pixels", "values", "expected"),
    [
        (np.uint8([0, 7, 255]), None, [0, 7, 255]),
        (np.uint8([0, 7, 255]), (0, 10), [0, 7, 255]),
        (np.uint16([0, 128, 129, 65535]), None, [0, 0, 1, 255]),
        (np.uint16([0, 2048, 4095, 65535]), (0, 4095), [0, 128, 255, 255]),
        (np.int16([-32768, 0, 32767]), None, [0, 128, 255]),
        (np.int16([-1000, -160, 240, 9999]), (-160, 240), [0, 0, 255, 255]),
        (np.int8([-128, 0, 127]), None, [0, 128, 255]),
        (np.bool_([False, True]), None, [0, 255]),
        (np.float32([0, 0.5, 1, np.nan]), None, [0, 128, 255, 0]),
        (np.float32([0, 1.001, -0.001]), None, [0, 255, 0]),
        (np.float64([-2, 0, 2, np.inf, -np.inf, np.nan]), (-2, 2), [0, 128, 255, 255, 0, 0]),
        (np.uint64([0, 2**63, 2**64 - 1]), None, [0, 128, 255]),
    ],
)
def test_the_rule_for_values_by_hand(tmp_path, pixels, values, expected):
    np.save(tmp_path / "a.npy", pixels[np.newaxis])
    found = read_samples(tmp_path / "a.npy").as_bytes(values)
    assert found.dtype == np.uint8
    assert found[0, :, 0].tolist() == expected


def test_few_bits_fill_the_range_and_eight_stay(tmp_path):
    # 4 bits: 15 is white; 12 bits in 16: 4095 is.
    tifffile.imwrite(tmp_path / "a.tif", np.uint8([[0, 5, 15]]), bitspersample=4)
    assert read_samples(tmp_path / "a.tif").as_bytes(None)[0, :, 0].tolist() == [0, 85, 255]
    tifffile.imwrite(tmp_path / "b.tif", np.uint16([[0, 273, 4095]]), bitspersample=12)
    samples = read_samples(tmp_path / "b.tif")
    assert samples.as_bytes(None)[0, :, 0].tolist() == [0, 17, 255]
    assert samples.stored == "12 bits"


def test_floats_beyond_one_are_not_guessed_at(tmp_path):
    np.save(tmp_path / "a.npy", np.float32([[0, 812.5]]))
    with pytest.raises(UnreadableError, match=r"from 0 to 812.5.*data.values=\[0, 812.5\]"):
        read_samples(tmp_path / "a.npy").as_bytes(None)


def test_pictures_are_encoded_where_that_loses_nothing():
    for channels in (1, 3, 4):
        pixels = noise("uint8", 9, 7, channels)
        data = picture_or_array(pixels)
        assert isinstance(data, bytes)
        found = np.asarray(Image.open(io.BytesIO(data))).reshape(9, 7, channels)
        assert np.array_equal(found, pixels)
    pixels = noise("uint8", 9, 7, 5)
    assert picture_or_array(pixels) is pixels


def test_the_first_bytes_tell_the_kind_not_the_name(tmp_path, real_data):
    oddity = real_data / "oddities" / "drive_21_training_LZW.tif"
    assert foreign_kind(oddity) == "TIFF"
    samples = read_samples(oddity)
    assert np.array_equal(samples.pixels, np.asarray(Image.open(oddity)))
    (tmp_path / "a.jpg").write_bytes(oddity.read_bytes())
    assert foreign_kind(tmp_path / "a.jpg") == "TIFF"
    Image.fromarray(samples.pixels).save(tmp_path / "b.tif", "PNG")
    assert foreign_kind(tmp_path / "b.tif") == ""
    assert foreign_kind(tmp_path / "nowhere") == ""
