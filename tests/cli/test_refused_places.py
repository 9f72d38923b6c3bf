"""What the system refuses is said as what it is: reading, writing, or neither to be told."""

import errno
import os

import click
import pytest
from click.testing import CliRunner

from zoo.cli.group import Commands


@pytest.fixture
def bound(monkeypatch):
    """Binds everybody to the owner's permissions, root as well, whom none binds."""

    def access(path, mode):
        try:
            return os.stat(path).st_mode >> 6 & mode == mode
        except OSError:
            return False

    monkeypatch.setattr(os, "access", access)


@pytest.fixture
def told():
    """Returns what a command says that an error ends, and its exit code."""

    def run(number, *place):
        @click.group(cls=Commands)
        def main():
            pass

        @main.command()
        def fail():
            raise OSError(number, os.strerror(number), *map(str, place))

        result = CliRunner().invoke(main, ["fail"])
        assert "Traceback" not in result.output
        return result.output.strip(), result.exit_code

    return run


@pytest.mark.parametrize(
    ("mode", "verb"), [(0o200, "read"), (0o000, "read"), (0o400, "write to"), (0o600, "open")]
)
def test_a_file_that_may_not_be_read_is_not_said_to_be_written(tmp_path, bound, told, mode, verb):
    place = tmp_path / "1.jpg"
    place.touch()
    place.chmod(mode)
    assert told(errno.EACCES, place) == (f"Error: cannot {verb} {place}: Permission denied", 2)


@pytest.mark.parametrize(
    ("mode", "verb"), [(0o300, "read"), (0o600, "read"), (0o500, "write to"), (0o700, "open")]
)
def test_a_folder(tmp_path, bound, told, mode, verb):
    place = tmp_path / "pictures"
    place.mkdir()
    place.chmod(mode)
    said, code = told(errno.EPERM, place)
    place.chmod(0o700)
    assert (said, code) == (f"Error: cannot {verb} {place}: Operation not permitted", 2)


@pytest.mark.parametrize(("mode", "verb"), [(0o500, "write to"), (0o600, "open"), (0o700, "open")])
def test_what_is_not_there_is_written_where_its_folder_can_be_searched(
    tmp_path, bound, told, mode, verb
):
    folder = tmp_path / "runs"
    folder.mkdir()
    folder.chmod(mode)
    said, code = told(errno.EACCES, folder / "1")
    folder.chmod(0o700)
    assert (said, code) == (f"Error: cannot {verb} {folder / '1'}: Permission denied", 2)


def test_what_only_writing_meets_is_about_writing(tmp_path, told):
    full = f"Error: cannot write to {tmp_path}: {os.strerror(errno.ENOSPC)}"
    assert told(errno.ENOSPC, tmp_path) == (full, 2)
    assert told(errno.ENOSPC) == (f"Error: cannot write to the disk: {os.strerror(28)}", 2)


def test_a_file_where_a_folder_should_be(tmp_path, told):
    (tmp_path / "runs").touch()
    place = tmp_path / "runs" / "1"
    assert told(errno.ENOTDIR, place) == (f"Error: cannot open {place}: Not a directory", 2)
