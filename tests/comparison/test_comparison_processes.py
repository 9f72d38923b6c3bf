"""Real processes of a comparison: killed, gone on with, and side by side."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zoo.comparison import pool

SETTING = "learning_rate=0.02,seed=0"
START = """
import json, sys, time
from pathlib import Path
from zoo.comparison import pool
from zoo.training.catalogue import load_recipe

with pool.locked(Path("killed")) as lock:
    recipe = load_recipe("colours").with_overrides({"epochs": 400, "learning_rate": 0.02})
    job = {"recipe": recipe.model_dump(mode="json"), "folder": sys.argv[1], "gradients": False}
    pool.start(job, 1, Path(sys.argv[1]), lock)
    time.sleep(600)
"""


def epochs(folder):
    path = folder / "metrics.jsonl"
    return path.read_text().splitlines() if path.is_file() else []


@pytest.mark.slow
def test_runs_end_with_a_killed_comparison_and_are_gone_on_with(untouched, zoo):
    folder = Path("killed") / SETTING
    parent = subprocess.Popen([sys.executable, "-c", START, folder])
    while not epochs(folder):
        assert parent.poll() is None
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    # Waits for the orphan, which has to notice.
    with pool.locked(Path("killed")):
        first = epochs(folder)
        assert len(first) < 400
        time.sleep(0.3)
        assert epochs(folder) == first
    # The other loss is soon no number; side by side, and checked in a process besides.
    axes = ("--vary", "learning_rate=0.02,1e30", "--set", f"epochs={len(first) + 1}")
    options = ("--out", "killed", "--jobs", 2, "--json")
    said = json.loads(zoo("compare", "colours", *axes, *options, code=1).stdout)
    good, bad = (row["runs"][0] for row in said["rows"])
    assert good["status"] == "finished"
    assert good["epochs"] == len(first) + 1
    assert epochs(folder)[: len(first)] == first
    assert f"resuming {folder} after epoch {len(first)}" in (folder / "log.txt").read_text()
    assert "no longer a number" in bad["failure"]
