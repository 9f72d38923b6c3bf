"""Comparing as a user commands it: trained, stopped, gone on with, extended, refused."""

import json
import re
import shutil
from pathlib import Path

import pytest

import zoo as package
from zoo.comparison import pool, worker
from zoo.training import course as training

AXES = ("--vary", "model.filters=[2],[3]", "--seeds", 2, "--jobs", 1)


@pytest.fixture(scope="module")
def straight(place, zoo):
    """Two settings from two seeds, never stopped."""
    result = zoo("compare", "colours", *AXES, "--out", "straight", "--json")
    return json.loads(result.stdout)


def without_times(said):
    """What does not depend on how fast, and where, it was trained."""
    if isinstance(said, dict):
        return {
            key: without_times(value)
            for key, value in said.items()
            if key not in ("seconds", "folder", "run")
        }
    return [without_times(one) for one in said] if isinstance(said, list) else said


def state(folder):
    """The time of the last change of each run's weights."""
    return {path.parts[1]: path.stat().st_mtime_ns for path in Path(folder).glob("*/model.keras")}


def test_what_is_said_in_json(straight):
    assert list(straight) == [
        *("folder", "recipe", "vary", "cases", "seeds", "threads", "data", "score", "rows"),
    ]
    assert straight == json.loads(Path("straight/compare.json").read_text())
    assert straight["vary"] == {"model.filters": [[2], [3]]}
    assert (straight["seeds"], straight["threads"], straight["score"]) == ([0, 1], 1, "accuracy")
    first, second = straight["rows"]
    assert first["name"] == "filters=2"
    # Two 3x3 convolutions with gamma and beta, and a dense layer for two classes:
    # 27 * 2 + 4 + 9 * 2 * 2 + 4 + 2 * 2 + 2 = 104,
    # 27 * 3 + 6 + 9 * 3 * 3 + 6 + 3 * 2 + 2 = 182.
    assert (first["parameters"], second["parameters"]) == (104, 182)
    # Of 64 pixels each: 64 * (54 + 36) + 4 and 64 * (81 + 81) + 6.
    assert (first["macs"], second["macs"]) == (5764, 10374)
    for row in straight["rows"]:
        assert set(row["scores"]) == {"validation", "test"}
        assert row["scores"]["test"]["accuracy"]["n"] == 2
        assert [run["status"] for run in row["runs"]] == ["finished"] * 2
        assert [run["seed"] for run in row["runs"]] == [0, 1]


def test_each_run_is_a_run_folder_of_its_setting(straight, zoo):
    folder = Path("straight/filters=3,seed=1")
    recipe = json.loads((folder / "recipe.json").read_text())
    assert (recipe["model"]["filters"], recipe["seed"]) == ([3], 1)
    assert recipe["data"]["threads"] >= 1
    scores = json.loads(zoo("evaluate", folder, "--json").stdout)["scores"]
    assert scores == straight["rows"][1]["runs"][1]["scores"]["test"]
    history = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    (row,) = history
    run = straight["rows"][1]["runs"][1]
    assert run["scores"]["validation"] == {"accuracy": row["validation_accuracy"]}
    assert (run["loss"], run["validation_loss"]) == (row["loss"], row["validation_loss"])


def test_the_table_and_the_files(straight, zoo):
    text = zoo("compare", "colours", *AXES, "--out", "straight").stdout
    assert text.split()[:2] == ["filters", "validation"]
    assert f"page     {Path('straight/compare.html')}" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert len(Path("straight/compare.csv").read_text().splitlines()) == 3
    assert "filters=2,seed=0/report.html" in Path("straight/compare.html").read_text().replace(
        "%3D", "="
    ).replace("%2C", ",")


def test_what_is_finished_is_not_trained_again(straight, zoo, monkeypatch):
    before = state("straight")
    # It need not even be checked again.
    monkeypatch.setattr(pool, "ask", None)
    again = zoo("compare", "colours", *AXES, "--out", "straight", "--json")
    assert json.loads(again.stdout) == straight
    assert state("straight") == before


