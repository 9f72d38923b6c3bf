"""Damaged annotations: the command names their file, opening says the same, and neither fails."""

import json
import random
import re
import time

import numpy as np
import pytest
from click.testing import CliRunner
from damage import cut, flip
from PIL import Image

from zoo.cli import main
from zoo.data import open_dataset
from zoo.errors import UserError

COUNT = 4
DEEP = 100_000
WRONG = ("NaN", "Infinity", "-1e308", "1e999", "9" * 30, "9" * 5000, "null", '"x"', "{}", "-1", "")
UNSPLIT = ("--set", "data.test=0", "--set", "data.validation=0")

XML = (
    b"<?xml version='1.0' encoding='utf-8'?><annotation><filename>0.png</filename><size>"
    b"<width>8</width><height>8</height></size><object><name>cat</name><bndbox><xmin>1</xmin>"
    b"<ymin>2</ymin><xmax>6</xmax><ymax>7</ymax></bndbox></object></annotation>"
)
YOLO = b"0 0.5 0.5 0.25 0.5\n1 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9\n"
YAML = b"path: .\ntrain: images\nnc: 2\nnames:\n  0: cat\n  1: dog\n"
CSV = (
    b"file,label,xmin,ymin,xmax,ymax\n0.png,cat,1,1,5,6\n1.png,dog,0,0,4,4\n2.png,cat,2,2,8,8\n"
    b"3.png,dog,1,2,3,4\n"
)
COCO = {
    "images": [
        {"id": number, "file_name": f"{number}.png", "width": 8, "height": 8}
        for number in range(COUNT)
    ],
    "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    "annotations": [
        {
            "id": number + 1,
            "image_id": number % COUNT,
            "category_id": 1 + number % 2,
            "bbox": [1, 1, 4, 5],
            "segmentation": [[1, 1, 5, 1, 5, 6, 1, 6]],
        }
        for number in range(6)
    ],
}


def pictures(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(COUNT):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def put_wrong(data, chance):
    numbers = list(re.finditer(rb"\d+(\.\d+)?", data))
    number = chance.choice(numbers)
    return data[: number.start()] + chance.choice(WRONG).encode() + data[number.end() :]


def mistake_encoding(data, chance):
    at = chance.randrange(len(data))
    return data[:at] + "é".encode("latin-1") + data[at:]


DAMAGES = (cut, flip, put_wrong, mistake_encoding)


def check(folder, source, *options):
    """Returns what the command says as JSON, or the one sentence that it ends with."""
    began = time.monotonic()
    command = ["check", str(folder), "--source", source, "--json", *UNSPLIT, *options]
    result = CliRunner().invoke(main, command)
    # Alone it takes a second or less.
    assert time.monotonic() - began < 60
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code in (0, 1, 2)
    if result.exit_code == 2:
        (line,) = [one for one in result.stderr.splitlines() if one.startswith("Error: ")]
        assert result.stderr.endswith(f"{line}\n")
        return line
    return json.loads(result.stdout)


def check_named(folder, source, file):
    """Checks a set whose only annotation is damaged: if it is of no use, its file is named."""
    said, opened = check(folder, source), open_alike(folder, source)
    if not isinstance(opened, str):
        texts = {one["text"] for one in said["findings"]} | set(said["decisions"])
        assert {one.text for one in opened.findings} <= texts
        return
    assert "\n" not in opened
    assert file in opened
    if isinstance(said, str):
        assert said == f"Error: {opened}"
        return
    unusable = [one["text"] for one in said["findings"] if one["kind"] == "unusable-set"]
    assert unusable == [opened]
    assert said["affects_training"]


def open_alike(folder, source):
    """Returns the data set, or why it cannot be opened."""
    try:
        return open_dataset(source, folder, validation=0, test=0)
    except UserError as error:
        return str(error)


@pytest.mark.parametrize(
    ("data", "folder", "ending"), [(XML, "xmls", ".xml"), (YOLO, "labels", ".txt")]
)
def test_files_of_one_picture_each(tmp_path, data, folder, ending):
    source = "voc" if ending == ".xml" else "yolo"
    (tmp_path / "images").mkdir()
    (tmp_path / folder).mkdir()
    chance, damaged = random.Random(0), {}
    if source == "yolo":
        (tmp_path / "data.yaml").write_bytes(YAML)
    deep = b"<annotation>" + b"<object>" * DEEP if source == "voc" else b"0 " * DEEP
    for number in range(60):
        damage = DAMAGES[number % 4]
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number:02}.png")
        written = data if number < 10 else damage(data, chance)
        path = (tmp_path / folder / f"{number:02}").with_suffix(ending)
        path.write_bytes(deep if number == 59 else written)
        damaged[f"{number:02}"] = damage if number >= 10 else None
    said = check(tmp_path, source)
    text = {}
    for one in said["findings"]:
        for number in re.findall(r"\b(\d\d)\.", one["text"]):
            text.setdefault(number, []).append(one)
    # In YOLO each picture has two objects, which is said, and harmless.
    harmful = {
        number
        for number, found in text.items()
        if any(one["kind"] not in ("several-objects", "object-shape") for one in found)
    }
    assert not harmful & {number for number, damage in damaged.items() if damage is None}
    assert "59" in harmful
    if source == "voc":
        # An element without its end is none.
        assert {number for number, damage in damaged.items() if damage is cut} <= harmful
    assert {number for number, damage in damaged.items() if damage is mistake_encoding} <= harmful
    dataset = open_dataset(source, tmp_path, validation=0, test=0)
    texts = {one["text"] for one in said["findings"]} | set(said["decisions"])
    assert {one.text for one in dataset.findings} <= texts


