import dataclasses
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.data import Request, list_datasets, open_dataset
from zoo.data.dataset import DataSet
from zoo.errors import UserError


def test_listing_imports_neither_tensorflow_nor_keras():
    script = """
import sys
from zoo.data import list_datasets
rows = list_datasets()
heavy = {"tensorflow", "keras", "tensorflow_datasets", "sklearn"} & set(sys.modules)
print(len(rows), sorted(heavy))
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    count, heavy = answer.stdout.split(" ", 1)
    assert int(count) >= 3
    assert heavy.strip() == "[]"


def test_listing_finds_formats_and_sets_prepared_on_disk(tmp_path, monkeypatch):
    version = tmp_path / "birds" / "large" / "2.1.0"
    version.mkdir(parents=True)
    (version / "dataset_info.json").write_text("{}")
    features = {
        "featuresDict": {
            "features": {
                "bbox": {"pythonClassName": "tensorflow_datasets.core.features.BBoxFeature"},
                "segmentation_mask": {"pythonClassName": "a.b.Image"},
            }
        }
    }
    (version / "features.json").write_text(json.dumps(features))
    (tmp_path / "half_done" / "1.0.0").mkdir(parents=True)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    rows = {row.name: row for row in list_datasets()}
    formats = {
        "auto",
        "class_folders",
        "coco",
        "csv",
        "digit_scenes",
        "idx",
        "mask_folders",
        "npz",
        "oxford_pets",
        "tfds:NAME",
        "voc",
        "yolo",
    }
    assert set(rows) == formats | {"tfds:birds/large"}
    assert rows["tfds:birds/large"].targets == ("box", "mask")
    assert rows["digit_scenes"].targets == ("class", "box", "mask")
    assert [row.name for row in list_datasets("digit*")] == ["digit_scenes"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("digit_scene", "did you mean 'digit_scenes'"),
        ("nothing like it", "class_folders"),
        ("tfds", "'tfds:NAME'"),
        ("tfds:", "'tfds:NAME'"),
        ("digit_scenes:large", "is written 'digit_scenes'"),
    ],
)
def test_unknown_sources_are_refused_with_what_there_is(source, says):
    with pytest.raises(UserError, match="data source") as error:
        open_dataset(source)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"splits": {"tran": "train"}}, "did you mean 'train'"),
        ({"targets": ["box", "clas"]}, "there is no target 'clas'; did you mean 'class'"),
        ({"splits": {"train": ["1", "2"]}}, "splits.train names examples, which .* has no names"),
        ({"group": "(scene)"}, "looked for in the names of files, which .* does not keep"),
        ({"validation": 1.0}, "validation"),
        ({"test": -0.1}, "test"),
        ({"validation": 0.5, "test": 0.5}, "nothing to train on"),
    ],
)
def test_nonsense_requests_are_refused(options, says):
    with pytest.raises(UserError, match=says):
        open_dataset("digit_scenes", **options)


def test_a_request_defaults_to_what_open_dataset_says_and_picks_from_what_a_format_carries():
    request, everything = Request(), frozenset(("class", "box"))
    defaults = inspect.signature(open_dataset).parameters
    for field in dataclasses.fields(Request):
        assert getattr(request, field.name) == defaults[field.name].default
    assert request.wanted(everything) == everything
    assert Request(targets=frozenset(("box", "mask"))).wanted(everything) == {"box"}


def test_a_format_is_given_one_request(monkeypatch, tmp_path):
    asked = []

    def opened(*given):
        asked.append(given)
        return DataSet("cats", frozenset({"box"}), (), (), {})

    monkeypatch.setattr("zoo.data.formats.voc.open", opened)
    monkeypatch.setenv("HOME", str(tmp_path))
    splits = {"test": "all[::4]"}
    open_dataset("voc", Path("~/cats"), targets=["box"], splits=splits, seed=3, cache="~/kept")
    request = Request(frozenset({"box"}), splits, 3, cache=tmp_path / "kept")
    assert asked == [("", tmp_path / "cats", request)]


def test_a_task_is_told_which_target_the_set_lacks():
    dataset = DataSet("mine", frozenset({"class"}), ("cat", "dog"), (), {})
    assert dataset.class_names(("class",)) == ("cat", "dog")
    with pytest.raises(UserError, match=r"'mine' has no 'box'.*it has 'class'"):
        dataset.class_names(("class", "box"))
    with pytest.raises(UserError, match="no split 'test'"):
        dataset.split("test")


def test_masks_have_names_of_their_own():
    dataset = DataSet("m", frozenset({"class", "mask"}), ("cat",), ("background", "cat"), {})
    assert dataset.class_names(("mask",)) == ("background", "cat")
