"""The last step: a version appears whole or not at all, and takes nobody's place."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_version import write

from zoo.errors import UserError
from zoo.export import publish as module
from zoo.export.publish import publish
from zoo.versions import LARGEST, last_number, version_number, versions


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("7", 7),
        ("00000123", 123),
        (" 7\n", 7),
        ("+7", 7),
        ("-7", -7),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        # One beyond what 64 bits hold.
        ("9223372036854775808", None),
        ("9" * 200, None),
        ("", None),
        ("-", None),
        ("7.denied", None),
        (".tmp-7", None),
        ("v7", None),
        ("1_0", None),
        ("0x7", None),
        ("1e3", None),
        # Python takes both for digits, absl neither.
        ("²", None),
        ("٣", None),
    ],
)
def test_names_are_read_as_a_server_reads_them(name, number):
    assert version_number(name) == number


def test_what_is_published_is_seen_whole(tmp_path):
    path, made = publish(tmp_path / "a model" / "of mine", write)
    assert (path, made) == (tmp_path / "a model" / "of mine" / "1", "written")
    assert (path / "variables" / "data").read_bytes() == b"weights"
    assert [one.name for one in path.parent.iterdir()] == ["1"]


def test_the_next_number_is_larger_than_any_that_a_server_may_have_seen(tmp_path):
    for stray, following in [
        ("007", 8),
        ("8", 9),  # beside 007
        ("12.denied", 13),
        ("v99", 14),
        ("20.1", 21),
        ("notes", 22),
        ("²", 23),
        ("-5", 24),
    ]:
        (tmp_path / stray).mkdir(exist_ok=True)
        assert publish(tmp_path, write)[0].name == str(following), stray
    # A server goes by names alone: a file takes a number too.
    (tmp_path / "30").write_text("")
    (tmp_path / "31").symlink_to(tmp_path / "nowhere")
    assert publish(tmp_path, write)[0].name == "32"
    listed = [path.name for path in versions(tmp_path)]
    assert listed == ["-5", "007", *map(str, (8, 9, 13, 14, 21, 22, 23, 24, 32))]


def test_of_two_names_of_one_number_the_plain_one_comes_last(tmp_path):
    for name in ("001", "1", "01"):
        (tmp_path / name).mkdir()
    assert [path.name for path in versions(tmp_path)] == ["001", "01", "1"]
    assert last_number(tmp_path) == 1


def test_a_number_of_ones_own(tmp_path):
    assert publish(tmp_path, write, 20261126)[0].name == "20261126"
    assert publish(tmp_path, write)[0].name == "20261127"
    for number, reason in [
        (20261127, "was given already"),
        (5, "leave the number out for 20261128"),
        (0, "is no positive integer"),
        (-1, "is no positive integer"),
        (True, "is no positive integer"),
        ("1.2", "is no positive integer"),
        (LARGEST + 1, "the largest that servers read"),
    ]:
        with pytest.raises(UserError, match=reason):
            publish(tmp_path, write, number)
    assert publish(tmp_path, write, LARGEST)[0].name == str(LARGEST)
    with pytest.raises(UserError, match="is larger than 9223372036854775807"):
        publish(tmp_path, write)
    assert not list(tmp_path.glob(".tmp-*"))


def test_a_version_published_meanwhile_is_not_touched(tmp_path, monkeypatch):
    seen = iter([0, 0])
    monkeypatch.setattr(module, "last_number", lambda model: next(seen, last_number(model)))
    other = tmp_path / "1"
    other.mkdir()
    (other / "saved_model.pb").write_bytes(b"theirs")
    assert publish(tmp_path, write)[0].name == "2"
    assert (other / "saved_model.pb").read_bytes() == b"theirs"


def test_what_fails_to_verify_leaves_nothing(tmp_path):
    def fails(folder):
        write(folder)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        publish(tmp_path, fails)
    assert list(tmp_path.iterdir()) == []


LIVING = """
import sys, time
from pathlib import Path
from zoo.export.publish import publish, replace