@pytest.mark.parametrize("number", range(12))
def test_cocos_json(tmp_path, number):
    pictures(tmp_path / "images")
    damage = DAMAGES[number % 4]
    whole = json.dumps(COCO).encode()
    (tmp_path / "marks.json").write_bytes(damage(whole, random.Random(number)))
    check_named(tmp_path, "coco", "marks.json")


def odd_coco():
    text = json.dumps(COCO)
    box, outline = "[1, 1, 4, 5]", "[[1, 1, 5, 1, 5, 6, 1, 6]]"
    huge = json.dumps({"size": [10**9, 10**9], "counts": [1, 10**18 - 1]})
    strays = '7, null, "x", {"id": {}}, '
    return {
        "deep": text.replace(box, "[" * DEEP + "]" * DEEP, 1),
        "nested": text.replace('"id": 1, "im', f'"id": {"[" * 480 + "]" * 480}, "im'),
        "constants": text.replace(box, "[NaN, Infinity, -Infinity, 1e308]"),
        "runs": text.replace(box, "[]").replace(outline, huge),
        "surrogate": text.replace('"dog"', '"\\ud800"'),
        "types": text.replace('s": [{"id": 0', f's": [{strays}{{"id": 0'),
        "numbers": text.replace('"width": 8', '"width": 1e308').replace('"id": 2', '"id": NaN'),
    }


@pytest.mark.parametrize("name", odd_coco())
def test_cocos_json_of_odd_values(tmp_path, name):
    pictures(tmp_path / "images")
    (tmp_path / "marks.json").write_text(odd_coco()[name])
    check_named(tmp_path, "coco", "marks.json")
    if name == "surrogate":
        result = CliRunner().invoke(main, ["check", str(tmp_path), "--source", "coco", *UNSPLIT])
        assert result.exit_code in (0, 1), result.exception


@pytest.mark.parametrize("number", range(8))
def test_yolos_description(tmp_path, number):
    pictures(tmp_path / "images")
    (tmp_path / "labels").mkdir()
    for picture in range(COUNT):
        (tmp_path / "labels" / f"{picture}.txt").write_bytes(YOLO)
    path = tmp_path / "data.yaml"
    path.write_bytes(DAMAGES[number % 4](YAML, random.Random(number)))
    check_named(path, "yolo", "data.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "train: images\nnc: " + "9" * 30,
        "train: images\nnc: 0x" + "f" * 5000,
        "train: images\nnames: " + "[" * 2000,
        'train: images\nnames: !!int ""',
        "train: images\nnames: {0x" + "f" * 5000 + ": cat}",
        "train: 2017-13-45\nnames: [cat]",
        "train: .inf\nnames: [cat]",
        "train: images\nnames: {.nan: cat}",
    ],
    ids=["huge", "hexadecimal", "deep", "no number", "huge number", "date", "infinite", "nan"],
)
def test_yolos_description_of_odd_values(tmp_path, text):
    pictures(tmp_path / "images")
    path = tmp_path / "data.yaml"
    path.write_text(text)
    said = check(path, "yolo")
    (unusable,) = [one["text"] for one in said["findings"] if one["kind"] == "unusable-set"]
    assert "data.yaml" in unusable
    with pytest.raises(UserError, match=re.escape(unusable)):
        open_dataset("yolo", path)


@pytest.mark.parametrize("number", range(8))
def test_tables(tmp_path, number):
    pictures(tmp_path)
    path = tmp_path / "labels.csv"
    path.write_bytes(DAMAGES[number % 4](CSV, random.Random(number)))
    check_named(path, "csv", "labels.csv")


@pytest.mark.parametrize(
    "data",
    [b"\0" * 100, b"\xff\xfe" + b"\xd8" * 33, b'"' * 99, b"file,label\n" + b"x" * 200_000],
    ids=["zeros", "utf-16", "quotes", "long"],
)
def test_tables_of_odd_bytes(tmp_path, data):
    pictures(tmp_path)
    path = tmp_path / "labels.csv"
    path.write_bytes(data)
    said = check(path, "csv")
    assert "labels.csv" in str(said)
    with pytest.raises(UserError, match=r"labels\.csv"):
        open_dataset("csv", path)