def stop_in_epoch(monkeypatch, number):
    """Interrupts training in an epoch, counted over all runs."""
    real, calls = training.Course._epoch, []

    def one_epoch(run):
        calls.append(1)
        if len(calls) == number:
            raise KeyboardInterrupt
        return real(run)

    monkeypatch.setattr(training.Course, "_epoch", one_epoch)
    return lambda: monkeypatch.setattr(training.Course, "_epoch", real)


def test_stopped_and_gone_on_with_gives_the_same_table(straight, zoo, monkeypatch):
    shutil.copytree("straight", "stopped")
    for seed in (0, 1):
        shutil.rmtree(f"stopped/filters=3,seed={seed}")
    resume = stop_in_epoch(monkeypatch, 2)
    result = zoo("compare", "colours", *AXES, "--out", "stopped", code=130)
    assert "the same command goes on" in result.stderr
    record = json.loads(Path("stopped/compare.json").read_text())
    statuses = [run["status"] for row in record["rows"] for run in row["runs"]]
    assert statuses == ["finished", "finished", "finished", "open"]
    resume()
    before = state("stopped")
    result = zoo("compare", "colours", *AXES, "--out", "stopped", "--json")
    assert "4 runs, 3 of them finished" in result.stderr
    assert without_times(json.loads(result.stdout)) == without_times(straight)
    assert before.items() <= state("stopped").items()


def test_a_run_that_fails_is_told_of_and_ends_no_other(straight, place, zoo):
    shutil.copytree("straight", "failing")
    torn, stopped = (Path(f"failing/filters=3,seed={seed}") for seed in (0, 1))
    # Both were stopped before their results were written; checkpoints were cut short.
    for folder in (torn, stopped):
        (folder / "result.json").unlink()
    checkpoint = (stopped / "checkpoints" / "last.npz").read_bytes()
    for name in ("last.npz", "previous.npz"):
        (torn / "checkpoints" / name).write_bytes(checkpoint[:100])
    result = zoo("compare", "colours", *AXES, "--out", "failing", code=1)
    assert "failed: filters=3,seed=0: checkpoint" in result.stdout
    assert "1/2" in result.stdout
    record = json.loads(Path("failing/compare.json").read_text())
    failed, finished = record["rows"][1]["runs"]
    assert failed["status"] == "failed"
    assert "cannot be read" in failed["failure"]
    assert without_times(finished) == without_times(straight)["rows"][1]["runs"][1]
    assert record["rows"][1]["scores"]["test"]["accuracy"]["n"] == 1
    assert record["rows"][0] | {"runs": 0} == straight["rows"][0] | {"runs": 0}
    assert (stopped / "checkpoints" / "last.npz").read_bytes() == checkpoint
    assert "Runs that failed" in Path("failing/compare.html").read_text()


CASES = ("--case", "flat: model.head=flatten model.filters=[1]", "--case", "as it is:")
CASES += ("--set", "data.test=0", "--metric", "accuracy", "--out", "cases", "--json")


@pytest.fixture(scope="module")
def cases(place, zoo):
    return json.loads(zoo("compare", "colours", *CASES).stdout)


def test_cases_without_test_pictures(cases):
    assert [row["name"] for row in cases["rows"]] == ["flat", "as-it-is"]
    assert [row["case"] for row in cases["rows"]] == ["flat", "as it is"]
    assert all(set(row["scores"]) == {"validation"} for row in cases["rows"])
    assert json.loads(Path("cases/flat,seed=0/recipe.json").read_text())["model"] == {
        "encoder": "plain",
        "filters": [1],
        "head": "flatten",
    }