def fill(folder):
    (folder / "saved_model.pb").write_bytes(b"graph")
    print(folder.name, flush=True)
    time.sleep(600)

publish(Path(sys.argv[1]), fill)
"""


def test_what_the_dead_left_is_removed_and_what_the_living_write_is_not(tmp_path):
    (tmp_path / ".tmp-link").symlink_to("elsewhere")
    command = [sys.executable, "-c", LIVING, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            staged = tmp_path / process.stdout.readline().strip()
            assert staged.name.startswith(".tmp-")
            assert publish(tmp_path, write)[0].name == "1"
            assert (staged / "saved_model.pb").is_file()
        finally:
            process.kill()
    assert staged.is_dir()
    assert publish(tmp_path, write)[0].name == "2"
    # The link is none of ours.
    assert {path.name for path in tmp_path.iterdir()} == {".tmp-link", "1", "2"}


def test_without_locks_nothing_is_removed(tmp_path, monkeypatch):
    def flock(descriptor, how):
        raise OSError(errno.ENOLCK, "No locks available")

    (tmp_path / ".tmp-somebody").mkdir()
    monkeypatch.setattr(module.fcntl, "flock", flock)
    assert publish(tmp_path, write)[0].name == "1"
    assert (tmp_path / ".tmp-somebody").is_dir()


def test_places_that_are_no_folders(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    for place, reason in [
        ("file", "file is a file"),
        ("file/model", "file is a file"),
        ("link", "link is a link to nothing"),
        ("link/model", "link is a link to nothing"),
    ]:
        with pytest.raises(UserError, match=f"cannot publish to .*{place}: .*{reason}"):
            publish(tmp_path / place, write)
    (tmp_path / "real").mkdir()
    (tmp_path / "to real").symlink_to("real")
    assert publish(tmp_path / "to real", write)[0].parent.name == "to real"
    assert (tmp_path / "real" / "1" / "saved_model.pb").is_file()


FILLING = """
import sys
from pathlib import Path
from zoo.errors import UserError
from zoo.export.publish import publish, replace

try:
    publish(Path(sys.argv[1]), lambda folder: (folder / "big").write_bytes(bytes(2 << 20)))
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("options", "reason"),
    [("size=1m", "No space left on device"), ("ro", "Read-only file system")],
)
def test_a_full_disk_and_a_read_only_one(options, reason, tmp_path):
    """On a real file system of its own, where the system lets a test have one."""
    script = f'mount -t tmpfs -o {options} none "$0" && "$1" -c "$2" "$0/model"; ls -A "$0/model"'
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", script, str(tmp_path)]
    if subprocess.run([*command[:4], "-c", "mount -t tmpfs none /mnt"], check=False).returncode:
        pytest.skip("this machine lets nobody mount a file system of his own")
    done = subprocess.run(
        [*command, sys.executable, FILLING], capture_output=True, text=True, check=False
    )
    assert done.stdout == f"cannot publish to {tmp_path}/model: {reason}\n"


def test_faults_that_are_no_ones_place_keep_their_traceback(tmp_path):
    def fill(folder):
        Path(folder / "nothing").read_text()

    with pytest.raises(FileNotFoundError):
        publish(tmp_path, fill)


def test_everything_is_flushed_before_the_rename_and_the_folder_after_it(tmp_path, monkeypatch):
    calls = []
    fsync, rename = os.fsync, Path.rename
    monkeypatch.setattr(
        os,
        "fsync",
        lambda number: (calls.append(os.readlink(f"/proc/self/fd/{number}")), fsync(number)),
    )
    monkeypatch.setattr(
        Path, "rename", lambda self, target: (calls.append("rename"), rename(self, target))[1]
    )
    publish(tmp_path, write)
    place = calls.index("rename")
    staged = {Path(path).name for path in calls[:place]}
    assert staged >= {"saved_model.pb", "data", "variables"}
    assert calls[place + 1 :] == [str(tmp_path)]
