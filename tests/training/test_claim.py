"""A run folder has one process at a time, from the start of it to the end."""

import errno
import fcntl
from pathlib import Path

import pytest

import zoo
from zoo.errors import UserError
from zoo.training import claim
from zoo.training import train as training
from zoo.training.folder import RunFolder
from zoo.training.watch import Watch

QUIET = Watch(quiet=True)


def test_a_folder_is_claimed_while_the_data_are_read(stripes_recipe, tmp_path, monkeypatch):
    folder = tmp_path / "runs" / "run"
    opened = []

    def reading(*arguments, **options):
        opened.append(1)
        if len(opened) == 1:
            for resume in (False, True):
                with pytest.raises(UserError, match=r"is in use: process [0-9]+ trains there"):
                    zoo.train(stripes_recipe, run=folder, resume=resume, watch=QUIET)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "open_session", reading)
    with pytest.raises(KeyboardInterrupt):
        zoo.train(stripes_recipe, run=folder, watch=QUIET)
    assert opened == [1]
    # Nothing was begun, so nothing is left.
    assert list(tmp_path.iterdir()) == []


def test_only_what_a_claim_made_goes_with_it(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    with claim.claimed(folder):
        pass
    assert list(folder.iterdir()) == []
    with claim.claimed(folder / "run"):
        (folder / "run" / "notes.txt").write_text("kept")
    assert (folder / "run" / "notes.txt").read_text() == "kept"


def test_a_claim_on_a_file_that_was_taken_away_is_none(tmp_path, monkeypatch):
    folder, real = tmp_path / "run", fcntl.flock
    held = []

    def late(file, operation):
        # Another process ended between the opening of its file and the claim on it.
        if not held:
            (folder / ".claim").unlink()
            folder.rmdir()
        held.append(file)
        real(file, operation)

    monkeypatch.setattr(claim.fcntl, "flock", late)
    with claim.claimed(folder):
        assert len(held) == 2
        with pytest.raises(UserError, match="is in use"), claim.claimed(folder):
            pass


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, number):
    def none(file, operation):
        raise OSError(number, "No locks available")

    monkeypatch.setattr(claim.fcntl, "flock", none)
    folder = RunFolder(tmp_path / "run")
    said = r"run cannot be kept from other processes: its file system has no locks \(No locks"
    with pytest.raises(UserError, match=said), folder.claimed():
        pass


def test_what_was_left_half_written_is_swept_and_nothing_else(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.checkpoints.mkdir(parents=True)
    left = [folder.checkpoints / ".last.4711.npz", folder.checkpoints / ".chosen.9.npz"]
    left += [folder.path / name for name in (".model.4711.keras", ".metrics.12.jsonl")]
    # `zoo evaluate` writes without a claim and may live; the others are nobody's leavings.
    names = (".evaluation.4711.json", ".model.keras", ".model.mine.keras", "model.4711.keras")
    kept = [folder.last, *(folder.path / name for name in names)]
    for path in (*left, *kept):
        path.write_text("half")
    with folder.claimed():
        pass
    assert [path for path in left if Path(path).exists()] == []
    assert all(path.exists() for path in kept)
