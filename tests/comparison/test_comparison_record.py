"""Going on with a comparison: the same, or more of it."""

import json

import pytest

from zoo.comparison.axes import make_grid
from zoo.comparison.record import (
    check_continues,
    check_threads,
    in_order,
    read_record,
    write_record,
)
from zoo.errors import UserError

VARY = {"model.head": ["flatten", "average"], "epochs": [1, 2]}
CASES = {"wide": {"model.filters": [4]}, "base": {}}
RECIPE = {"task": "classification", "model": {"filters": [2]}, "epochs": 1, "seed": 0}


def record():
    return {"recipe": RECIPE, "vary": VARY, "cases": CASES, "seeds": [0, 1], "threads": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"vary": VARY | {"epochs": [3, 2, 1]}},
        {"vary": dict(reversed(VARY.items()))},
        {"seeds": [0, 1, 2]},
        {"cases": CASES | {"deep": {"model.blocks": 2}}},
        {"recipe": RECIPE | {"seed": 5}},
    ],
)
def test_the_same_or_more(tmp_path, changes):
    asked = record() | changes
    grid = make_grid(asked["vary"], asked["cases"], asked["seeds"])
    check_continues(tmp_path, record(), asked["recipe"], grid)
    # Runs are named in the order of the fields: those that are there are found again.
    names = {cell.name for cell in make_grid(VARY, CASES, [0, 1]).cells()}
    assert names <= {cell.name for cell in in_order(record(), grid).cells()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": RECIPE | {"epochs": 9}}, "epochs=1, not epochs=9"),
        ({"recipe": RECIPE | {"model": {"filters": [3]}}}, r"model.filters=\[2\], not .*\[3\]"),
        ({"recipe": RECIPE | {"model": {"filters": [2], "x": 1}}}, "model.x=null, not model.x=1"),
        ({"vary": {"epochs": [1, 2]}}, "varies epochs, model.head, cases, not epochs, cases"),
        ({"vary": VARY | {"batch_size": [1]}}, "not batch_size, epochs, model.head, cases"),
        ({"cases": {}}, "varies epochs, model.head, cases, not epochs, model.head;"),
        ({"vary": VARY | {"epochs": [1, 3]}}, "also compares epochs=2, which is left out"),
        ({"seeds": [0]}, "also compares seeds=1, which is left out"),
        ({"cases": {"wide": CASES["wide"]}}, "the case 'base', which is left out"),
        ({"cases": CASES | {"base": {"repeat": 3}}}, "a case 'base' of other values"),
    ],
)
def test_another_comparison_is_refused(tmp_path, changes, message):
    asked = record() | changes
    grid = make_grid(asked["vary"], asked["cases"], asked["seeds"])
    with pytest.raises(UserError, match=message) as refusal:
        check_continues(tmp_path, record(), asked["recipe"], grid)
    assert "another --out" in str(refusal.value)


def test_threads_stay(tmp_path):
    assert check_threads(tmp_path, record(), None) == 1
    assert check_threads(tmp_path, record(), 1) == 1
    with pytest.raises(UserError, match="begun with --threads 1"):
        check_threads(tmp_path, record(), 2)


def test_reading(tmp_path):
    assert read_record(tmp_path / "absent") is None
    assert read_record(tmp_path) is None
    (tmp_path / "cache").mkdir()
    (tmp_path / ".lock").touch()
    assert read_record(tmp_path) is None
    held = record() | {"rows": []}
    write_record(tmp_path, held)
    assert read_record(tmp_path) == held


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"recipe"', "Expecting ':' delimiter"),
        (b"\xff", "can't decode byte"),
        (b"[]", "it holds no object"),
        (b"{}", "the file lacks the field 'recipe'"),
        (json.dumps(record() | {"vary": ["epochs"]}).encode(), "the file's vary is ['epochs']: "),
        (json.dumps(record() | {"threads": "1"}).encode(), "the file's threads is '1': "),
        (json.dumps(record() | {"data": [{"counts": {}}]}).encode(), "lacks the field"),
    ],
)
def test_a_damaged_record(tmp_path, content, why):
    (tmp_path / "compare.json").write_bytes(content)
    with pytest.raises(UserError) as refusal:
        read_record(tmp_path)
    said = str(refusal.value)
    assert said.startswith(f"{tmp_path / 'compare.json'} is damaged (")
    assert why in said
    assert said.endswith("; put it right, or choose another --out")
    assert "\n" not in said


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    for folder in (tmp_path, tmp_path / "holiday.jpg"):
        with pytest.raises(UserError, match="is no comparison"):
            read_record(folder)
