"""Tables of pictures as data sets: what is learnt from them, and what is said of each bad row."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.data import open_dataset, sentences
from zoo.errors import UserError


def draw(root: Path, *names: str, size=(20, 10)) -> None:
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, number).save(path)


def opened(root, text, **options):
    (root / "labels.csv").write_text(text)
    return open_dataset("csv", root, **{"validation": 0, "test": 0, **options})


def read(dataset, what, split="train"):
    found = dataset.splits[split]
    return {
        Path(found.label(i)).name: found.read(tf.constant(i, tf.int64))[what].numpy()
        for i in range(found.length)
    }


def test_labels_are_read_in_the_order_of_the_files(tmp_path):
    draw(tmp_path / "photos", "2.png", "10.png", "b/1.png")
    dataset = opened(tmp_path, "photos\\10.png,dog\nb/1,cat\n./photos/2.png,dog\n")
    assert dataset.targets == {"class"}
    assert read(dataset, "class") == {"2.png": 1, "10.png": 1, "1.png": 0}
    assert list(read(dataset, "class")) == ["2.png", "10.png", "1.png"]
    assert sentences(dataset.findings) == (
        "labels.csv has no header, and of its columns the file is 1; the label is 2",
    )


def test_only_some_classes_may_count(tmp_path):
    draw(tmp_path, "1.png", "2.png", "3.png")
    text = "1.png,cat\n2.png,dog\n3.png,eel\n"
    dataset = opened(tmp_path, text, classes=["cat", "dog"], targets=["class"])
    assert dataset.label_names == ("cat", "dog")
    assert sentences(dataset.findings)[1:] == (
        "left out of train: 3.png is of class 'eel', which does not count",
    )


def test_every_row_that_cannot_be_used_is_named_with_its_line(tmp_path):
    draw(tmp_path, "a.png", "b.png", "c.png", "d.png", "x/e.png", "y/e.png", "f.png")
    text = (
        "file,label\n"
        "a.png,cat\n"
        "\n"
        '"gone.png",cat\n'
        "b.png,dog\n"
        "b.png,cat\n"
        "c.png,\n"
        "a.png,cat\n"
        "e.png,cat\n"
        ",cat\n"
        "d.png,dog\n"
    )
    dataset = opened(tmp_path, text, targets=["class"])
    assert set(read(dataset, "class")) == {"a.png", "d.png"}
    assert sentences(dataset.findings)[1:] == (
        "left out: labels.csv line 4 names 'gone.png', and there is no such picture",
        "left out: labels.csv line 9 names 'e.png', and there are x/e.png and y/e.png",
        "left out: labels.csv line 10 names no picture",
        "pictures without a row in labels.csv: f.png, x/e.png, y/e.png",
        "a.png stands in labels.csv line 2, labels.csv line 8 with the same label",
        "left out of train: b.png has the labels 'cat' (labels.csv line 6) and 'dog' "
        "(labels.csv line 5)",
        "left out of train: c.png has no label in labels.csv line 7",
    )


def test_boxes_splits_and_groups_come_from_columns(tmp_path):
    draw(tmp_path / "images", *(f"{n}.png" for n in range(8)))
    rows = [
        f"{n}.png,{'cat' if n % 2 else 'dog'},{n},0,10,5,{'val' if n > 5 else 'train'},p{n // 2}"
        for n in range(8)
    ]
    text = "\n".join(["name of file,label,x,y,w,h,set,patient", *rows])
    dataset = opened(tmp_path, text, test=0.3)
    counts = {split: found.length for split, found in dataset.splits.items()}
    # Of six to train on, three patients of two, one patient goes to the test.
    assert counts == {"train": 4, "validation": 2, "test": 2}
    names = sorted(read(dataset, "class", "test"))
    assert int(names[0][0]) // 2 == int(names[1][0]) // 2
    everything = {**read(dataset, "box"), **read(dataset, "box", "test")}
    # Of a picture of 20x10, from x = 1 and y = 0, 10 wide and 5 high.
    np.testing.assert_allclose(everything["1.png"], [1 / 20, 0, 11 / 20, 0.5], rtol=1e-6)
    said = sentences(dataset.findings)
    assert "the group is 'patient'" in said[0]
    assert "taken as xywh" in said[1]


def splits_of(values):
    rows = [f"{n}.png,{'cat' if n % 2 else 'dog'},{value}" for n, value in enumerate(values)]
    return "\n".join(["file,label,set", *rows])


def test_dev_is_validation_and_other_splits_than_there_are_are_named(tmp_path):
    draw(tmp_path, *(f"{n}.png" for n in range(9)))
    values = ["train", "Train", "dev", "dev", "test", "test", "holdout", "2", "2"]
    dataset = opened(tmp_path, splits_of(values), targets=["class"])
    assert {split: sorted(read(dataset, "class", split)) for split in dataset.splits} == {
        "train": ["0.png", "1.png"],
        "validation": ["2.png", "3.png"],
        "test": ["4.png", "5.png"],
    }
    (said,) = [one for one in dataset.findings if one.effect == "left out"]
    assert said.text == (
        "left out: labels.csv has the splits '2' (2 pictures), 'holdout' (1 picture), and a split "
        "is train, validation or test"
    )


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            ["0", "0", "1"],
            r"the splits '0' \(2 pictures\), '1' \(1 picture\), and a split is train",
        ),
        (["A", "A", "test"], r"the split 'A' \(2 pictures\), and a split is train"),
    ],
)
def test_splits_without_one_to_train_on_are_refused_unless_others_are_asked_for(
    tmp_path, values, says
):
    draw(tmp_path, "0.png", "1.png", "2.png")
    with pytest.raises(UserError, match=f"{says}.*; write these in the table, or say") as error:
        opened(tmp_path, splits_of(values))
    assert "\n" not in str(error.value)
    dataset = opened(tmp_path, splits_of(values), splits={"test": ["2"]})
    assert dataset.splits["train"].length == 2
    assert [one for one in dataset.findings if one.effect == "left out"] == []


def test_faulty_boxes_and_pictures_of_several_objects_are_named(tmp_path):
    draw(tmp_path, *(f"{name}.png" for name in "abcdefg"))
    text = (
        "a.png,1,2,11,6,cat\n"
        "a.png,0,0,20,9,dog\n"
        "b.png,1,2,30,6,cat\n"
        "c.png,1,2,x,6,cat\n"
        "d.png,,,,,\n"
        "e.png,5,2,5,6,cat\n"
        "f.png,1,2,9,9,\n"
        "g.png,9,9,1,2,cat\n"
    )
    dataset = opened(tmp_path, text, targets=["class", "box"], box_format="xyxy")
    boxes = read(dataset, "box")
    assert {name: read(dataset, "class")[name] for name in boxes} == {
        "a.png": 1,
        "b.png": 0,
        "g.png": 0,
    }
    np.testing.assert_allclose(boxes["a.png"], [0, 0, 1, 0.9], rtol=1e-6)
    np.testing.assert_allclose(boxes["b.png"], [0.05, 0.2, 1, 0.6], rtol=1e-6)
    np.testing.assert_allclose(boxes["g.png"], [0.05, 0.2, 0.45, 0.9], rtol=1e-6)
    said = sentences(dataset.findings)
    for text in (
        "1 picture holds several objects, the largest is taken: a.png (2)",
        "labels.csv line 3: object 1 (cat): its box (1, 2, 30, 6) clipped to the picture",
        "c.png has the annotation labels.csv line 4: object 1 in line 4 has no box of four numbers",
        "d.png has the annotation labels.csv line 5: it names no object",
        "e.png has the annotation labels.csv line 6: object 1 (cat): a box of no width",
        "f.png has the annotation labels.csv line 7: object 1 in line 7 has no label",
        "labels.csv line 8: object 1 (cat): swapped corners put right",
    ):
        assert any(text in sentence for sentence in said), (text, said)


def test_boxes_without_labels_are_of_one_class_and_fractions_of_any_size(tmp_path):
    draw(tmp_path, "a.png", "b.png")
    text = "photo;x_center;y_center;width;height\na.png;0,5;0,5;0,5;1\nb.png;0,25;0,5;0,5;0,5"
    dataset = opened(tmp_path, text)
    assert dataset.label_names == ("object",)
    np.testing.assert_allclose(read(dataset, "box")["b.png"], [0, 0.25, 0.5, 0.75], rtol=1e-6)
    assert "every object is of the class 'object'" in sentences(dataset.findings)[2]
    told = opened(tmp_path, text, box_format="rel_xywh", columns={"box": 2}, header=True)
    assert "taken as" not in " ".join(sentences(told.findings))


def test_paths_of_another_machine_and_tables_of_splits(tmp_path):
    draw(tmp_path / "set", "cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")
    for split, number in (("train", 1), ("test", 2)):
        rows = [rf"C:\Users\me\set\{name}\{number}.png,{name}" for name in ("cat", "dog")]
        (tmp_path / "set" / f"{split}.csv").write_text("\n".join(rows))
    dataset = open_dataset("csv", tmp_path / "set", validation=0)
    assert {split: found.counts for split, found in dataset.splits.items()} == {
        "train": (1, 1),
        "test": (1, 1),
    }
    assert "the first 4 parts of its paths are of another place" in sentences(dataset.findings)[1]


@pytest.mark.parametrize(
    ("files", "options", "says"),
    [
        ({}, {}, "holds no table"),
        ({"a.csv": "a.png,1", "b.csv": "a.png,1"}, {}, r"the tables a\.csv and b\.csv; name one"),
        ({"a.csv": "a.png,1"}, {"table": "b.csv"}, r"has no table 'b\.csv'"),
        ({"a.csv": "a.png"}, {}, r"a\.csv has no column of labels; name it"),
        ({"a.csv": "a.png,1"}, {"box_format": "yxyx"}, "box_format"),
    ],
)
def test_unfit_tables_are_refused_in_one_sentence(tmp_path, files, options, says):
    draw(tmp_path, "a.png")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=says) as error:
        open_dataset("csv", tmp_path, **options)
    assert "\n" not in str(error.value)
