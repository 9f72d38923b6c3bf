"""Folders of pictures and masks: how they are paired, and what the ids in masks mean."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.data import open_dataset, sentences
from zoo.data.pipeline import prepare_split
from zoo.errors import UserError
from zoo.preprocess import Preprocessing, decode_image

SMALL = Preprocessing((4, 4))


def picture(path: Path, size=(4, 4), orientation=1, pixels=None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.new("RGB", size) if pixels is None else Image.fromarray(np.uint8(pixels))
    image.save(path, exif=exif)
    return path


def mask(path: Path, *ids: int, size=(4, 4)) -> Path:
    """Writes a mask whose first pixels are the ids, the others the first id."""
    pixels = np.full(size[0] * size[1], ids[0], np.uint8)
    pixels[: len(ids)] = ids
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.reshape(size[::-1])).save(path)
    return path


def pairs(root: Path, *names: str, ids=(0, 1)) -> None:
    for name in names:
        picture(root / "images" / f"{name}.jpg")
        mask(root / "masks" / f"{name}.png", *ids)


def open_all(root: Path, **options):
    """Opens everything as one split, so that it matters only what is left out."""
    return open_dataset("mask_folders", root, **{"validation": 0, "test": 0, **options})


def masks_of(dataset, root: Path, split="train"):
    found = dataset.splits[split]
    return {
        Path(found.label(i)).relative_to(root).as_posix(): found.read(tf.constant(i, tf.int64))[
            "mask"
        ].numpy()
        for i in range(found.length)
    }


def test_pictures_and_masks_are_paired_by_name(tmp_path):
    pairs(tmp_path, "2", "10", "sub/1")
    mask(tmp_path / "masks" / "10.png", 1, 0, 0)
    dataset = open_all(tmp_path)
    assert dataset.targets == {"mask"}
    found = masks_of(dataset, tmp_path)
    # As people count, "2" before "10".
    assert list(found) == ["images/2.jpg", "images/10.jpg", "images/sub/1.jpg"]
    assert found["images/10.jpg"].ravel()[:4].tolist() == [1, 0, 0, 1]
    assert found["images/2.jpg"].ravel()[:4].tolist() == [0, 1, 0, 0]
    assert found["images/2.jpg"].dtype == np.uint8
    split = dataset.splits["train"]
    traced = list(tf.data.Dataset.range(3).map(split.read))
    np.testing.assert_array_equal(traced[1]["mask"], found["images/10.jpg"])
    assert traced[1]["image"].numpy() == (tmp_path / "images/10.jpg").read_bytes()


def test_masks_may_have_an_ending_that_all_share(tmp_path):
    for name in ("1", "10", "a", "a_b"):
        picture(tmp_path / "images" / f"{name}.png")
        mask(tmp_path / "masks" / f"{name}_mask.png", 0, 1)
    dataset = open_all(tmp_path)
    assert len(masks_of(dataset, tmp_path)) == 4
    assert sentences(dataset.findings)[0] == "masks have the names of their pictures and '_mask'"


def test_a_number_that_goes_on_is_no_ending(tmp_path):
    picture(tmp_path / "images" / "1.png")
    mask(tmp_path / "masks" / "10.png", 0, 1)
    with pytest.raises(UserError, match=r"images/1\.png has no mask masks/1\.png"):
        open_all(tmp_path)


@pytest.mark.parametrize("layout", ["{split}/{kind}", "{kind}/{split}"])
def test_split_folders_may_stand_outside_or_inside(tmp_path, layout):
    for split, names in (("train", "abc"), ("val", "d"), ("test", "ae")):
        for name in names:
            for make, kind, ids in ((picture, "images", ()), (mask, "masks", (0, 1))):
                make(tmp_path / layout.format(split=split, kind=kind) / f"{name}.png", *ids)
    dataset = open_all(tmp_path)
    found = {
        name: [Path(path).stem for path in masks_of(dataset, tmp_path, name)]
        for name in dataset.splits
    }
    assert found == {"train": ["a", "b", "c"], "validation": ["d"], "test": ["a", "e"]}


def test_ids_of_one_name_are_one_class_in_the_order_of_the_names(tmp_path):
    pairs(tmp_path, "a", ids=(7, 2, 5, 9, 255))
    classes = {"5": "dog", "7": "cat", "2": "dog"}
    dataset = open_all(tmp_path, classes=classes, ignore=[9])
    assert dataset.mask_names == ("dog", "cat")
    (found,) = masks_of(dataset, tmp_path).values()
    # 7 is a cat, 2 and 5 are dogs; 9 is ignored as asked, 255 without being asked.
    assert found.ravel()[:6].tolist() == [1, 0, 0, 255, 255, 1]


def test_255_may_be_a_class(tmp_path):
    pairs(tmp_path, "a", ids=(0, 255))
    dataset = open_all(tmp_path, classes={"255": "cell", "0": "membrane"})
    assert dataset.mask_names == ("cell", "membrane")
    (found,) = masks_of(dataset, tmp_path).values()
    assert found.ravel()[:3].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("ids", "options", "names", "classes", "said"),
    [
        (
            (0, 255),
            {},
            ("background", "foreground"),
            [0, 1],
            "the masks hold 0 and 255: background and foreground",
        ),
        (
            (1, 3, 255),
            {},
            ("1", "3"),
            [0, 1, 255],
            "the masks hold the ids 1, 3, taken as classes, and 255, which is ignored",
        ),
        ((0, 1), {}, ("0", "1"), [0, 1], "the masks hold the ids 0, 1, taken as classes"),
        (
            (0, 1, 2),
            {"ignore": [1]},
            ("0", "2"),
            [0, 255, 1],
            "the masks hold the ids 0, 2, taken as classes",
        ),
    ],
)
def test_ids_are_found_out_where_they_are_not_given(tmp_path, ids, options, names, classes, said):
    pairs(tmp_path, "a", ids=ids)
    dataset = open_all(tmp_path, **options)
    assert dataset.mask_names == names
    assert sentences(dataset.findings) == (said,)
    (found,) = masks_of(dataset, tmp_path).values()
    assert found.ravel()[: len(classes)].tolist() == classes


def test_a_palette_gives_its_indices_and_not_its_colours(tmp_path):
    pairs(tmp_path, "a")
    palette = Image.new("P", (2, 2))
    palette.putdata([0, 1, 2, 1])
    palette.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])
    palette.save(tmp_path / "masks" / "a.png")
    picture(tmp_path / "images" / "a.jpg", (2, 2))
    dataset = open_all(tmp_path)
    assert dataset.mask_names == ("0", "1", "2")
    (found,) = masks_of(dataset, tmp_path).values()
    assert found.tolist() == [[0, 1], [2, 1]]


def test_what_has_no_fitting_partner_is_left_out_by_name(tmp_path):
    pairs(tmp_path, "a", "b")
    picture(tmp_path / "images" / "alone.png")
    picture(tmp_path / "images" / "wide.png", (6, 4))
    mask(tmp_path / "masks" / "wide.png", 0, 1, size=(4, 6))
    mask(tmp_path / "masks" / "lonely.png", 0, 1)
    (tmp_path / "masks" / "a.gif").write_bytes(b"GIF89a")
    (tmp_path / "masks" / "._a.png").write_bytes(b"hidden")
    (tmp_path / "images" / "notes.txt").write_text("x")
    dataset = open_all(tmp_path)
    assert list(masks_of(dataset, tmp_path)) == ["images/a.jpg", "images/b.jpg"]
    assert sentences(dataset.findings) == (
        "passed over in images, being no pictures: 1 .txt",
        "passed over in masks, being no PNG masks: 1 .gif",
        "masks without a picture: masks/lonely.png",
        "left out of train: images/alone.png has no mask masks/alone.png",
        "left out of train: images/wide.png has 6x4 pixels, and its mask masks/wide.png 4x6",
        "the masks hold the ids 0, 1, taken as classes",
    )


def unknown_ids(path: Path) -> None:
    mask(path, 0, 7, 7, 4)


UNFIT = {
    "unknown ids": (
        unknown_ids,
        "has the mask masks/b.png, which holds the unknown ids 4, 7 in 3 pixels "
        "(known: 0 cat, 1 dog, 255 ignored)",
    ),
    "one pixel": (
        lambda path: mask(path, 0, 7),
        "has the mask masks/b.png, which holds the unknown id 7 in 1 pixel "
        "(known: 0 cat, 1 dog, 255 ignored)",
    ),
    "no PNG": (
        lambda path: path.write_bytes(b"mask"),
        "has the mask masks/b.png, which is not a PNG of class ids (gray or palette, ids 0 to 255)",
    ),
    "colours": (
        lambda path: picture(path),
        "has the mask masks/b.png, which is not a PNG of class ids (gray or palette, ids 0 to 255)",
    ),
    "cut short": (
        lambda path: path.write_bytes(path.read_bytes()[:-20]),
        "has the mask masks/b.png, which is damaged or cut short",
    ),
}


@pytest.mark.parametrize(("spoil", "says"), UNFIT.values(), ids=UNFIT)
def test_an_unfit_mask_is_named_when_it_is_read(tmp_path, spoil, says):
    pairs(tmp_path, "a", "b")
    spoil(tmp_path / "masks" / "b.png")
    split = open_all(tmp_path, classes={"0": "cat", "1": "dog"}).splits["train"]
    with pytest.raises(UserError) as error:
        prepare_split(split, SMALL, ("mask",))
    assert f"{tmp_path}/images/b.jpg {says}; repair or remove them" in str(error.value)
    prepared = prepare_split(split, SMALL, ("mask",), unreadable="skip")
    assert prepared.length == 1
    ((name, why),) = prepared.left_out
    assert (name, str(why)) == (f"{tmp_path}/images/b.jpg", says)
    assert why.kind == ("mask-unknown-id" if "unknown" in says else "unreadable-mask")


def test_a_picture_whose_header_cannot_be_read_is_never_silently_lost(tmp_path):
    pairs(tmp_path, "a", "b")
    (tmp_path / "images" / "b.jpg").write_bytes(b"")
    split = open_all(tmp_path).splits["train"]
    with pytest.raises(UserError, match=r"1 of the 2 .*b\.jpg is empty"):
        prepare_split(split, SMALL, ("mask",))


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("drawn_on", ["stored", "upright"])
def test_a_mask_of_a_turned_picture_fits_it_upright(tmp_path, orientation, drawn_on):
    stored = np.zeros((4, 6, 3), np.uint8)
    stored[1:3, 1:2] = 255
    path = picture(tmp_path / "images" / "a.png", orientation=orientation, pixels=stored)
    upright = decode_image(path.read_bytes()).numpy()
    drawn = (stored if drawn_on == "stored" else upright)[..., 0] // 255
    (tmp_path / "masks").mkdir()
    Image.fromarray(drawn).save(tmp_path / "masks" / "a.png")
    (found,) = masks_of(open_all(tmp_path), tmp_path).values()
    np.testing.assert_array_equal(found, upright[..., 0] // 255)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"classes": {"256": "a", "1": "b"}}, "'256' is no id of a mask's pixels"),
        ({"classes": {"cat": "a", "1": "b"}}, "'cat' is no id of a mask's pixels"),
        ({"classes": {"0": "a", "1": "a"}}, "at least two classes, not 1"),
        ({"classes": {"0": "a", "1": "b"}, "ignore": [1]}, "mask id 1 is the class 'b' and"),
        ({"ignore": [300]}, "ignore: 300 is no id"),
        ({"ignore": [1]}, "hold only the id 0; there have to be at least two"),
        ({"masks": "images"}, "is to hold pictures and masks; put each in its own folder"),
        ({"masks": "trimap"}, "has no folder 'trimap', which holds the masks"),
    ],
)
def test_unfit_options_are_refused_in_one_sentence(tmp_path, options, says):
    pairs(tmp_path, "a", "b")
    with pytest.raises(UserError, match=says) as error:
        open_all(tmp_path, **options)
    assert "\n" not in str(error.value)


def test_membranes_are_numbered_as_people_count(real_data):
    root = real_data / "isbi_em_membrane" / "data" / "membrane"
    classes = {"0": "membrane", "255": "cell"}
    splits = {"test": "all[24:30]"}
    dataset = open_dataset("mask_folders", root, splits=splits, classes=classes)
    test = dataset.splits["test"]
    names = [Path(test.label(i)).name for i in range(test.length)]
    assert names == ["24.png", "25.png", "26.png", "27.png", "28.png", "29.png"]
    # A tenth of the 24 others, rounded, is 2.
    assert [dataset.splits[name].length for name in ("train", "validation")] == [22, 2]
    raw = np.asarray(Image.open(root / "train" / "label" / "24.png"))
    np.testing.assert_array_equal(test.read(tf.constant(0, tf.int64))["mask"], raw // 255)
