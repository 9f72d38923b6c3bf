from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.data import open_dataset, sentences
from zoo.errors import UserError


def draw(path: Path, shade: int = 100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4), shade).save(path)


def draw_classes(root: Path, counts: dict[str, int], ending: str = ".png") -> None:
    for place, (name, count) in enumerate(counts.items()):
        for index in range(count):
            draw(root / name / f"{index}{ending}", 100 * place + index)


def names(dataset, split: str) -> set[str]:
    found = dataset.splits[split]
    return {found.label(index) for index in range(found.length)}


def test_every_file_goes_to_one_split_and_every_class_to_all(tmp_path):
    draw_classes(tmp_path, {"cat": 20, "dog": 40})
    dataset = open_dataset("class_folders", tmp_path)
    assert dataset.label_names == ("cat", "dog")
    # test 20 % and validation 10 % of all: 4 + 8 and 2 + 4.
    assert {name: split.counts for name, split in dataset.splits.items()} == {
        "train": (14, 28),
        "validation": (2, 4),
        "test": (4, 8),
    }
    parts = [names(dataset, split) for split in dataset.splits]
    assert len(set.union(*parts)) == sum(map(len, parts)) == 60
    assert len(sentences(dataset.findings)) == 2


@pytest.mark.parametrize(
    "name",
    [
        *(".thumbnails", "lost+found", "__MACOSX", "@eaDir", "$RECYCLE.BIN"),
        "System Volume Information",
    ],
)
def test_what_is_none_of_the_data_is_no_class(tmp_path, name):
    draw_classes(tmp_path, {"cat": 5, "dog": 5})
    (tmp_path / name).mkdir()
    draw(tmp_path / name / "0.png")
    dataset = open_dataset("auto", tmp_path)
    assert dataset.label_names == ("cat", "dog")
    assert sum(split.length for split in dataset.splits.values()) == 10


def test_splits_depend_on_names_and_seed_alone(tmp_path):
    for place in ("here", "there"):
        draw_classes(tmp_path / place, {"cat": 20, "dog": 20})
    first, second = (
        {str(Path(name).relative_to(tmp_path / place)) for name in names(dataset, "test")}
        for place in ("here", "there")
        for dataset in [open_dataset("class_folders", tmp_path / place)]
    )
    assert first == second
    other = open_dataset("class_folders", tmp_path / "here", seed=1)
    assert {str(Path(n).relative_to(tmp_path / "here")) for n in names(other, "test")} != first


def test_a_new_file_moves_hardly_any_other(tmp_path):
    draw_classes(tmp_path, {"cat": 50, "dog": 50})
    before = names(open_dataset("class_folders", tmp_path), "test")
    draw(tmp_path / "cat" / "new.png")
    after = names(open_dataset("class_folders", tmp_path), "test")
    assert len(before - after) <= 1


def test_reading_gives_the_file_and_its_class_eagerly_and_in_tf_data(tmp_path):
    draw_classes(tmp_path, {"a": 6, "b": 6})
    split = open_dataset("class_folders", tmp_path).splits["train"]
    data = tf.data.Dataset.range(split.length).map(split.read)
    for index, example in enumerate(data):
        path = Path(split.label(index))
        assert example["image"].numpy() == path.read_bytes()
        assert int(example["class"]) == ("a", "b").index(path.parent.name)
        eager = split.read(tf.constant(index, tf.int64))
        assert eager["image"] == example["image"]
        assert eager["class"].dtype == tf.int32
    counted = np.bincount([int(example["class"]) for example in data])
    assert tuple(counted) == split.counts


@pytest.mark.parametrize("validation", ["validation", "val", "Valid"])
def test_folders_named_for_splits_are_those_splits(tmp_path, validation):
    draw_classes(tmp_path / "train", {"cat": 4, "dog": 3})
    draw_classes(tmp_path / validation, {"cat": 2, "dog": 1})
    draw_classes(tmp_path / "test", {"cat": 1})
    dataset = open_dataset("class_folders", tmp_path)
    assert {name: split.counts for name, split in dataset.splits.items()} == {
        "train": (4, 3),
        "validation": (2, 1),
        "test": (1, 0),
    }
    assert sentences(dataset.findings) == ("without a picture in test: dog",)


