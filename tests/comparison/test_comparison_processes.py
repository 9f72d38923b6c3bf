"""Real processes of a comparison: killed, gone on with, and side by side."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zoo.comparison import pool

RUN = Path("killed/learning_rate=0.02,seed=0")
START = """
import zoo
from zoo.comparison import pool

# To be quick; the runs are processes of their own.
pool.ask = lambda job, threads: {"scores": ["accuracy"], "gpus": 0, "data": []}
zoo.compare("colours", {"learning_rate": [0.02]}, overrides={"epochs": 100}, out="killed")
"""


def epochs():
    path = RUN / "metrics.jsonl"
    return path.read_text().splitlines() if path.is_file() else []


@pytest.mark.slow
def test_runs_end_with_a_killed_comparison_and_are_gone_on_with(untouched, zoo, monkeypatch):
    parent = subprocess.Popen([sys.executable, "-c", START])
    while not epochs():
        assert parent.poll() is None
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    # Waits for the orphan, which has to notice.
    with pool.locked(Path("killed")):
        first = epochs()
        assert len(first) < 100
        time.sleep(0.3)
        assert epochs() == first
    # Extended by a rate at which the loss is soon no number; side by side.
    checked = {"scores": ["accuracy"], "gpus": 0, "data": []}
    monkeypatch.setattr(pool, "ask", lambda job, threads: checked)
    axes = ("--vary", "learning_rate=0.02,1e30", "--set", "epochs=100")
    options = ("--out", "killed", "--jobs", 2, "--json")
    said = json.loads(zoo("compare", "colours", *axes, *options, code=1).stdout)
    good, bad = (row["runs"][0] for row in said["rows"])
    assert (good["status"], good["epochs"]) == ("finished", 100)
    log = (RUN / "log.txt").read_text()
    told = re.search(r"resuming .* after (step \d+ of )?epoch (\d+) of 100", log)
    # In the middle of an epoch, or after it.
    resumed = int(told[2]) - bool(told[1])
    assert resumed >= 1
    assert epochs()[:resumed] == first[:resumed]
    assert "no longer a number" in bad["failure"]
