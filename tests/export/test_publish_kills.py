"""Killed with -9 while a poller watches, as benchmarks/publish_kills.py does it 200 times."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "publish_kills.py"


@pytest.mark.slow
def test_three_kills_and_no_version_that_does_not_load(tmp_path):
    command = [sys.executable, str(SCRIPT), "--folder", str(tmp_path), "--most", "2"]
    for kills in ("1", "3"):  # the second goes on where the first was stopped
        done = subprocess.run(
            [*command, "--kills", kills], capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, done.stdout + done.stderr
    rounds = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [sum(one["killed"].values()) for one in rounds] == [1, 2]
    assert all(one["faults"] == [] for one in rounds)
    # Two in each round that were left alone, and those killed too late.
    versions = [path.name for path in (tmp_path / "model").iterdir()]
    assert sorted(versions, key=int) == [str(number + 1) for number in range(len(versions))]
    assert rounds[-1]["published"] == len(versions) >= 4
    assert "3 kills: " in done.stdout


def test_a_torn_version_would_be_noticed(tmp_path):
    spec = importlib.util.spec_from_file_location("publish_kills", SCRIPT)
    kills = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kills)

    class Seen(list):
        put = list.append

    class Stopped:
        value = 0

        def is_set(self):
            return True

    (tmp_path / "ready").mkdir()
    (tmp_path / "ready" / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "ready" / "data").write_bytes(b"weights")
    manifest = kills.manifest_of(tmp_path / "ready")
    for name, content in (("1", b"weights"), ("2", b"weight"), ("003", None), (".tmp-4", b"")):
        folder = tmp_path / "model" / name
        folder.mkdir(parents=True)
        (folder / "saved_model.pb").write_bytes(b"graph")
        if content is not None:
            (folder / "data").write_bytes(content)
    found = Seen()
    kills.poll(str(tmp_path / "model"), manifest, Stopped(), Stopped(), found)
    assert sorted(found[:-1]) == ["003: ['data']", "2: ['data', 'data']"]
    assert found[-1] == 3