def test_a_split_without_folder_is_cut_from_train(tmp_path):
    draw_classes(tmp_path / "train", {"cat": 10, "dog": 10})
    draw_classes(tmp_path / "test", {"cat": 3, "dog": 3})
    dataset = open_dataset("class_folders", tmp_path, validation=0.2)
    assert dataset.splits["train"].counts == (8, 8)
    assert dataset.splits["validation"].counts == (2, 2)
    assert dataset.splits["test"].counts == (3, 3)


def test_splits_may_have_folders_of_any_name(tmp_path):
    draw_classes(tmp_path / "training", {"cat": 4, "dog": 3})
    draw_classes(tmp_path / "held_out", {"cat": 2, "dog": 2})
    splits = {"train": "training", "test": "held_out"}
    dataset = open_dataset("class_folders", tmp_path, splits=splits, validation=0)
    assert {name: split.length for name, split in dataset.splits.items()} == {"train": 7, "test": 4}


def test_a_class_may_be_called_test(tmp_path):
    draw_classes(tmp_path, {"test": 5, "train": 5})
    assert open_dataset("class_folders", tmp_path).label_names == ("test", "train")


@pytest.mark.parametrize(
    "folders",
    [
        ["train", "valid", "test"],
        ["train", "train_masks", "test"],
        ["Images", "groundtruth"],
        ["train/images", "train/groundtruth"],
    ],
)
def test_folders_of_splits_and_of_pictures_beside_masks_are_no_classes(tmp_path, folders):
    draw_classes(tmp_path, dict.fromkeys(folders, 5))
    with pytest.raises(UserError, match="is of no format that is told by its files; name the"):
        open_dataset("auto", tmp_path)


def test_masks_among_the_pictures_of_a_class_mislead(tmp_path):
    draw_classes(tmp_path, {"benign": 3, "normal": 3})
    for name in ("0_mask", "1-Label", "2_mask_1", "face_mask"):
        draw(tmp_path / "benign" / f"{name}.png")
    found = open_dataset("auto", tmp_path).findings
    assert [one.file for one in found if one.effect == "misleads"] == [
        "benign/0_mask.png",
        "benign/1-Label.png",
        "benign/2_mask_1.png",
    ]


def test_hidden_files_are_passed_over_and_others_counted(tmp_path):
    draw_classes(tmp_path, {"cat": 5, "dog": 5}, ".JPG")
    for name in ("._0.JPG", ".DS_Store", "notes.txt", "more.txt", "README"):
        (tmp_path / "cat" / name).write_bytes(b"x")
    draw(tmp_path / ".thumbnails" / "0.png")
    draw(tmp_path / "dog" / "inner" / "0.png")
    dataset = open_dataset("class_folders", tmp_path)
    assert sum(split.length for split in dataset.splits.values()) == 10
    assert dataset.label_names == ("cat", "dog")
    assert "2 .txt, 1 without an ending, 1 folder inside" in sentences(dataset.findings)[0]


@pytest.mark.parametrize("ending", [".jpe", ".JFIF"])
def test_every_ending_of_a_jpeg_is_read(tmp_path, ending):
    draw_classes(tmp_path, {"cat": 2, "dog": 2}, ending)
    dataset = open_dataset("auto", tmp_path, validation=0, test=0)
    assert dataset.splits["train"].counts == (2, 2)
    assert sentences(dataset.findings)[1:] == ()


