"""The Oxford-IIIT Pet layout: three tasks from one folder, and the oddities of the real one."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.data import open_dataset, sentences
from zoo.data.pipeline import prepare_split
from zoo.errors import UserError
from zoo.preprocess import Preprocessing

CLASS, BOX, MASK = ("class",), ("class", "box"), ("mask",)
FROM_TRAINVAL = {"train": "annotations/trainval.txt", "test": "annotations/trainval.txt[::4]"}

XML = (
    "<annotation><filename>{name}.jpg</filename><size><width>8</width><height>4</height></size>"
    "{heads}</annotation>"
)
HEAD = (
    "<object><name>cat</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>"
    "</bndbox></object>"
)


@pytest.fixture
def pets(tmp_path):
    """Six pictures of two breeds, 8 wide and 4 high; the two to test on have no boxes."""
    (tmp_path / "images").mkdir()
    for folder in ("trimaps", "xmls"):
        (tmp_path / "annotations" / folder).mkdir(parents=True)
    trimap = np.full((4, 8), 2, np.uint8)
    trimap[1, :3] = 3, 1, 3
    for name in (
        "Bengal_1",
        "Bengal_2",
        "Bengal_9",
        "great_dane_1",
        "great_dane_2",
        "great_dane_9",
    ):
        Image.new("RGB", (8, 4)).save(tmp_path / "images" / f"{name}.jpg")
        Image.fromarray(trimap).save(tmp_path / "annotations" / "trimaps" / f"{name}.png")
        if not name.endswith("9"):
            heads = HEAD.format(3, 2, 6, 4)
            xml = tmp_path / "annotations" / "xmls" / f"{name}.xml"
            xml.write_text(XML.format(name=name, heads=heads))
    for name, text in (
        ("list", "Bengal_1 1 1 1\nBengal_2 1 1 1"),
        ("trainval", "Bengal_1 1 1 1\nBengal_2 1 1 1\ngreat_dane_1 2 2 1\ngreat_dane_2 2 2 1"),
        ("test", "Bengal_9 1 1 1\ngreat_dane_9 2 2 1"),
    ):
        (tmp_path / "annotations" / f"{name}.txt").write_text(text)
    return tmp_path


def open_pets(root, targets=None, **options):
    return open_dataset("oxford_pets", root, targets=targets, **{"validation": 0, **options})


def first(dataset, split="train"):
    return dataset.splits[split].read(tf.constant(0, tf.int64))


def test_the_breed_is_what_the_name_begins_with(pets):
    dataset = open_pets(pets, CLASS)
    assert dataset.targets == {"class"}
    assert dataset.label_names == ("Bengal", "great_dane")
    assert {name: split.counts for name, split in dataset.splits.items()} == {
        "train": (2, 2),
        "test": (1, 1),
    }
    assert set(first(dataset)) == {"image", "class"}
    assert dataset.mirrored is True
    assert sentences(dataset.findings) == (
        "train is annotations/trainval.txt",
        "test is annotations/test.txt",
    )


def test_the_head_box_has_the_breed_as_its_class(pets):
    splits = {"train": "annotations/trainval.txt", "test": "annotations/trainval.txt[::2]"}
    dataset = open_pets(pets, BOX, splits=splits)
    assert dataset.label_names == ("Bengal", "great_dane")
    assert dataset.splits["train"].counts == dataset.splits["test"].counts == (1, 1)
    # Pixels 3 to 6 and 2 to 4, counted from 1, of 8 and 4: edges 2, 1, 6, 4.
    np.testing.assert_allclose(first(dataset)["box"], [2 / 8, 1 / 4, 6 / 8, 1])


def test_the_published_test_list_has_no_boxes(pets):
    with pytest.raises(UserError, match=r"as test .*Bengal_9\.jpg has no annotation") as error:
        open_pets(pets, BOX)
    assert "annotations/xmls/Bengal_9.xml" in str(error.value)


def test_a_trimaps_ids_are_pet_background_and_border(pets):
    dataset = open_pets(pets, MASK)
    assert dataset.mask_names == ("pet", "background", "border")
    assert {name: split.length for name, split in dataset.splits.items()} == {
        "train": 4,
        "test": 2,
    }
    # In the file 2 everywhere but for 3, 1, 3.
    mask = first(dataset, "test")["mask"].numpy()
    assert mask.shape == (4, 8)
    assert mask[:2].tolist() == [[1] * 8, [2, 0, 2, 1, 1, 1, 1, 1]]


def test_all_targets_at_once_keep_what_has_no_box_and_mark_it(pets):
    dataset = open_pets(pets)
    assert dataset.targets == {"class", "box", "mask"}
    example = first(dataset, "test")
    assert example["class"].numpy() == 0
    assert np.isnan(example["box"]).all()
    assert example["mask"].shape == (4, 8)


def test_two_heads_are_cut_out_with_the_breed_of_their_picture(pets):
    heads = HEAD.format(1, 1, 2, 2) + HEAD.format(7, 3, 8, 4)
    xml = pets / "annotations" / "xmls" / "great_dane_1.xml"
    xml.write_text(XML.format(name="great_dane_1", heads=heads))
    splits = {"train": "annotations/trainval.txt"}
    dataset = open_pets(pets, BOX, splits=splits, test=0, objects="crop")
    assert dataset.splits["train"].counts == (2, 3)
    # For masks nothing is cut out, whatever is said of boxes.
    assert open_pets(pets, MASK, objects="crop").splits["train"].length == 4


def test_what_lacks_a_breed_or_a_trimap_is_left_out_by_name(pets):
    (pets / "images" / "Bengal_2.jpg").rename(pets / "images" / "Bengal.jpg")
    trainval = pets / "annotations" / "trainval.txt"
    trainval.write_text(trainval.read_text().replace("Bengal_2", "Bengal"))
    assert sentences(open_pets(pets, CLASS).findings)[2:] == (
        "left out of train: images/Bengal.jpg has no breed before an underscore in its name",
    )
    notes = sentences(open_pets(pets, MASK).findings)
    assert "masks without a picture: annotations/trimaps/Bengal_2.png" in notes
    assert (
        "left out of train: images/Bengal.jpg has no mask annotations/trimaps/Bengal.png" in notes
    )


@pytest.mark.parametrize(
    ("folder", "says"),
    [("images", "the pictures"), ("annotations/trimaps", "the trimaps")],
)
def test_a_folder_that_is_not_there_is_named(pets, folder, says):
    (pets / folder).rename(pets / "elsewhere")
    with pytest.raises(UserError, match=f"has no folder '{folder}', which holds {says}"):
        open_pets(pets, MASK)


@pytest.fixture(scope="module")
def real(real_data):
    return real_data / "oxford_pets_3breeds"


def read_all(dataset, targets):
    """Reads every split; nothing may be left out, by one task or the other."""
    for split in dataset.splits.values():
        prepared = prepare_split(split, Preprocessing((32, 32)), targets)
        assert prepared.left_out == ()
        assert prepared.length == split.length


def names(split):
    return {Path(split.label(index)).name for index in range(split.length)}


@pytest.mark.parametrize("targets", [CLASS, MASK])
def test_the_real_folder_is_read_whole_by_its_lists(real, targets):
    dataset = open_pets(real, targets, validation=0.1)
    lengths = {name: split.length for name, split in dataset.splits.items()}
    # 72 and 37 lines in the lists; a tenth of 72 goes to validation, of each breed for itself.
    assert lengths["train"] + lengths["validation"] == 72
    assert lengths["validation"] in (6, 7, 8)
    assert lengths["test"] == 37
    read_all(dataset, targets)
    assert "Abyssinian_5.jpg" in names(dataset.splits["test"])
    notes = "\n".join(sentences(dataset.findings))
    assert "images/Abyssinian_5.jpg (PNG)" in notes
    assert "images/Abyssinian_34.jpg (GIF)" in notes
    assert "taken as upright: images/Bengal_201.jpg (0)" in notes
    (unused,) = [note for note in sentences(dataset.findings) if note.startswith("in no split")]
    assert unused == "in no split: images/Abyssinian_34.jpg"
    expected = ("pet", "background", "border") if targets == MASK else ()
    assert dataset.mask_names == expected
    if targets == CLASS:
        assert dataset.label_names == ("Abyssinian", "Bengal", "american_bulldog")


def test_the_real_heads_are_read_whole(real):
    dataset = open_pets(real, BOX, splits=FROM_TRAINVAL)
    # 72 lines, of which two have no XML; every fourth of 70 is 18.
    assert {name: split.length for name, split in dataset.splits.items()} == {
        "train": 52,
        "test": 18,
    }
    read_all(dataset, BOX)
    assert dataset.label_names == ("Abyssinian", "Bengal", "american_bulldog")
    for name in ("Abyssinian_104", "Bengal_111"):
        for split in ("train", "test"):
            assert (
                f"left out of {split}: images/{name}.jpg has no annotation "
                f"annotations/xmls/{name}.xml"
            ) in sentences(dataset.findings)
    assert (
        "1 picture holds several objects, the largest is taken: images/Bengal_105.jpg (2)"
        in sentences(dataset.findings)
    )
    assert "18 examples asked for as train and test are in test" in sentences(dataset.findings)
