"""What is varied: parsed, multiplied, named. No network is built."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.comparison.axes import (
    identity,
    make_grid,
    parse_cases,
    parse_vary,
    short_titles,
    split_outside,
)
from zoo.errors import UserError


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("model.encoder=plain,resnet20", ["plain", "resnet20"]),
        ("model.residual=true,false", [True, False]),
        ("model.residual=True,False", [True, False]),
        ("epochs=8, 20,32", [8, 20, 32]),
        ("learning_rate=1e-3,0.01", [0.001, 0.01]),
        ("early_stopping=null,5", [None, 5]),
        ("epochs=5", [5]),
        ("model.filters=[16,32],[32,64]", [[16, 32], [32, 64]]),
        ("model.filters=[[16,32],[32,64]]", [[16, 32], [32, 64]]),
        ("model.filters=[[16,32]]", [[16, 32]]),
        ("epochs=[8,20]", [8, 20]),
        ("input.size=(32,32),(64,64)", [(32, 32), (64, 64)]),
        ('augment={"flip": true, "zoom": 0.1},none', [{"flip": True, "zoom": 0.1}, "none"]),
        ("data.group='a,b',c", ["a,b", "c"]),
        ("data.group=x=1,y", ["x=1", "y"]),
    ],
)
def test_values_are_read_as_set_reads_them(text, values):
    assert list(parse_vary([text]).values()) == [values]


@pytest.mark.parametrize("text", ["epochs", "=1,2", "epochs=", " = "])
def test_an_axis_without_field_or_values(text):
    with pytest.raises(UserError, match="not of the form field=value,value"):
        parse_vary([text])


def test_an_axis_that_comes_twice():
    with pytest.raises(UserError, match="names 'epochs' twice"):
        parse_vary(["epochs=1", "epochs=2"])


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("small: model.filters=[2, 4] epochs=3", ("small", {"model.filters": [2, 4], "epochs": 3})),
        ("as it is:", ("as it is", {})),
        ("a: data.group='x y'", ("a", {"data.group": "x y"})),
        ("a: data.source=tfds:mnist", ("a", {"data.source": "tfds:mnist"})),
    ],
)
def test_cases(text, case):
    assert list(parse_cases([text]).items()) == [case]


@pytest.mark.parametrize("text", ["epochs=3", ": epochs=3", "model.a=1 b: c=2"])
def test_a_case_without_label(text):
    with pytest.raises(UserError, match="not of the form"):
        parse_cases([text])


def test_a_case_with_a_word_that_sets_nothing():
    with pytest.raises(UserError, match="'fast' in --case 'a'"):
        parse_cases(["a: fast"])


def test_a_label_that_comes_twice():
    with pytest.raises(UserError, match="'a' comes twice"):
        parse_cases(["a: epochs=1", "a: epochs=2"])


@given(st.lists(st.text("ab1.", min_size=1), min_size=1))
@settings(deadline=None, derandomize=True)
def test_splitting_undoes_joining(parts):
    assert split_outside(",".join(parts), ",") == parts
    assert split_outside(f"[{','.join(parts)}]", ",") == [f"[{','.join(parts)}]"]


def test_the_product_in_order():
    grid = make_grid(
        {"model.encoder": ["plain", "resnet8"], "epochs": [1, 2]},
        {"wide": {"model.filters": [4]}, "base": {}},
        [0, 7],
    )
    assert [setting.name for setting in grid.settings()] == [
        "wide,encoder=plain,epochs=1",
        "wide,encoder=plain,epochs=2",
        "wide,encoder=resnet8,epochs=1",
        "wide,encoder=resnet8,epochs=2",
        "base,encoder=plain,epochs=1",
        "base,encoder=plain,epochs=2",
        "base,encoder=resnet8,epochs=1",
        "base,encoder=resnet8,epochs=2",
    ]
    first, *_, last = grid.settings()
    assert first.overrides == {"model.filters": [4], "model.encoder": "plain", "epochs": 1}
    assert last.overrides == {"model.encoder": "resnet8", "epochs": 2}
    assert last.columns == {"case": "base", "model.encoder": "resnet8", "epochs": 2}
    assert [cell.name for cell in grid.cells()][:3] == [
        "wide,encoder=plain,epochs=1,seed=0",
        "wide,encoder=plain,epochs=1,seed=7",
        "wide,encoder=plain,epochs=2,seed=0",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "null"),
        (1e-05, "1e-05"),
        ([16, 32], "16-32"),
        ({"flip": True}, "flip-true"),
        ("../../etc/passwd", "..-..-etc-passwd"),
        ("a b/c:d*?", "a-b-c-d"),
        ("", "none"),
        ("é", "none"),
    ],
)
def test_names_of_values(value, text):
    (setting,) = make_grid({"model.x": [value]}, {}, [0]).settings()
    assert setting.name == f"x={text}"


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=40),
    st.lists(st.integers(), max_size=50),
)


@given(st.lists(VALUES, min_size=1, max_size=8, unique_by=identity))
@settings(deadline=None, derandomize=True)
def test_names_are_safe_and_unique_whatever_the_values(values):
    cells = make_grid({"model.x": values, "epochs": [1, 2]}, {}, [0, 1]).cells()
    names = [cell.name for cell in cells]
    assert len({name.casefold() for name in names}) == len(cells)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9_.,=+-]+", name)
        assert len(name) < 200


def test_names_differ_only_in_capitals_or_slashes_are_told_apart():
    names = [one.name for one in make_grid({"x": ["a/b", "a b", "A-b"]}, {}, [0]).settings()]
    assert len({name.casefold() for name in names}) == 3
    assert all(name.casefold().startswith("x=a-b-") for name in names)


def test_more_values_leave_the_names_of_the_others():
    few = make_grid({"a.x": [1, 2], "b.y": ["u"]}, {}, [0])
    more = make_grid({"a.x": [0, 1, 2, 3], "b.y": ["t", "u"]}, {}, [0, 1])
    assert {cell.name for cell in few.cells()} <= {cell.name for cell in more.cells()}


@pytest.mark.parametrize(
    ("vary", "cases", "seeds", "settled", "message"),
    [
        ({}, {}, [0], [], "nothing to compare"),
        ({"epochs": [1]}, {}, [], [], "without a seed"),
        ({"epochs": []}, {}, [0], [], "epochs has no value"),
        ({"model.head": "flatten"}, {}, [0], [], "'flatten' is one value; give a list"),
        ({"data.path": [Path("x")]}, {}, [0], [], "is no plain value"),
        ({"epochs": [1, 2, 1]}, {}, [0], [], "epochs has the value 1 twice"),
        ({"epochs": [1]}, {}, [3, 3], [], "seeds has the value 3 twice"),
        ({"seed": [1, 2]}, {}, [0], [], "give --seeds"),
        ({}, {"a": {"seed": 1}}, [0], [], "give --seeds"),
        ({"task": ["localization"]}, {}, [0], [], "two tasks"),
        ({"epochs": [1]}, {"a": {"epochs": 2}}, [0], [], "'epochs' .* change the same field"),
        ({"epochs": [1]}, {}, [0], ["epochs"], "'epochs' .*--set.* change the same field"),
        ({"model": [{}], "model.head": ["flatten"]}, {}, [0], [], "change the same field"),
        ({"model.head": ["flatten"]}, {"a": {"model": {}}}, [0], [], "change the same field"),
        ({}, {"a": {"data.path": "x"}}, [0], ["data.path"], "change the same field"),
    ],
)
def test_refusals(vary, cases, seeds, settled, message):
    with pytest.raises(UserError, match=message):
        make_grid(vary, cases, seeds, settled)


def test_true_is_not_one():
    grid = make_grid({"model.x": [True, 1, 1.0, "1"]}, {}, [0])
    assert len({setting.name for setting in grid.settings()}) == 4


def test_short_titles():
    assert short_titles(["model.head", "epochs"]) == {"model.head": "head", "epochs": "epochs"}
    assert short_titles(["data.size", "input.size"]) == {
        "data.size": "data.size",
        "input.size": "input.size",
    }
