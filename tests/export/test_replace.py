"""A folder that is replaced: whole or not at all, and put back after whoever was killed."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_version import write

from zoo.errors import UserError
from zoo.export.publish import replace


def test_a_folder_is_replaced_whole(tmp_path):
    target = tmp_path / "a run" / "exported" / "onnx"
    assert replace(target, write) == "written"
    (target / "old").write_bytes(b"of before")

    def see_and_write(folder):
        # What was there stays until the new one is whole.
        assert (target / "old").read_bytes() == b"of before"
        assert folder.parent == target.parent
        return write(folder)

    assert replace(target, see_and_write) == "written"
    assert {one.name for one in target.iterdir()} == {"variables", "saved_model.pb"}
    assert [one.name for one in target.parent.iterdir()] == ["onnx"]


def test_what_fails_replaces_nothing(tmp_path):
    target = tmp_path / "onnx"
    replace(target, write)

    def fail(folder):
        (folder / "half").write_bytes(b"written")
        raise ValueError("a check that did not pass")

    with pytest.raises(ValueError, match="did not pass"):
        replace(target, fail)
    assert [one.name for one in tmp_path.iterdir()] == ["onnx"]
    assert (target / "saved_model.pb").read_bytes() == b"graph"


def test_who_replaces_later_stays(tmp_path):
    target = tmp_path / "onnx"

    def write_while_another_does(folder):
        # Another process is quicker.
        target.mkdir()
        (target / "theirs").write_bytes(b"model")
        return write(folder)

    replace(target, write_while_another_does)
    assert {one.name for one in target.iterdir()} == {"variables", "saved_model.pb"}


def test_a_place_that_is_a_file_is_no_place_to_replace_in(tmp_path):
    (tmp_path / "runs").write_text("notes")
    with pytest.raises(UserError, match="runs is a file"):
        replace(tmp_path / "runs" / "onnx", write)


@pytest.mark.parametrize("between", [True, False])
def test_what_a_killed_replacing_took_away_is_put_back(tmp_path, between):
    """Killed by -9 between its two renames, and just after the second one."""
    replace(tmp_path / "onnx", lambda folder: (folder / "old").touch())
    script = KILLED.replace("WHEN", "2" if between else "3")
    command = [sys.executable, "-c", script, str(tmp_path / "onnx")]
    assert subprocess.run(command, check=False).returncode == -9
    assert (tmp_path / "onnx").is_dir() != between
    # Of another format.
    replace(tmp_path / "litert", write)
    assert {path.name for path in tmp_path.iterdir()} == {"onnx", "litert"}
    assert [path.name for path in (tmp_path / "onnx").iterdir()] == ["old" if between else "new"]


KILLED = """
import os, signal, sys
from pathlib import Path
from zoo.export.publish import replace

rename, calls = Path.rename, []

def killed(self, target):
    calls.append(target)
    if len(calls) == WHEN:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)

Path.rename = killed
import zoo.export.publish
flush = zoo.export.publish.flush
def flushed(path):
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    flush(path)
zoo.export.publish.flush = flushed
replace(Path(sys.argv[1]), lambda folder: (folder / "new").touch())
"""


def test_what_cannot_be_put_in_place_leaves_what_was_there(tmp_path, monkeypatch):
    replace(tmp_path / "onnx", lambda folder: (folder / "old").touch())
    rename = Path.rename

    def refused(self, target):
        if target == tmp_path / "onnx" and ".old" not in self.name:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(OSError, match="Input/output"):
        replace(tmp_path / "onnx", write)
    assert [path.name for path in tmp_path.rglob("*")] == ["onnx", "old"]
