"""Converting once: found again by content, whole or not there, whoever is killed."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tifffile
from PIL import Image

from zoo.data import open_dataset, sentences
from zoo.data.conversion import convert, store
from zoo.data.files.pictures import look_at
from zoo.data.pipeline import evaluation_batches, prepare_split
from zoo.errors import UserError
from zoo.preprocess import Preprocessing

RANDOM = np.random.default_rng(0)


def pixels(*shape):
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def write(path: Path, array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, array, photometric="rgb" if array.shape[-1] == 3 else "minisblack")
    else:
        Image.fromarray(array).save(path)


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
module = sys.modules["zoo.data.conversion.convert"]
real = module.read_samples
def slow(path):
    time.sleep(0.05)
    return real(path)
module.read_samples = slow
folder, cache = map(Path, sys.argv[1:])
files = {path.name: path for path in sorted(folder.iterdir())}
def progress(done, total):
    print(done, flush=True)
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


def _convert_and_read(folder, cache, results):
    converted = convert(files_in(folder), cache)
    results.put([int(converted.read(number).sum()) for number in range(20)])


def test_two_processes_at_once_make_one_store(twenty, tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=_convert_and_read, args=(twenty, tmp_path / "cache", results))
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    expected = [int(np.load(path).sum()) for path in sorted(twenty.iterdir())]
    assert found == [expected, expected]
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


def class_folders(root: Path, suffix: str, make) -> Path:
    for label in ("a", "b"):
        for number in range(4):
            write(root / label / f"{number}{suffix}", make())
    return root


def test_a_set_of_tiffs_gives_the_batches_that_pngs_of_the_same_pixels_give(tmp_path):
    tiffs = class_folders(tmp_path / "set" / "tif", ".tif", lambda: pixels(9, 12, 3))
    for path in tiffs.rglob("*.tif"):
        array = tifffile.imread(path)
        write(tmp_path / "set" / "png" / path.parent.name / f"{path.stem}.png", array)
        # Some of each, and under a wrong name.
        mixed = tmp_path / "set" / "mixed" / path.parent.name / f"{path.stem}.jpg"
        mixed.parent.mkdir(parents=True, exist_ok=True)
        if int(path.stem) % 2:
            mixed.write_bytes(path.read_bytes())
        else:
            Image.fromarray(array).save(mixed, "PNG")
    found = []
    for kind in ("tif", "png", "mixed"):
        dataset = open_dataset(
            "class_folders",
            tmp_path / "set" / kind,
            splits={"train": "all"},
            validation=0,
            test=0,
            cache=tmp_path / "cache",
        )
        for budget in (2**30, 0):
            prepared = prepare_split(
                dataset.splits["train"], Preprocessing((6, 8)), ("class",), budget_bytes=budget
            )
            (batch,) = evaluation_batches(prepared, batch_size=8)
            found.append({key: value.numpy() for key, value in batch.items()})
    for other in found[1:]:
        for key, value in found[0].items():
            np.testing.assert_array_equal(value, other[key], err_msg=key)


def test_a_corrupt_picture_marks_its_own_example(tmp_path):
    root = class_folders(tmp_path / "set", ".tif", lambda: pixels(9, 12, 3))
    bad = root / "a" / "2.tif"
    bad.write_bytes(bad.read_bytes()[:200])
    dataset = open_dataset("class_folders", root, validation=0, test=0, cache=tmp_path / "cache")
    split, preprocessing = dataset.splits["train"], Preprocessing((6, 8))
    with pytest.raises(UserError, match=r"1 of the 8 .*a/2.tif is damaged or cut short"):
        prepare_split(split, preprocessing, ("class",))
    for budget in (2**30, 0):
        prepared = prepare_split(
            split, preprocessing, ("class",), unreadable="skip", budget_bytes=budget
        )
        ((name, reason),) = prepared.left_out
        assert name.endswith("a/2.tif")
        assert reason.kind == "unreadable-picture"
        assert prepared.length == 7
        assert sum(len(b["class"]) for b in evaluation_batches(prepared, batch_size=3)) == 7


def test_pictures_of_other_channels_than_most_are_named(tmp_path):
    root = class_folders(tmp_path / "set", ".npy", lambda: pixels(9, 12, 5))
    write(root / "a" / "0.npy", pixels(9, 12, 6))
    write(root / "b" / "3.png", pixels(9, 12, 3))
    dataset = open_dataset("class_folders", root, validation=0, test=0, cache=tmp_path / "cache")
    prepared = prepare_split(
        dataset.splits["train"], Preprocessing((6, 8), 5), ("class",), unreadable="skip"
    )
    assert {name[-7:]: str(why) for name, why in prepared.left_out} == {
        "a/0.npy": "has 6 channels, where most pictures of this set have 5",
        "b/3.png": "has 1, 3 or 4 channels, where most pictures of this set have 5",
    }
    (batch,) = evaluation_batches(prepared, batch_size=8)
    assert batch["image"].shape == (7, 6, 8, 5)


def test_lost_precision_is_said_with_the_range_that_is_used(tmp_path):
    root = class_folders(tmp_path / "set", ".tif", lambda: np.uint16([[5, 4000]]))
    write(root / "a" / "4.png", np.uint16([[5, 4000]]))
    dataset = open_dataset("class_folders", root, cache=tmp_path / "cache")
    (said,) = (text for text in sentences(dataset.findings) if "scaled" in text)
    assert said.startswith("scaled from 16 bits to 8, so that 0 is 0 and 65535 is 255")
    assert "a/0.tif (5 to 4000)" in said
    assert "a/4.png" in said
    dataset = open_dataset("class_folders", root, cache=tmp_path / "cache", values=(0, 4095))
    split = dataset.splits["train"]
    image = tf.io.decode_png(split.read(tf.constant(0, tf.int64))["image"])
    # 5 * 255 / 4095 = 0.31, 4000 * 255 / 4095 = 249.08.
    assert image[0, :, 0].numpy().tolist() == [0, 249]


def test_without_a_place_conversions_are_gone_with_the_process(tmp_path):
    class_folders(tmp_path / "set", ".npy", lambda: pixels(9, 12, 3))
    code = (
        "import sys; from zoo.data import open_dataset\n"
        "d = open_dataset('class_folders', sys.argv[1])\n"
        "m = sys.modules['zoo.data.conversion.convert']; print(m._temporary_folder())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "set")],
        capture_output=True,
        text=True,
        check=True,
    )
    folder = Path(done.stdout.split()[-1])
    assert folder.name.startswith("zoo-")
    assert not folder.exists()


def test_boxes_go_by_the_upright_size_of_a_tiff(voc_folder, tmp_path):
    path = voc_folder.root / "JPEGImages" / "a.tif"
    tifffile.imwrite(path, pixels(10, 20, 3), extratags=[(274, "H", 1, 6, True)])
    (look,) = look_at([path])
    assert (look.kind, look.stored, look.size, look.orientation) == ("TIFF", (10, 20), (20, 10), 6)
    # Drawn on the picture as stored, 20 wide and 10 high; turned by 90 degrees it is 10 x 20.
    voc_folder.xml("a", ("cat", 1, 1, 10, 5))
    voc_folder.good("b", "c")
    dataset = open_dataset("voc", voc_folder.root, validation=0, test=0, cache=tmp_path / "cache")
    example = dataset.splits["train"].read(tf.constant(0, tf.int64))
    # Edges (0, 0, 10, 5) of 20 x 10, turned clockwise: x = 10 - y, y = x: (5, 0, 10, 10).
    assert example["box"].numpy().tolist() == [0.5, 0, 1, 0.5]
    assert tf.io.decode_png(example["image"]).shape == (20, 10, 3)


@pytest.mark.parametrize("channels", [3, 5])
def test_windows_are_cut_out_of_converted_pictures(voc_folder, tmp_path, channels):
    whole = pixels(10, 20, channels)
    np.save(voc_folder.root / "JPEGImages" / "a.npy", whole)
    voc_folder.xml("a", ("cat", 1, 1, 5, 5), ("dog", 12, 1, 18, 5))
    dataset = open_dataset(
        "voc", voc_folder.root, objects="crop", validation=0, test=0, cache=tmp_path / "cache"
    )
    split = dataset.splits["train"]
    assert split.length == 2
    for index, window in enumerate((whole[:, :11], whole[:, 5:])):
        image = split.read(tf.constant(index, tf.int64))["image"]
        image = image if channels == 5 else tf.io.decode_png(image)[..., :3]
        assert np.array_equal(image, window)
