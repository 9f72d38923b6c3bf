"""Names of pictures in lists, tables and COCO's files that differ from those on the disk."""

import pytest
from coco_folder import CocoFolder, opened, raw
from PIL import Image

from zoo.data import open_dataset, sentences
from zoo.data.files.example import Example
from zoo.data.files.names import Names
from zoo.errors import UserError

# The same letter as one character, and as two, which is how a Mac's archives have it.
COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def draw(root, *names):
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (20, 10), number).save(root / name)


def table(root, *rows):
    (root / "labels.csv").write_text("\n".join(["file,label", *rows]), encoding="utf-8")
    return open_dataset("csv", root, validation=0, test=0, targets=["class"])


def files(dataset, split="train"):
    found = dataset.splits[split]
    return [found.label(i).removeprefix(f"{dataset.root}/") for i in range(found.length)]


def test_a_table_may_write_names_in_other_capitals_and_accents(tmp_path):
    draw(tmp_path, "a.PNG", f"{DECOMPOSED}.png", "c.png")
    dataset = table(tmp_path, "A.png,cat", f"{COMPOSED}.png,dog", "c.png,cat")
    assert files(dataset) == ["a.PNG", "c.png", f"{DECOMPOSED}.png"]
    assert sentences(dataset.findings)[1:] == (
        "labels.csv: 2 pictures found by a name that differs in capitals or in the encoding of "
        "accents, as 'A.png' of a.PNG",
    )


def test_a_name_that_could_be_several_pictures_or_is_of_another_row_is_none(tmp_path):
    draw(tmp_path, "a.PNG", "A.png", "b.png", "c.png")
    dataset = table(tmp_path, "a.png,cat", "b.png,dog", "B.png,cat", "c.png,cat")
    assert files(dataset) == ["b.png", "c.png"]
    said = sentences(dataset.findings)
    for line, name in ((2, "a.png"), (4, "B.png")):
        text = f"left out: labels.csv line {line} names '{name}', and there is no such picture"
        assert text in said


def test_lists_may_write_names_in_other_capitals(tmp_path):
    draw(tmp_path, "cat/a.JPG", "cat/b.JPG", "dog/a.JPG", "dog/c.JPG")
    (tmp_path / "held.txt").write_text("cat/a.jpg 1\nDOG/C\n")
    splits = {"test": "held.txt"}
    dataset = open_dataset("class_folders", tmp_path, validation=0, splits=splits)
    assert files(dataset, "test") == ["cat/a.JPG", "dog/c.JPG"]
    assert (
        "held.txt: 2 pictures found by a name that differs in capitals or in the encoding of "
        "accents, as 'cat/a.jpg' of cat/a.JPG"
    ) in sentences(dataset.findings)


def test_coco_may_write_names_in_other_capitals_and_without_endings(tmp_path):
    folder = CocoFolder(tmp_path)
    for name, file in (
        ("A.png", "images/a.PNG"),
        (f"{COMPOSED}.png", f"images/{DECOMPOSED}.png"),
        ("c", "images/c.png"),
        ("x/d", "images/x/d.png"),
        ("y/d", "images/y/d.png"),
        ("e.png", "images/e.png"),
    ):
        folder.picture(name, {}, file=file)
    folder.list("E.png")
    folder.write()
    dataset = opened(tmp_path, "box")
    expected = ["a.PNG", "c.png", f"{DECOMPOSED}.png", "e.png", "x/d.png", "y/d.png"]
    assert sorted(raw(dataset, tmp_path)) == sorted(f"images/{name}" for name in expected)
    source = "annotations/instances.json"
    said = sentences(dataset.findings)
    assert f"left out, listed in {source} and not there: E.png" in said
    assert (
        f"{source}: 2 pictures found by a name that differs in capitals or in the encoding of "
        "accents, as 'A.png' of images/a.PNG"
    ) in said


@pytest.mark.parametrize(
    ("name", "file"),
    [("A/1.jpg", "a/1.JPG"), ("a/1", "a/1.JPG"), ("B/1", "b/1.jpg"), ("1.Jpg", ""), ("2", "")],
)
def test_the_whole_path_counts_before_the_end_of_another(name, file):
    examples = [Example(one, one, one) for one in ("a/1.JPG", "x/a/1.jpg", "b/1.jpg", "c/1.JPG")]
    (((_, found),), _) = Names(examples).find_all([(name,)], "list.txt", foreign=False)
    assert [one.file for one in found] == ([file] if file else [])


def test_a_list_may_have_the_paths_of_another_place_and_names_that_are_given_may_not(tmp_path):
    draw(tmp_path, "cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")
    (tmp_path / "held.txt").write_text("C:\\set\\cat\\1.png 0\nC:\\set\\dog\\1.png 1\n")
    splits = {"test": "held.txt"}
    dataset = open_dataset("class_folders", tmp_path, validation=0, splits=splits)
    assert files(dataset, "test") == ["cat/1.png", "dog/1.png"]
    said = "held.txt: the first 2 parts of its paths are of another place"
    assert said in sentences(dataset.findings)
    splits = {"test": ["set/cat/1.png"]}
    with pytest.raises(UserError, match="there is no such picture"):
        open_dataset("class_folders", tmp_path, validation=0, splits=splits)
