"""Several tables of a set: in the folders of its splits, and as competitions give them."""

from pathlib import Path

import pytest
from PIL import Image

from zoo.data import open_dataset, recognize
from zoo.errors import UserError


def draw(root: Path, *names: str) -> None:
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (20, 10), number).save(path)


def write(root: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def names(dataset) -> dict[str, list[str]]:
    return {
        name: [split.label(index).removeprefix(f"{dataset.root}/") for index in range(split.length)]
        for name, split in dataset.splits.items()
    }


def left_out(dataset) -> list[str]:
    return [one.file for one in dataset.findings if one.effect == "left out"]


HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax\n"


def test_tables_in_folders_of_splits_are_these_splits(tmp_path):
    folders = {"train": "train", "valid": "validation", "test": "test"}
    for folder in folders:
        draw(tmp_path / folder, "1.png", "2.png")
        rows = [f"{number}.png,20,10,cat,1,2,11,6\n" for number in (1, 2)]
        write(tmp_path / folder, {"_annotations.csv": HEADER + "".join(rows)})
    evidence = "there is test/_annotations.csv, a table whose rows name pictures"
    assert recognize(tmp_path) == ("csv", tmp_path, evidence)
    dataset = open_dataset("auto", tmp_path)
    assert dataset.targets == {"class", "box"}
    assert names(dataset) == {
        split: [f"{folder}/1.png", f"{folder}/2.png"] for folder, split in folders.items()
    }
    assert left_out(dataset) == []
    # A row that names nothing is said with its table's folder.
    write(tmp_path / "train", {"_annotations.csv": f"{HEADER}1.png,20,10,cat,1,2,11,6\ngone.png\n"})
    dataset = open_dataset("auto", tmp_path)
    assert left_out(dataset) == ["train/_annotations.csv", "train/2.png"]


def test_a_table_beside_others_is_asked_for(tmp_path):
    draw(tmp_path, *(f"train/{number}.png" for number in range(4)), "test/8.png")
    write(
        tmp_path,
        {
            "sample_submission.csv": "image_id,label\n8,cat\n",
            "test.csv": "image_id\n8\n",
            "train.csv": "image_id,label\n0,cat\n1,dog\n2,cat\n3,dog\n",
        },
    )
    assert recognize(tmp_path).source == "csv"
    with pytest.raises(UserError) as error:
        open_dataset("auto", tmp_path)
    assert str(error.value).endswith(
        "holds the tables sample_submission.csv and train.csv; name one in data.options, as in "
        'table="train.csv"'
    )
    dataset = open_dataset("auto", tmp_path, table="train.csv", validation=0, test=0)
    assert names(dataset) == {"train": [f"train/{number}.png" for number in range(4)]}


def test_tables_that_name_no_picture_do_not_count(tmp_path):
    draw(tmp_path, "cat/1.png", "dog/2.png")
    write(tmp_path, {"a.csv": "date,who\nmonday,me\n", "b.csv": "x\n"})
    assert recognize(tmp_path).source == "class_folders"
    write(tmp_path, {"c.csv": "cat/1,1\ndog/2,2\n"})
    dataset = open_dataset("auto", tmp_path, validation=0, test=0)
    assert dataset.label_names == ("1", "2")


def test_a_test_without_labels_is_left_out(tmp_path):
    draw(tmp_path, *(f"train/{number}.png" for number in range(4)), "test/8.png")
    write(
        tmp_path,
        {"test.csv": "image_id\n8\n", "train.csv": "image_id,label\n0,cat\n1,dog\n2,cat\n3,dog\n"},
    )
    dataset = open_dataset("auto", tmp_path, validation=0, test=0)
    assert names(dataset) == {"train": [f"train/{number}.png" for number in range(4)]}
    assert left_out(dataset) == ["test.csv", "test/8.png"]
    said = [str(one) for one in dataset.findings]
    assert "left out: test.csv, a test without labels, of 1 picture" in said