def test_gradients_of_what_is_trained_already(cases, zoo):
    before = state("cases")
    said = json.loads(zoo("compare", "colours", *CASES, "--gradients").stdout)
    assert len(before) == 2
    assert state("cases") == before
    for row in said["rows"]:
        for norms in row["runs"][0]["gradients"].values():
            assert list(norms) == ["stage1_block1_conv1", "stage1_block1_conv2"]
            assert all(norm > 0 for norm in norms.values())
        assert row["runs"][0]["gradients"]["initial"] != row["runs"][0]["gradients"]["trained"]
        del row["runs"][0]["gradients"]
    assert said == cases
    assert "How much of the gradient" in Path("cases/compare.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to compare"),
        (["--grid", "epoch=1,2"], "epoch=1: the recipe has no field 'epoch'; did you mean 'epo"),
        (["--vary", "model.filter=[1],[2]"], "filter=1: .* did you mean 'filters'"),
        (["--vary", "model.encoder=plain,resnet9"], "encoder=resnet9: encoder 'resnet9' is unk"),
        (["--vary", "epochs=1,none"], "epochs=none: the recipe's epochs is 'none'"),
        (["--vary", "epochs=1", "--set", "epochs=2"], "change the same field"),
        (["--vary", "model.x"], "--vary 'model.x' is not of the form"),
        (["--case", "model.x=1"], "--case 'model.x=1' is not of the form"),
        (["--vary", "epochs=1,2", "--data", "nowhere"], "epochs=1: .*nowhere"),
        (["--vary", "epochs=1,2", "--metric", "acuracy"], "did you mean 'accuracy'"),
        (["--vary", "data.validation=0.25,0.0"], "validation=0.0: .*no split 'validation'"),
        (["--vary", "model.padding=same,valid", "--set", "model.blocks=3"], "vanish in stage 1"),
        (
            ["--vary", "epochs=10,2", "--set", "model.freeze=1", "--set", "thaw.epoch=5"],
            "epochs=2: thaw.epoch=5 leaves none of the 2 epochs",
        ),
        (["--vary", "epochs=1,2", "--out", "recipes"], "recipes is no comparison"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_every_run_is_checked_before_the_first_is_trained(place, refused, arguments, message):
    said = refused("compare", "colours", *arguments)
    assert re.search(message, said), said
    assert not Path("compares/colours/compare.json").exists()
    assert not list(Path("compares").glob("*/*/recipe.json"))


def test_another_comparison_in_the_same_folder_is_refused(straight, refused):
    said = refused("compare", "colours", *AXES, "--out", "straight", "--set", "epochs=2")
    assert "straight compares epochs=1, not epochs=2; use another --out" in said
    said = refused("compare", "colours", *AXES, "--out", "straight", "--threads", 2)
    assert "begun with --threads 1" in said


def test_from_python_and_extended_by_a_seed(place):
    recipe = package.load_recipe("colours").model_copy(update={"name": ""})
    options = {"overrides": {"batch_size": 8}, "out": "python", "jobs": 1}
    compared = package.compare(recipe, {"model.filters": [[1]]}, seeds=[5], **options)
    (row,) = compared.rows
    assert 0 <= row.mean("test", "accuracy") <= 1
    before = state("python")
    assert list(before) == ["filters=1,seed=5"]
    compared = package.compare(recipe, {"model.filters": [[1]]}, seeds=[6, 5], **options)
    (more,) = compared.rows
    assert [one.cell.seed for one in more.outcomes] == [6, 5]
    assert len(more.finished) == 2
    assert more.outcomes[1].result == row.outcomes[0].result
    assert before.items() <= state("python").items()
    with pytest.raises(package.UserError, match="1 or more"):
        package.compare(recipe, {"epochs": [1]}, jobs=0)


def test_a_check_is_asked_for_and_answered_in_files(place):
    recipe = package.load_recipe("colours").model_dump(mode="json")
    worker.work({"check": {"only": recipe}, "runs": "checked", "answer": "answer.json"})
    assert json.loads(Path("answer.json").read_text())["scores"] == ["accuracy"]


def test_settings_of_one_network_build_it_once(place, monkeypatch):
    recipe = package.load_recipe("colours")
    changes = [{"epochs": 2}, {"epochs": 3}, {"seed": 1}, {"learning_rate": 0.1}]
    recipes = {str(one): recipe.with_overrides(one) for one in changes}
    built = []
    build = package.Recipe.build_model
    monkeypatch.setattr(
        package.Recipe, "build_model", lambda one, classes: built.append(one) or build(one, classes)
    )
    worker.check(recipes, Path("checked"))
    assert len(built) == 1
