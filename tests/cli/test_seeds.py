"""One recipe from several seeds: the same test pictures, and the spread of the scores."""

import json
from pathlib import Path

import pytest

from zoo.seeds import SeedRuns


# 0.5, 0.7 and 0.9: mean 0.7; squared distances 0.04, 0 and 0.04, over 3 - 1: 0.04; root 0.2.
def test_mean_and_sample_standard_deviation():
    scores = ({"accuracy": 0.5, "iou/rare": 1.0}, {"accuracy": 0.7}, {"accuracy": 0.9})
    runs = SeedRuns(Path("runs/x"), (4, 5, 6), scores)
    assert runs.names == ["accuracy"]
    assert runs.mean("accuracy") == pytest.approx(0.7)
    assert runs.deviation("accuracy") == pytest.approx(0.2)
    assert SeedRuns(Path("x"), (4,), scores[:1]).deviation("accuracy") == 0


def test_seeds_differ_in_the_seed_alone(here, zoo, history):
    options = ("colours", "--data", "pictures", "--set", "seed=3")
    said = json.loads(zoo("train", *options, "--seeds", "2", "--json").stdout)
    assert said["seeds"] == [3, 4]
    folder = Path(said["run"])
    assert folder == Path("runs/colours")
    assert json.loads((folder / "seeds.json").read_text()) == said
    runs = [folder / "seed-3", folder / "seed-4"]
    evaluations = [json.loads((run / "evaluation.json").read_text()) for run in runs]
    values = [evaluation["scores"]["accuracy"] for evaluation in evaluations]
    assert said["scores"]["accuracy"]["values"] == values
    first, second = (json.loads((run / "recipe.json").read_text()) for run in runs)
    assert {key for key in first if first[key] != second[key]} == {"seed"}
    worst = [{row["picture"] for row in evaluation["worst"]} for evaluation in evaluations]
    assert worst[0] == worst[1]
    assert history(runs[0])[0]["loss"] != history(runs[1])[0]["loss"]
    # After another run in the same process, and alone: the same to the last digit.
    zoo("train", "colours", "--data", "pictures", "--set", "seed=4", "--run", "alone")
    keys = ("loss", "validation_loss")
    alone, among = (
        [[row[key] for key in keys] for row in history(run)] for run in (Path("alone"), runs[1])
    )
    assert alone == among


def test_seeds_are_resumed(here, zoo, refused, history):
    options = ("colours", "--data", "pictures", "--set", "epochs=1", "--seeds")
    zoo("train", *options, "1", "--run", "spread")
    before = (Path("spread") / "seed-0" / "checkpoints" / "last.npz").read_bytes()
    assert "holds a run already" in refused("train", *options, "2", "--run", "spread")
    table = zoo("train", *options, "2", "--run", "spread", "--resume").stdout
    assert "test, 2 seeds" in table
    assert "accuracy" in table
    assert "runs     spread" in table
    assert max(map(len, table.splitlines())) <= 80
    assert json.loads((Path("spread") / "seeds.json").read_text())["seeds"] == [0, 1]
    assert (Path("spread") / "seed-0" / "checkpoints" / "last.npz").read_bytes() == before
    assert len(history(Path("spread") / "seed-1")) == 1


def test_an_interruption_says_how_to_go_on_with_all_seeds(here, zoo, monkeypatch):
    from zoo.training import course as module

    real, calls = module.Course._epoch, []

    def stop_in_the_second_run(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(module.Course, "_epoch", stop_in_the_second_run)
    result = zoo("train", "colours", "--data", "pictures", "--seeds", "2", code=130)
    command = "zoo train colours --data pictures --seeds 2 --run runs/colours --resume"
    assert command in result.stderr
    zoo(*command.split()[1:])
    assert Path("runs/colours/seeds.json").is_file()


def test_seeds_need_test_pictures_before_training(here, refused):
    options = ("colours", "--data", "pictures", "--set", "data.test=0", "--seeds", "2")
    assert "has no split 'test'" in refused("train", *options)
    assert not Path("runs").exists()


def test_a_single_run_is_not_overwritten_by_several(here, zoo, refused):
    options = ("colours", "--data", "pictures", "--set", "epochs=1", "--run", "mine")
    zoo("train", *options)
    assert "holds a single run" in refused("train", *options, "--seeds", "2", "--resume")
