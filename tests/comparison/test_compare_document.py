"""The commands that docs/compare.md shows are ones that the command line takes."""

import math
import re
import shlex
from pathlib import Path

import pytest

from zoo.comparison import pool

TEXT = (Path(__file__).parents[2] / "docs" / "compare.md").read_text(encoding="utf-8")
LINES = re.findall(r"^    (zoo compare [^\n\\]*(?:\\\n[^\n\\]*)*)", TEXT, re.MULTILINE)
COMMANDS = [line.replace("\\\n", " ") for line in LINES]


def test_there_are_commands():
    assert len(COMMANDS) == 3


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[12:24])
def test_a_command_is_understood(command, tmp_path, monkeypatch, zoo):
    monkeypatch.chdir(tmp_path)
    asked = []

    def ask(job, threads):
        asked.extend(job["check"])
        raise KeyboardInterrupt

    monkeypatch.setattr(pool, "ask", ask)
    zoo(*shlex.split(command)[1:], code=130)
    # Every axis is listed by commas, and they multiply.
    axes = re.findall(r"--vary (\S+)", command)
    assert len(asked) == math.prod(axis.count(",") + 1 for axis in axes)
