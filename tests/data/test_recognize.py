"""Which format a path is of: told by its files, or asked for where two fit."""

import shutil
from pathlib import Path

import pytest
from layouts import (
    LAYOUTS,
    class_folders,
    coco,
    csv,
    described_yolo,
    draw,
    idx,
    listed_masks,
    npz,
    voc,
    write,
)

from zoo.data import check_source, open_dataset, recognize
from zoo.data import formats as formats_package
from zoo.errors import UserError

BOX = (
    "<annotation><object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax>"
    "<ymax>2</ymax></bndbox></object></annotation>"
)


@pytest.mark.parametrize("make", LAYOUTS, ids=lambda make: make.__name__)
def test_a_folder_is_told_by_its_files(tmp_path, make):
    make(tmp_path)
    source, path, evidence = recognize(tmp_path)
    expected, says = LAYOUTS[make]
    assert (source, path) == (expected, tmp_path)
    assert says in evidence


def test_the_only_folder_inside_is_looked_at(tmp_path):
    (tmp_path / "archive" / "pets").mkdir(parents=True)
    (tmp_path / "LICENSE").touch()
    class_folders(tmp_path / "archive" / "pets")
    source, path, evidence = recognize(tmp_path)
    assert (source, path) == ("class_folders", tmp_path / "archive" / "pets")
    assert evidence.endswith(" in archive/pets")
    assert len(open_dataset("auto", tmp_path).label_names) == 2


def test_what_a_mac_adds_to_an_archive_is_no_folder_beside_the_set(tmp_path):
    class_folders(tmp_path / "pets")
    (tmp_path / "__MACOSX" / "pets").mkdir(parents=True)
    (tmp_path / "__MACOSX" / "pets" / "._1.png").write_bytes(b"\x00\x05\x16\x07")
    assert recognize(tmp_path)[:2] == ("class_folders", tmp_path / "pets")


def test_every_format_that_is_told_is_tried_here():
    told = {
        name for name, module in formats_package._formats().items() if hasattr(module, "recognize")
    }
    assert {source.partition(":")[0] for source, _ in LAYOUTS.values()} == told


@pytest.mark.parametrize(
    ("make", "file"),
    [
        (csv, "labels.csv"),
        (described_yolo, "data.yaml"),
        (npz, "set.npz"),
        (idx, "t10k-images-idx3-ubyte.gz"),
        (coco, "annotations/instances.json"),
        (listed_masks, "lists/train.txt"),
    ],
)
def test_a_single_file_is_told_as_well(tmp_path, make, file):
    make(tmp_path)
    assert recognize(tmp_path / file)[0] == LAYOUTS[make][0]


@pytest.mark.parametrize(
    ("make", "file"),
    [
        (coco, "annotations/instances.json"),
        (listed_masks, "lists/train.txt"),
        (listed_masks, "own.txt"),
    ],
)
def test_a_file_of_labels_finds_its_pictures(tmp_path, make, file):
    make(tmp_path)
    (tmp_path / "annotations").mkdir(exist_ok=True)
    (tmp_path / "annotations/other.json").write_text('{"images": [], "annotations": []}')
    dataset = open_dataset("auto", tmp_path / file, validation=0, test=0)
    assert dataset.root == tmp_path
    assert dataset.splits["train"].length == 1


def test_what_is_to_be_learnt_decides_between_formats(tmp_path):
    voc(tmp_path)
    draw(tmp_path, "images/1.png", "masks/1.png")
    assert recognize(tmp_path)[0] == "voc"
    assert recognize(tmp_path, ["mask"])[0] == "mask_folders"
    with pytest.raises(
        UserError, match=r"looks like .*voc.*not all .*\('box' and 'mask'\); choose another task"
    ):
        recognize(tmp_path, ["box", "mask"])


def voc_of_splits(root):
    """As Roboflow exports them: an XML file beside each picture."""
    for split, name in (("train", 1), ("valid", 2), ("test", 3)):
        draw(root, f"{split}/{name}.png")
        write(root, **{f"{split}__{name}_dot_xml": BOX})


def voc_in_folders_of_any_name(root):
    draw(root, "images/1.png", "images/2.png")
    write(root, annots__1_dot_xml=BOX, annots__2_dot_xml=BOX)


