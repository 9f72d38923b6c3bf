"""Mask files of every kind: which ids they hold, and which are none."""

import contextlib
import io

import numpy as np
import pytest
from drawn_masks import COLOURS, SIZE, coloured, drawn, palette_of, save
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageFilter

from zoo.data.files.colours import colour_in, colours_from, read_label_map
from zoo.data.files.mask_files import MaskFile, ObjectFile, ids_in, read_pixels
from zoo.data.files.shapes import DrawnMask
from zoo.errors import UserError


def gif(mask):
    return palette_of(mask, [level for gray in range(256) for level in (gray,) * 3])


FILES = {
    "gray.bmp": lambda mask: Image.fromarray(mask),
    "gray.tif": lambda mask: Image.fromarray(mask),
    "gray.gif": gif,
    "floats.tif": lambda mask: Image.fromarray(mask.astype(np.float32)),
    "whole.tif": lambda mask: Image.fromarray(mask.astype(np.int32)),
    "gray as colours.png": lambda mask: Image.fromarray(np.stack([mask] * 3, -1)),
    "with alpha.png": lambda mask: Image.fromarray(np.stack([mask] * 4, -1)),
    "palette.bmp": palette_of,
    "palette.tif": palette_of,
}


@pytest.mark.parametrize("name", FILES)
def test_ids_are_the_numbers_in_the_file(tmp_path, name):
    path = save(tmp_path / name, FILES[name](drawn("a")))
    mask = MaskFile(str(path), name)
    np.testing.assert_array_equal(mask.render(SIZE), drawn("a"))
    assert mask.render(SIZE).dtype == np.uint8
    with pytest.raises(ValueError, match="has 16x12 pixels, not 12x16"):
        mask.render(SIZE[::-1])


@pytest.mark.parametrize("name", ["bits.tif", "bits.bmp", "bits.png"])
def test_one_bit_a_pixel_gives_0_and_1(tmp_path, name):
    inside = drawn("a") > 0
    path = save(tmp_path / name, Image.fromarray(inside))
    np.testing.assert_array_equal(MaskFile(str(path), name).render(SIZE), inside)


@settings(max_examples=50, deadline=None)
@given(arrays(np.int32, (5, 7)))
def test_ids_beyond_a_byte_are_refused(pixels):
    if ((pixels >= 0) & (pixels <= 255)).all():
        np.testing.assert_array_equal(ids_in(pixels), pixels)
    else:
        with pytest.raises(ValueError, match=r"holds .*ids are whole numbers from 0 to 255"):
            ids_in(pixels)


def jpeg(path):
    save(path.with_suffix(".jpg"), coloured(drawn("a")))
    path.with_suffix(".jpg").rename(path)


def truncated(path):
    save(path, coloured(drawn("a")))
    path.write_bytes(path.read_bytes()[:60])


UNREADABLE = {
    "JPEG": (jpeg, "is a JPEG, which mixes classes at edges"),
    "cut short": (truncated, "is damaged, or no picture"),
    "text": (lambda path: path.write_text("mask"), "is damaged, or no picture"),
    "fraction": (
        lambda path: Image.fromarray(np.full(SIZE, 0.5, np.float32)).save(path, "TIFF"),
        "holds 0.5, and ids are whole numbers from 0 to 255",
    ),
    "nan": (
        lambda path: Image.fromarray(np.full(SIZE, np.nan, np.float32)).save(path, "TIFF"),
        "holds nan, and ids are whole numbers from 0 to 255",
    ),
    "CMYK": (
        lambda path: Image.new("CMYK", SIZE).save(path, "TIFF"),
        "holds CMYK, neither ids nor colours",
    ),
    "several": (
        lambda path: gif(drawn("a")).save(
            path, "GIF", save_all=True, append_images=[gif(drawn("b"))]
        ),
        "holds several pictures",
    ),
}


