"""Masks in every form that people have them in: ids, colours, objects, lists, many file formats."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageFilter

from zoo.data import open_dataset, sentences
from zoo.data.files.colours import colour_in, colours_from, read_label_map
from zoo.data.files.mask_files import MaskFile, ObjectFile, ids_in, read_pixels
from zoo.data.files.shapes import DrawnMask, Outline, polygon
from zoo.data.formats.mask_folders import recognize
from zoo.data.pipeline import prepare_split
from zoo.errors import UserError
from zoo.preprocess import Preprocessing

SIZE = (12, 16)
NAMES = ("background", "cat", "dog")
COLOURS = {"0,0,0": "background", "#ff0000": "cat", "0, 128, 255": "dog"}
# For each picture the corners of its objects' boxes, and their classes.
OBJECTS = {
    "a": [((2, 1, 9, 8), 1), ((5, 4, 8, 11), 2), ((12, 0, 16, 3), 1)],
    "b": [((0, 0, 16, 12), 2), ((3, 3, 5, 6), 1)],
    "c": [((6, 2, 10, 9), 1), ((0, 9, 4, 12), 2)],
}


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return path


def drawn(name):
    """Every object of the data set above, the smaller over the larger."""
    mask = np.zeros(SIZE, np.uint8)
    for (x0, y0, x1, y1), id_ in sorted(OBJECTS[name], key=lambda one: -area(one[0])):
        mask[y0:y1, x0:x1] = id_
    return mask


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def corners(box):
    x0, y0, x1, y1 = box
    return [x0, y0, x1, y0, x1, y1, x0, y1]


def palette_of(mask, colours=(0, 0, 0, 255, 0, 0, 0, 128, 255)):
    image = Image.frombytes("P", mask.shape[::-1], mask.tobytes())
    image.putpalette(list(colours))
    return image


def coloured(mask):
    return np.uint8([[0, 0, 0], [255, 0, 0], [0, 128, 255]])[mask]


def write_coco(root):
    images, annotations = [], []
    for number, (name, objects) in enumerate(OBJECTS.items()):
        images.append({"id": number, "file_name": f"{name}.png", "width": 16, "height": 12})
        for box, id_ in objects:
            x0, y0, x1, y1 = box
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": number,
                    "category_id": id_ * 10,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "segmentation": [corners(box)],
                }
            )
    categories = [{"id": 10 * number, "name": NAMES[number]} for number in (1, 2)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "labels.json").write_text(json.dumps(content))


def each(write, ending, pixels=lambda mask: mask):
    return lambda root: [
        write(root / "masks" / f"{name}{ending}", pixels(drawn(name))) for name in OBJECTS
    ]


def write_objects(root):
    for name, objects in OBJECTS.items():
        for number, (box, id_) in enumerate(objects):
            x0, y0, x1, y1 = box
            mask = np.zeros(SIZE, np.uint8)
            mask[y0:y1, x0:x1] = 255 if number else 1
            save(root / "masks" / f"{name}_{NAMES[id_]}_{number}.png", mask)


def write_pairs(root):
    for name in OBJECTS:
        save(root / "other" / f"{name}-labels.png", drawn(name))
    lines = [f"/home/me/set/images/{name}.png;other/{name}-labels.png" for name in OBJECTS]
    (root / "pairs.csv").write_text("\n".join(["picture;mask", *lines, "images/x.png;other/x.png"]))


def write_colour_map(root):
    each(save, ".png", palette_of)(root)
    (root / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:255,0,0::\ndog:0,128,255::\n"
    )


IDS = {"classes": {"0": "background", "1": "cat", "2": "dog"}}
FORMS = {
    "coco": ("coco", write_coco, {}),
    "ids": ("mask_folders", each(save, ".png"), IDS),
    "palette": ("mask_folders", each(save, ".png", palette_of), IDS),
    "colours": ("mask_folders", each(save, ".png", coloured), {"classes": COLOURS}),
    "colour map": ("mask_folders", write_colour_map, {}),
    "16 bit": ("mask_folders", each(save, ".tif", lambda mask: mask.astype(np.uint16)), IDS),
    "objects": (
        "mask_folders",
        write_objects,
        {"object_classes": {"masks/?_cat*": "cat", "*_dog_?.png": "dog"}},
    ),
    "pairs": ("mask_folders", write_pairs, {**IDS, "pairs": "pairs.csv"}),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_data_set_in_every_form_gives_the_same_masks(tmp_path, form):
    source, write, options = FORMS[form]
    for name in OBJECTS:
        save(tmp_path / "images" / f"{name}.png", np.zeros((*SIZE, 3), np.uint8))
    write(tmp_path)
    dataset = open_dataset(source, tmp_path, targets=("mask",), validation=0, test=0, **options)
    assert dataset.mask_names == NAMES
    split = dataset.splits["train"]
    assert split.length == 3
    masks = list(tf.data.Dataset.range(3).map(lambda index: split.read(index)["mask"]))
    for index, name in enumerate(OBJECTS):
        assert Path(split.label(index)).stem == name
        np.testing.assert_array_equal(masks[index], drawn(name))
    if form == "pairs":
        said = "left out, listed in pairs.csv and not there: images/x.png (line 5, images/x.png "
        assert f"{said}and other/x.png)" in sentences(dataset.findings)
    if form == "objects":
        said = "7 masks of one object each, the smaller on top: background, cat, dog"
        assert said in sentences(dataset.findings)
    if form == "colour map":
        assert "the colours of the classes are those of labelmap.txt" in sentences(dataset.findings)


def test_relative_outlines_give_the_same_masks():
    # As YOLO writes them: six digits, fractions of the picture.
    for name, objects in OBJECTS.items():
        scale = [SIZE[1], SIZE[0]] * 4
        shapes = [
            (Outline((polygon(np.round(np.divide(corners(box), scale), 6)),), relative=True), id_)
            for box, id_ in objects
        ]
        np.testing.assert_array_equal(DrawnMask(name, shapes).render(SIZE), drawn(name))


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


def folder(root, *names, masks=()):
    for name in names:
        save(root / "images" / f"{name}.png", np.zeros((*SIZE, 3), np.uint8))
    for name in masks:
        save(root / "masks" / name, np.uint8(drawn("c") > 0))


def opened(root, **options):
    return open_dataset("mask_folders", root, validation=0, test=0, **options)


def test_masks_of_objects_belong_to_the_picture_of_the_longest_name(tmp_path):
    folder(
        tmp_path,
        *("cell", "cell_1", "7"),
        masks=("cell_0.png", "cell_1_0.png", "cell_1-1.tif", "7/0.png", "7/1.gif", "cells.png"),
    )
    dataset = opened(tmp_path)
    assert dataset.mask_names == ("background", "foreground")
    split = dataset.splits["train"]
    labels = [Path(split.label(index)).stem for index in range(3)]
    assert labels == ["7", "cell", "cell_1"]
    np.testing.assert_array_equal(split.read(tf.constant(0, tf.int64))["mask"], drawn("c") > 0)
    assert sentences(dataset.findings) == (
        "5 masks of one object each, the smaller on top: background, foreground",
        "masks without a picture: masks/cells.png",
    )


def test_parts_of_a_set_may_have_folders_of_their_own(tmp_path):
    folder(tmp_path / "north", "a", "b", masks=("a.png", "b.png"))
    folder(tmp_path / "south", "a", masks=("a.png",))
    split = opened(tmp_path).splits["train"]
    found = [split.label(index).removeprefix(f"{tmp_path}/") for index in range(split.length)]
    assert found == ["north/images/a.png", "north/images/b.png", "south/images/a.png"]
    assert recognize(tmp_path) == "there are the folders north/images and north/masks"
    assert recognize(tmp_path / "south" / "masks") is None


def test_folders_of_masks_that_are_no_pictures_names_are_classes(tmp_path):
    folder(tmp_path, "1", "2", masks=("wall/1.png", "roof/1.png", "roof/2.png", "wall/2.png"))
    save(tmp_path / "masks" / "wall" / "1.png", np.uint8(np.indices(SIZE)[1] < 2))
    dataset = opened(tmp_path)
    assert dataset.mask_names == ("background", "roof", "wall")
    expected = np.where(drawn("c") > 0, 1, 0)
    # 24 pixels, fewer than the roof's 28 + 12.
    expected[:, :2] = 2
    found = dataset.splits["train"].read(tf.constant(0, tf.int64))["mask"]
    np.testing.assert_array_equal(found, expected)


def test_a_folder_a_picture_as_the_data_science_bowl_has_them(tmp_path):
    for name in ("x", "y", "z"):
        save(tmp_path / name / "images" / f"{name}.png", np.zeros((*SIZE, 3), np.uint8))
        for number, (box, _) in enumerate(OBJECTS["a"] if name != "z" else ()):
            mask = np.zeros(SIZE, np.uint8)
            mask[box[1] : box[3], box[0] : box[2]] = 255
            save(tmp_path / name / "masks" / f"hash{number}.png", mask)
    (tmp_path / "z" / "masks").mkdir()
    save(tmp_path / "y" / "masks" / "wide.png", np.zeros((3, 3), np.uint8))
    assert recognize(tmp_path) == "there are the folders x/images and x/masks"
    dataset = opened(tmp_path)
    assert dataset.mask_names == ("background", "foreground")
    split = dataset.splits["train"]
    assert split.length == 1
    np.testing.assert_array_equal(split.read(tf.constant(0, tf.int64))["mask"], drawn("a") > 0)
    assert sentences(dataset.findings)[1:] == (
        "left out of train: y/images/y.png has 16x12 pixels, and its mask y/masks/wide.png 3x3",
        "left out of train: z/images/z.png has no mask of an object",
    )


def test_lists_are_found_and_are_splits_by_their_names(tmp_path):
    for name in "abcd":
        save(tmp_path / "x" / f"{name}.png", np.zeros((*SIZE, 3), np.uint8))
        save(tmp_path / "y" / f"{name}.png", np.uint8(drawn("c") > 0))
    (tmp_path / "train.txt").write_text("# two columns\nx/a.png y/a.png\nx/c.png\ty/c.png\n")
    (tmp_path / "val.txt").write_text("/SegNet/x/b.png /SegNet/y/b.png\n")
    (tmp_path / "notes.txt").write_text("nothing\n")
    assert recognize(tmp_path) == "train.txt has a picture and its mask in each line"
    dataset = open_dataset("mask_folders", tmp_path, test=0)
    names = {
        name: [Path(split.label(index)).stem for index in range(split.length)]
        for name, split in dataset.splits.items()
    }
    assert names == {"train": ["a", "c"], "validation": ["b"]}
    assert sentences(dataset.findings)[:2] == ("train is train.txt", "validation is val.txt")
    with pytest.raises(UserError, match=r"notes\.txt line 1 has no two columns, a picture and"):
        opened(tmp_path, pairs="notes.txt")


def test_coloured_masks_without_a_map_are_refused_with_their_colours(tmp_path):
    folder(tmp_path, "a")
    save(tmp_path / "masks" / "a.png", coloured(drawn("c")))
    with pytest.raises(UserError) as error:
        opened(tmp_path)
    # 28 and 12 of 192 pixels.
    assert str(error.value).endswith(
        'as in classes={"0,0,0": "background", "255,0,0": "road"}; masks/a.png holds 3 colours: '
        "0,0,0 (79%), 255,0,0 (15%), 0,128,255 (6%)"
    )


def test_an_unknown_colour_is_named_when_the_mask_is_read(tmp_path):
    folder(tmp_path, "a", "b", masks=("a.png",))
    save(tmp_path / "masks" / "b.png", coloured(drawn("c")))
    split = opened(tmp_path, classes={"0,0,0": "x", "1,1,1": "y"}).splits["train"]
    prepared = prepare_split(split, Preprocessing((4, 4)), ("mask",), unreadable="skip")
    ((name, why),) = prepared.left_out
    assert name.endswith("images/b.png")
    assert why.kind == "mask-unknown-id"
    assert str(why).startswith("has the mask masks/b.png, which holds 2 unknown colours in 40 pix")


def test_jpeg_masks_are_refused_and_smoothed_ones_too(tmp_path):
    folder(tmp_path, "a")
    save(tmp_path / "masks" / "a.jpg", drawn("c") * 200)
    with pytest.raises(UserError, match=r"has the mask masks/a\.jpg, which is a JPEG: its compr"):
        opened(tmp_path)
    smooth = np.kron(np.uint8(drawn("c") > 0) * 255, np.ones((8, 8), np.uint8))
    smooth = Image.fromarray(smooth).filter(ImageFilter.GaussianBlur(3))
    save(tmp_path / "masks" / "a.png", smooth)
    save(tmp_path / "images" / "a.png", np.zeros((96, 128, 3), np.uint8))
    with pytest.raises(UserError, match="values between, as smoothing or JPEG compression makes"):
        opened(tmp_path)
    # As VOC's masks are: many ids, and 255 at the edges.
    labels = np.zeros((96, 128), np.uint8)
    labels[0, :21], labels[1:20] = np.arange(21), 255
    save(tmp_path / "masks" / "a.png", labels)
    assert len(opened(tmp_path).mask_names) == 21


def test_unfit_options_are_refused(tmp_path):
    folder(tmp_path, "a", masks=("a.png",))
    for options, says in (
        ({"object_classes": {"*": "x"}, "classes": {"0": "a"}}, "leave one out"),
        ({"classes": "map.txt"}, "has no file 'map.txt', named in data.options.classes"),
        ({"pairs": "list.csv"}, "has no list 'list.csv', named in data.options.pairs"),
        ({"ignore": ["x"]}, "ignore: 'x' is no id of a mask's pixels, 0 to 255"),
    ):
        with pytest.raises(UserError, match=says):
            opened(tmp_path, **options)