@pytest.mark.parametrize(
    ("make", "first", "lengths"),
    [
        (voc_of_splits, "test/3.xml", {"train": 1, "validation": 1, "test": 1}),
        (voc_in_folders_of_any_name, "annots/1.xml", {"train": 2}),
    ],
)
def test_voc_is_told_wherever_its_files_are(tmp_path, make, first, lengths):
    make(tmp_path / "a" / "b")
    source, path, evidence = recognize(tmp_path)
    assert (source, path) == ("voc", tmp_path / "a" / "b")
    assert evidence.endswith(f"XML files: {first} in a/b")
    dataset = open_dataset("auto", tmp_path, validation=0, test=0)
    assert {name: split.length for name, split in dataset.splits.items()} == lengths
    assert not any(one.affects_training for one in dataset.findings)


def test_a_set_beside_others_is_not_taken_for_all_of_them(tmp_path):
    voc_in_folders_of_any_name(tmp_path / "kangaroos")
    draw(tmp_path, "faces/glad/1.png")
    with pytest.raises(UserError, match="is of no format that is told by its files"):
        recognize(tmp_path)
    assert recognize(tmp_path / "kangaroos")[0] == "voc"


def test_voc_whose_test_has_no_annotations_is_told(tmp_path):
    voc_of_splits(tmp_path)
    for split in ("valid", "test"):
        shutil.rmtree(tmp_path / split)
    draw(tmp_path, "test/3.png")
    assert recognize(tmp_path)[:2] == ("voc", tmp_path)


def test_where_two_formats_fit_both_are_named(tmp_path):
    voc(tmp_path)
    csv(tmp_path)
    with pytest.raises(UserError, match=r"can be read as csv .* and as voc") as error:
        open_dataset("auto", tmp_path)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith('say which in data.source, as in data.source="csv"')


def test_what_is_no_data_set_is_refused(tmp_path):
    draw(tmp_path, "1.png")
    write(tmp_path, notes_dot_xml="<html/>", notes_dot_csv="a,b", some_dot_yaml="a: 1")
    with pytest.raises(UserError, match="is of no format that is told by its files; name the"):
        recognize(tmp_path)
    with pytest.raises(UserError, match="there is no folder"):
        recognize(tmp_path / "gone")
    with pytest.raises(UserError, match="pass --data PATH"):
        open_dataset("auto")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "broken.npz").write_bytes(b"x")
    with pytest.raises(UserError, match="is of no format"):
        recognize(tmp_path / "empty.csv")


def test_options_are_those_of_the_format_found(tmp_path, monkeypatch):
    csv(tmp_path)
    assert check_source("auto", {"anything": 1}) == {"anything": 1}
    with pytest.raises(UserError, match=r"'csv' has no field 'colums'; did you mean 'columns'"):
        open_dataset("auto", tmp_path, colums={})
    monkeypatch.setenv("ZOO_DATA", str(tmp_path.parent))
    assert recognize(Path(tmp_path.name))[0] == "csv"


@pytest.mark.parametrize("ending", ["txt", "csv", "lst"])
@pytest.mark.parametrize("caption", ["w" * 300, "word " * 40_000], ids=["name", "cell"])
def test_a_list_of_long_captions_beside_pictures_is_no_list_of_masks(tmp_path, ending, caption):
    class_folders(tmp_path)
    (tmp_path / "notes.csv").unlink()
    (tmp_path / f"captions.{ending}").write_text(f"train/cat/1.png\t{caption}\n")
    assert recognize(tmp_path).source == ("csv" if ending == "csv" else "class_folders")


LONG = "w" * 300


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("class_folders", {"splits": {"train": LONG}}),
        ("csv", {"table": LONG}),
        ("coco", {"annotations": LONG}),
        ("mask_folders", {"pairs": LONG}),
        ("mask_folders", {"classes": LONG}),
        ("mask_folders", {"splits": {"test": LONG}}),
        ("tfds:" + LONG, {}),
        ("auto", {"path": LONG}),
        ("tfds:birds", {"path": LONG}),
    ],
)
def test_a_name_too_long_for_any_file_is_refused_in_one_sentence(tmp_path, source, options):
    draw(tmp_path, "images/1.png", "masks/1.png")
    options = {"path": tmp_path, **options}
    with pytest.raises(UserError, match="www") as error:
        open_dataset(source, **options)
    assert "\n" not in str(error.value)