@pytest.mark.parametrize(("write", "says"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_mask_is_refused_by_the_end_of_a_sentence(tmp_path, write, says):
    path = tmp_path / "mask.png"
    write(path)
    mask = MaskFile(str(path), "masks/a.png")
    with pytest.raises(ValueError, match=r"is|holds") as error:
        mask.render(SIZE)
    assert str(error.value) == says


def test_an_object_that_cannot_be_read_is_named_in_its_mask(tmp_path):
    path = tmp_path / "mask.png"
    jpeg(path)
    mask = DrawnMask("masks/", [(ObjectFile(str(path), "masks/a.png"), 1)])
    with pytest.raises(ValueError, match=r"^holds masks/a\.png, which is a JPEG, which mixes"):
        mask.render(SIZE)


def test_colours_are_looked_up_and_unknown_ones_counted():
    colours = colours_from(COLOURS | {"7,7,7": "cat"}, ["#010203"])
    assert colours.classes == {"0": "background", "1": "cat", "2": "dog"}
    pixels = np.uint8([[[0, 0, 0], [255, 0, 0], [7, 7, 7], [0, 128, 255], [1, 2, 3]]])
    np.testing.assert_array_equal(colours.ids(pixels), [[0, 1, 1, 2, 255]])
    pixels[0, :3] = [[9, 9, 9], [200, 100, 50], [9, 9, 9]]
    with pytest.raises(ValueError, match="unknown") as error:
        colours.ids(pixels)
    assert error.value.kind == "mask-unknown-id"
    assert str(error.value) == (
        "holds 2 unknown colours in 3 pixels, 9,9,9, 200,100,50 (known: 0,0,0 background; "
        "255,0,0 cat; 0,128,255 dog; 7,7,7 cat; 1,2,3 ignored)"
    )


def test_smoothed_colours_are_refused_for_that_reason(tmp_path):
    mask = Image.fromarray(coloured(np.kron(drawn("a"), np.ones((8, 8), np.uint8))))
    path = save(tmp_path / "a.png", mask.filter(ImageFilter.GaussianBlur(2)))
    with pytest.raises(ValueError, match="as smoothing or JPEG compression mixes them"):
        MaskFile(str(path), "a.png", colours_from(COLOURS, ())).render((96, 128))


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("255,0,128", (255, 0, 128)),
        ("#FF0080", (255, 0, 128)),
        (" (1, 2, 3) ", (1, 2, 3)),
        ("[1 2 3]", (1, 2, 3)),
        ("256,0,0", None),
        ("7", None),
        ("1,2", None),
        ("#ff00", None),
        ("cat", None),
    ],
)
def test_colours_are_written_as_people_do(text, colour):
    assert colour_in(text) == colour


@pytest.mark.parametrize(
    ("classes", "ignore", "says"),
    [
        ({"0,0,0": "a", "1": "b"}, [], "name colours, and '1' is none"),
        ({"0,0,0": "a", "1,1,1": "b"}, [3], "name colours, and '3' is none"),
        ({"0,0,0": "a", "256,1,1": "b"}, [], "'256,1,1' is none; write it as 255,0,0"),
        ({"0,0,0": "a", "1,1,1": "b"}, ["#010101"], "#010101 is the class 'b' and ignored"),
        ({f"0,0,{n}": str(n) for n in range(256)}, [], "at most 255 classes, not 256"),
    ],
)
def test_unfit_colours_are_refused_in_one_sentence(classes, ignore, says):
    with pytest.raises(UserError, match=says):
        colours_from(classes, ignore)


def test_label_maps_of_three_kinds_are_read(tmp_path):
    path = tmp_path / "map.txt"
    expected = {"64,128,64": "Animal", "0,0,142": "Car 2"}
    for text in (
        "# label:color_rgb:parts:actions\nAnimal:64,128,64::\nCar 2:0,0,142:a,b:\n",
        "name,r,g,b\nAnimal,64,128,64\nCar 2, 0, 0, 142\n",
        "64 128 64\tAnimal\n0 0 142\t\tCar 2\n",
    ):
        path.write_text(text)
        assert read_label_map(path) == expected
    path.write_text("Animal\n")
    with pytest.raises(UserError, match=r"map\.txt names no colours; write a line"):
        read_label_map(path)


def test_drive_gives_its_gif_of_two_grays(real_data):
    path = real_data / "oddities" / "drive_21_manual1_mask.gif"
    mask = MaskFile(str(path), path.name).render((584, 565))
    with Image.open(path) as image:
        np.testing.assert_array_equal(mask, np.asarray(image.convert("L")))
    assert np.unique(mask).tolist() == [0, 255]
    assert read_pixels(str(path), colours=True).shape == (584, 565, 3)


def test_a_mask_of_several_pictures_cut_anywhere_is_told_as_unreadable(tmp_path):
    whole = io.BytesIO()
    gif(drawn("a")).save(whole, "GIF", save_all=True, append_images=[gif(drawn("b"))])
    path = tmp_path / "cut.gif"
    for length in range(len(whole.getvalue())):
        path.write_bytes(whole.getvalue()[:length])
        # A cut behind the first picture may leave that one whole.
        with contextlib.suppress(ValueError):
            read_pixels(path)