def test_pictures_of_no_class_are_left_out_and_named_once(tmp_path):
    draw_classes(tmp_path, {"cat": 5, "dog": 5})
    draw(tmp_path / "loose.png")
    draw(tmp_path / "cat" / "kittens" / "1.png")
    splits = {"train": "all", "test": "all[::5]"}
    dataset = open_dataset("class_folders", tmp_path, splits=splits, validation=0)
    left_out = [one for one in dataset.findings if one.effect == "left out"]
    assert [(one.kind, one.file) for one in left_out] == [
        ("missing-label", "loose.png"),
        ("missing-label", "cat/kittens/1.png"),
    ]
    assert sentences(left_out)[0].startswith("pictures of no class")


def test_pictures_beside_the_folders_of_splits_are_named(tmp_path):
    for split in ("train", "test"):
        draw_classes(tmp_path / split, {"cat": 4, "dog": 4})
    draw(tmp_path / "0.png")
    draw(tmp_path / "test" / "1.png")
    dataset = open_dataset("class_folders", tmp_path)
    found = [one.file for one in dataset.findings if one.kind == "missing-label"]
    assert found == ["0.png", "test/1.png"]


def test_a_test_whose_pictures_are_of_no_class_is_left_out(tmp_path):
    draw_classes(tmp_path / "train", {"cat": 10, "dog": 10})
    draw_classes(tmp_path, {"test": 3})
    dataset = open_dataset("auto", tmp_path)
    assert {name: split.counts for name, split in dataset.splits.items()} == {
        "train": (7, 7),
        "validation": (1, 1),
        "test": (2, 2),
    }
    left_out = [one for one in dataset.findings if one.effect == "left out"]
    assert [one.file for one in left_out] == ["test/0.png", "test/1.png", "test/2.png"]


def test_relative_paths_are_found_under_zoo_data(tmp_path, monkeypatch):
    draw_classes(tmp_path / "pets", {"cat": 5, "dog": 5})
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    assert open_dataset("class_folders", Path("pets")).name == "pets"
    with pytest.raises(UserError, match="nowhere"):
        open_dataset("class_folders", Path("nowhere"))


def test_names_beyond_ascii_are_read(tmp_path):
    draw_classes(tmp_path, {"Kätzchen": 3, "狗": 3})
    split = open_dataset("class_folders", tmp_path).splits["train"]
    assert split.read(tf.constant(0, tf.int64))["image"].numpy().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda root: None, "holds no folder"),
        (lambda root: draw(root / "a.png"), "holds 1 picture but no folder"),
        (lambda root: draw_classes(root, {"cat": 3}), "only one class, 'cat'"),
        (
            lambda root: (draw_classes(root, {"cat": 3}), (root / "dog").mkdir()),
            "dog holds no picture",
        ),
        (lambda root: draw_classes(root / "test", {"cat": 3, "dog": 3}), "none named train"),
        (
            lambda root: (
                draw_classes(root / "train", {"cat": 3, "dog": 3}),
                draw_classes(root / "val", {"cat": 3}),
                draw_classes(root / "valid", {"cat": 3}),
            ),
            "two folders for validation",
        ),
        (
            lambda root: (
                draw_classes(root / "train", {"cat": 3, "dog": 3}),
                draw_classes(root / "test", {"eel": 3}),
            ),
            "'eel' of .* has no picture to train on",
        ),
        (
            lambda root: (
                draw_classes(root / "train", {"cat": 3, "dog": 3}),
                draw_classes(root, {"eel": 3}),
            ),
            "also 'eel', which is no split",
        ),
    ],
)
def test_unfit_folders_are_refused_in_one_sentence(tmp_path, make, says):
    make(tmp_path)
    with pytest.raises(UserError, match=says) as error:
        open_dataset("class_folders", tmp_path)
    assert "\n" not in str(error.value)


def test_missing_folders_and_files_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"there is no folder .*gone"):
        open_dataset("class_folders", tmp_path / "gone")
    (tmp_path / "file.zip").touch()
    with pytest.raises(UserError, match="is a file"):
        open_dataset("class_folders", tmp_path / "file.zip")
    with pytest.raises(UserError, match="--data"):
        open_dataset("class_folders")
