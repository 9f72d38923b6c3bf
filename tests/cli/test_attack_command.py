"""Measuring runs and published models under attack, as a user commands it."""

import json
from pathlib import Path

from zoo.export.verify import Verification


def test_a_run_and_what_was_published_of_it_withstand_the_same(here, zoo, refused, monkeypatch):
    # Publishing has tests of its own.
    monkeypatch.setattr(
        "zoo.export.savedmodel.compare", lambda staged: Verification(0, 0.0, 0.0, 0.0)
    )
    zoo("train", "colours", "--data", "pictures", "--set", "epochs=1")
    zoo("export", "runs/colours", "--to", "out/mine")
    attack = ("--attack", "pgd", "--steps", "2", "--epsilon", "90", "--epsilon", "9")
    said = zoo("evaluate", "runs/colours", *attack).stdout
    assert "clean  epsilon 9  epsilon 90" in said
    assert "attacked by PGD of 2 steps, L-inf" in said
    assert "Under attack" in Path("runs/colours/report.html").read_text()
    kept = json.loads(Path("runs/colours/evaluation.json").read_text())["robustness"]
    assert [one["epsilon"] for one in kept["attacks"]] == [9, 90]
    published = json.loads(zoo("evaluate", "out/mine", *attack, "--json").stdout)
    assert published["robustness"] == kept
    Path("out/mine/1/model.keras").unlink()
    assert "out/mine/1 has no model.keras" in refused("evaluate", "out/mine", *attack)
