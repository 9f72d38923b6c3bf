"""Killed with -9 and resumed, as benchmarks/resume.py does it a hundred times."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "resume.py"


@pytest.mark.slow
def test_three_kills_leave_no_trace(tmp_path):
    command = [sys.executable, str(SCRIPT), "--folder", str(tmp_path), "--kills", "3"]
    command += ["--most", "3", "--tasks", "segmentation"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    rounds = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert sum(len(one["killed"]) for one in rounds) == 3
    assert all(one["differences"] == [] for one in rounds)
