"""The card holds scores of the network that is published, on the data that it names."""

import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

SETTINGS = ("colours", "--run", "runs/colours", "--resume", "--data", "pictures")


def card_of(zoo, *, said=""):
    exported = zoo("export", "runs/colours", "--to", "out/model", "--json")
    assert said in exported.stderr
    return json.loads((Path(json.loads(exported.stdout)["model"]) / "model_card.json").read_text())


def test_scores_on_other_data_go_elsewhere(here, zoo):
    zoo("train", *SETTINGS, "--set", "epochs=1")
    own = json.loads(zoo("evaluate", "runs/colours", "--json").stdout)
    shutil.copytree("pictures", "elsewhere/other pictures")
    for path in Path("elsewhere/other pictures").rglob("*.png"):
        pixels = np.asarray(Image.open(path))[::2, ::-1, ::-1]
        Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    other = zoo("evaluate", "runs/colours", "--data", "elsewhere/other pictures").output
    assert "runs/colours/report-other_pictures.html" in other.replace("\n", "")
    assert Path("runs/colours/report-other_pictures.html").is_file()
    kept = json.loads(Path("runs/colours/evaluation-other_pictures.json").read_text())
    assert kept["data"]["path"] == "elsewhere/other pictures"
    assert json.loads(Path("runs/colours/evaluation.json").read_text()) == own
    card = card_of(zoo)
    assert card["scores"] == own["scores"]
    assert card["intervals"] == own["intervals"]
    assert card["interval_methods"] == {"accuracy": "Wilson's score interval, 95 %"}
    assert card["data"]["fingerprint"] == own["data"]["fingerprint"] != kept["data"]["fingerprint"]

    # The same pictures in another place are the run's own.
    shutil.move("pictures", "moved")
    zoo("evaluate", "runs/colours", "--data", "moved")
    assert json.loads(Path("runs/colours/evaluation.json").read_text())["data"]["path"] == "moved"
    # And others in its place are not.
    shutil.copytree("elsewhere/other pictures", "pictures")
    zoo("evaluate", "runs/colours")
    assert card_of(zoo, said="is left out of the card; `zoo evaluate")["scores"] is None


def test_scores_of_a_network_that_was_trained_further_are_not_told(here, zoo):
    zoo("train", *SETTINGS, "--set", "epochs=1")
    zoo("evaluate", "runs/colours")
    zoo("train", *SETTINGS, "--set", "epochs=2", "--set", "learning_rate=0.02")
    card = card_of(zoo, said="runs/colours/evaluation.json is of another network")
    assert card["scores"] is None
    assert card["intervals"] is None
    measured = json.loads(zoo("evaluate", "runs/colours", "--json").stdout)
    assert card_of(zoo)["scores"] == measured["scores"]
