"""Rows, and the table of them on a terminal and as CSV."""

import csv
import io
import json
import math

import pytest
from rich.console import Console

from zoo.comparison.axes import make_grid
from zoo.comparison.result import read_outcome
from zoo.comparison.table import show, write_csv
from zoo.errors import UserError

VARY = {"model.residual": [True, False]}
# 0.5, 0.7 and 0.9: mean 0.7; squared distances 0.04, 0 and 0.04, over 3 - 1: 0.04; root 0.2.
FOUND = {"residual=true": [0.5, 0.7, 0.9], "residual=false": [0.6, "out of memory", 0.6]}


def shown(compared, **options):
    stream = io.StringIO()
    show(compared, Console(file=stream, width=80, highlight=False, **options))
    return stream.getvalue()


def test_mean_and_sample_standard_deviation(tmp_path, made_up):
    first, second = made_up(tmp_path, VARY, FOUND).rows
    assert first.mean("test", "accuracy") == pytest.approx(0.7)
    assert first.deviation("test", "accuracy") == pytest.approx(0.2)
    assert second.values("test", "accuracy") == [0.6, 0.6]
    assert second.deviation("test", "accuracy") == 0
    assert math.isnan(first.mean("test", "mean_iou"))
    assert [one.failure for one in second.failures] == ["out of memory"]


def test_one_seed_has_no_spread(tmp_path, made_up):
    compared = made_up(tmp_path, VARY, {"residual=true": [0.5], "residual=false": [0.6]})
    assert math.isnan(compared.rows[0].deviation("test", "accuracy"))
    assert "±" not in shown(compared).partition("\n\n")[0]
    assert compared.best is compared.rows[1]


def test_scores_that_are_no_numbers_count_for_nothing(tmp_path, made_up):
    found = {"residual=true": [math.nan, 0.5], "residual=false": [math.nan, math.nan]}
    first, second = made_up(tmp_path, VARY, found).rows
    assert first.values("test", "accuracy") == [0.5]
    assert math.isnan(second.mean("test", "accuracy"))


def test_the_table(tmp_path, made_up):
    lines = shown(made_up(tmp_path, VARY, FOUND)).splitlines()
    assert lines[0].split() == ["residual", "validation", "test", "n", "time", "params", "MACs"]
    spread = "0.700±0.200"
    assert lines[1].split() == ["true", spread, spread, "3", "10", "s", "1000", "1.0M"]
    spread = "0.600±0.000"
    assert lines[2].split() == ["false", spread, spread, "2/3", "20", "s", "2000", "2.0M"]
    assert "best on validation: residual=true" in lines
    assert lines[-1] == "failed: residual=false,seed=1: out of memory"


def test_the_table_fits_80_columns(tmp_path, made_up):
    values = ["a_very_long_value_of_an_option_that_goes_on", "b"]
    vary = {"model.filters": [[16, 32, 64, 128, 256]], "model.normalization": values}
    names = [f"filters=16-32-64-128-256,normalization={value}" for value in values]
    compared = made_up(tmp_path, vary, {name: [0.5, 0.7] for name in names})
    table = shown(compared).partition("\n\n")[0]
    assert max(map(len, table.splitlines())) <= 80
    assert "0.600±0.141" in table


def test_colour_only_where_it_is_wanted(tmp_path, made_up, monkeypatch):
    compared = made_up(tmp_path, VARY, FOUND)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1m" in shown(compared, force_terminal=True)
    assert "\x1b" not in shown(compared)


def test_csv(tmp_path, made_up):
    compared = made_up(tmp_path, VARY, FOUND)
    write_csv(compared)
    text = (tmp_path / "compare.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["model.residual"] for row in rows] == ["true", "false"]
    assert float(rows[0]["test_std"]) == pytest.approx(0.2)
    assert [rows[1][name] for name in ("n", "failed", "seconds")] == ["2", "1", "20.0"]


def test_json_holds_no_nan(tmp_path, made_up):
    found = {"residual=true": ["died", "died"], "residual=false": [0.5, math.nan]}
    said = made_up(tmp_path, VARY, found).to_json()
    text = json.dumps(said | {"rows": said["rows"][:1]}, allow_nan=False)
    assert json.loads(text)["rows"][0]["seconds"] is None
    second = said["rows"][1]["scores"]["test"]["accuracy"]
    assert second == {"mean": 0.5, "standard_deviation": None, "n": 1}


def test_many_failures_are_counted(tmp_path, made_up):
    found = {"residual=true": ["died"] * 9, "residual=false": ["died"] * 9}
    text = shown(made_up(tmp_path, VARY, found))
    assert text.count("failed: ") == 10
    assert "and 8 more, in compare.json" in text
    assert "best" not in text


RESULT = {
    "epochs": 2,
    "epoch": 1,
    "loss": 0.5,
    "validation_loss": math.nan,
    "seconds": 3,
    "parameters": 104,
    "macs": None,
    "scores": {"validation": {"accuracy": 1.0, "iou/cat": None}},
}


@pytest.fixture
def cell(tmp_path):
    (found,) = make_grid({"model.residual": [True]}, {}, [0]).cells()
    (tmp_path / found.name).mkdir()
    return found


def test_what_a_run_wrote_is_read(tmp_path, cell):
    assert read_outcome(tmp_path, cell).status == "open"
    (tmp_path / cell.name / "result.json").write_text(json.dumps(RESULT))
    norms = {"initial": {"conv": 1.0}, "trained": {"conv": math.inf}}
    (tmp_path / cell.name / "gradients.json").write_text(json.dumps(norms))
    outcome = read_outcome(tmp_path, cell)
    assert outcome.status == "finished"
    assert json.dumps(outcome.result) == json.dumps(RESULT)
    assert outcome.gradients == norms


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("result.json", json.dumps(RESULT)[:50], "Unterminated string"),
        ("result.json", "null", "it holds no object"),
        ("result.json", "{}", "the file lacks the field 'seconds'"),
        (
            "result.json",
            json.dumps(RESULT | {"scores": {"test": 1}}),
            "the file's scores.test is 1",
        ),
        ("gradients.json", "", "Expecting value"),
        ("gradients.json", '{"initial": {}}', "the file lacks the field 'trained'"),
    ],
)
def test_a_damaged_file_of_a_run(tmp_path, cell, name, content, why):
    path = tmp_path / cell.name / name
    path.write_text(content)
    with pytest.raises(UserError) as refusal:
        read_outcome(tmp_path, cell)
    said = str(refusal.value)
    assert said.startswith(f"{path} is damaged (")
    assert why in said
    assert said.endswith("; remove it, and the same command writes it anew")
    assert "\n" not in said
