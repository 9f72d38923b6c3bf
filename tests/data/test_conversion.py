"""Converting once: found again by content, whole or not there, whoever is killed."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from written_pictures import pixels, write

from zoo.data.conversion import convert, store
from zoo.errors import UserError


def files_in(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}


@pytest.fixture
def twenty(tmp_path):
    """A folder of 20 arrays of 5 channels."""
    for number in range(20):
        write(tmp_path / "in" / f"{number:02d}.npy", pixels(30, 40, 5))
    return tmp_path / "in"


def finished(cache: Path) -> list[Path]:
    return [path for path in cache.iterdir() if path.is_dir()]


def test_pictures_come_back_as_they_were_converted(tmp_path):
    folder = tmp_path / "in"
    arrays = {f"{number}.npy": pixels(9, 7 + number, 2 + number) for number in range(5)}
    for name, array in arrays.items():
        write(folder / name, array)
    write(folder / "a.png", pixels(5, 5, 3))
    converted = convert(files_in(folder), tmp_path / "cache")
    assert converted.number("a.png") == -1
    for name, array in arrays.items():
        found = converted.read(converted.number(name))
        if array.shape[-1] in (3, 4):
            found = tf.io.decode_png(found)
        assert np.array_equal(found, array)


def test_native_pictures_are_never_converted(tmp_path):
    write(tmp_path / "in" / "a.png", pixels(5, 5, 3))
    assert convert(files_in(tmp_path / "in"), tmp_path / "cache") is None
    assert not (tmp_path / "cache").exists()


def test_what_was_converted_is_found_again_by_content(twenty, tmp_path):
    cache = tmp_path / "cache"
    convert(files_in(twenty), cache)
    (first,) = finished(cache)
    written = (first / "manifest.json").stat().st_mtime_ns
    # Touched, but the same: read again for its fingerprint, not converted.
    os.utime(twenty / "03.npy")
    convert(files_in(twenty), cache)
    assert finished(cache) == [first]
    assert (first / "manifest.json").stat().st_mtime_ns == written
    changed = np.load(twenty / "03.npy")
    changed[0, 0, 0] ^= 1
    np.save(twenty / "03.npy", changed)
    again = convert(files_in(twenty), cache)
    assert np.array_equal(again.read(3), changed)
    convert(files_in(twenty), cache, values=(0, 9))
    (twenty / "19.npy").unlink()
    convert(files_in(twenty), cache)
    assert len(finished(cache)) == 4


def test_files_that_look_untouched_are_not_read_again(twenty, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    long_ago = time.time() - 60
    for path in twenty.iterdir():
        os.utime(path, (long_ago, long_ago))
    convert(files_in(twenty), cache)
    opened = []
    real = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, *args, **more: opened.append(self) or real(self, *args, **more)
    )
    convert(files_in(twenty), cache)
    assert not [path for path in opened if path.suffix == ".npy"]


def test_progress_goes_up_to_the_total(twenty, tmp_path):
    seen = []
    convert(files_in(twenty), tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 40) for done in range(1, 41)]


SLOWLY = """
import sys, time
from pathlib import Path
from zoo.data.conversion import convert
folder, cache = map(Path, sys.argv[1:])
files = {path.name: path for path in sorted(folder.iterdir())}
def progress(done, total):
    print(done, flush=True)
    if done == 27:
        time.sleep(600)
convert(files, cache, progress=progress)
"""


def test_a_process_killed_half_way_leaves_nothing_that_counts(twenty, tmp_path):
    cache = tmp_path / "cache"
    process = subprocess.Popen(
        [sys.executable, "-c", SLOWLY, str(twenty), str(cache)], stdout=subprocess.PIPE, text=True
    )
    # 20 fingerprints, then records: in the middle of these.
    while int(process.stdout.readline()) < 27:
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (half,) = finished(cache)
    assert half.name.startswith(".tmp-")
    converted = convert(files_in(twenty), cache)
    (whole,) = finished(cache)
    assert not whole.name.startswith(".")
    for number, path in enumerate(sorted(twenty.iterdir())):
        assert np.array_equal(converted.read(number), np.load(path))


def test_a_store_that_was_torn_is_made_again(twenty, tmp_path):
    cache = tmp_path / "cache"
    convert(files_in(twenty), cache)
    (place,) = finished(cache)
    for name in ("pictures.array_record", "manifest.json"):
        path = place / name
        path.write_bytes(path.read_bytes()[:-100])
        assert np.array_equal(convert(files_in(twenty), cache).read(7), np.load(twenty / "07.npy"))
    (place / "pictures.array_record").unlink()
    assert np.array_equal(convert(files_in(twenty), cache).read(7), np.load(twenty / "07.npy"))


READ = """
import sys
from pathlib import Path
from zoo.data.conversion import convert
folder, cache = map(Path, sys.argv[1:])
converted = convert({path.name: path for path in sorted(folder.iterdir())}, cache)
print([int(converted.read(number).sum()) for number in range(20)])
"""


def test_two_processes_at_once_make_one_store(twenty, tmp_path):
    command = [sys.executable, "-c", READ, str(twenty), str(tmp_path / "cache")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    found = [process.communicate(timeout=120)[0].strip() for process in processes]
    expected = [int(np.load(path).sum()) for path in sorted(twenty.iterdir())]
    assert found == [str(expected)] * 2
    assert len(finished(tmp_path / "cache")) == 1


def test_a_full_disk_is_one_sentence_and_leaves_nothing(twenty, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "_sync", full)
    cache = tmp_path / "cache"
    with pytest.raises(UserError, match=r"cache \(No space left on device\); make room") as error:
        convert(files_in(twenty), cache)
    assert "\n" not in str(error.value)
    assert finished(cache) == []


def test_a_disk_that_fills_while_records_are_written(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk takes rights that this process has not")
    try:
        for number in range(20):
            write(tmp_path / "in" / f"{number}.npy", pixels(200, 200, 5))
        with pytest.raises(UserError, match="No space left on device"):
            convert(files_in(tmp_path / "in"), small / "cache")
        assert finished(small / "cache") == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_place_that_may_not_be_written_to_is_named(twenty, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write to .*file"):
        convert(files_in(twenty), tmp_path / "file" / "cache")


def test_without_a_place_conversions_are_gone_with_the_process(twenty):
    code = (
        "import sys; from pathlib import Path; from zoo.data.conversion import convert\n"
        "found = convert({'a': Path(sys.argv[1])}, None); print(found._records)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(twenty / "00.npy")],
        capture_output=True,
        text=True,
        check=True,
    )
    folder = Path(done.stdout.strip()).parents[1]
    assert folder.name.startswith("zoo-")
    assert not folder.exists()
