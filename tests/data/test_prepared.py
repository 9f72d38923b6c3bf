import os
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.data import open_dataset
from zoo.data.findings import Reason
from zoo.data.pipeline import (
    evaluation_batches,
    limits,
    prepare_split,
    training_batches,
)
from zoo.errors import UserError
from zoo.preprocess import Preprocessing

LENGTH = 23
PREPROCESSING = Preprocessing((4, 4), channels=1)
TARGETS = ("class", "box", "mask")


def run(data):
    return [{key: value.numpy() for key, value in batch.items()} for batch in data]


def test_only_the_targets_asked_for_are_kept(examples):
    prepared = prepare_split(examples(), PREPROCESSING, ("class",))
    batch = run(evaluation_batches(prepared, batch_size=2))[0]
    assert set(batch) == {"image", "class", "index"}
    # A target that is not asked for cannot make an example unusable.
    prepare_split(examples(mask=lambda m, n: tf.zeros([2, 2], tf.uint8)), PREPROCESSING, ("class",))


@pytest.mark.parametrize("budget", [2**30, 0])
def test_examples_without_object_or_label_are_left_out(budget, examples):
    split = examples(
        box=lambda box, number: tf.where(number == 4, np.float32(np.nan), box),
        **{"class": lambda label, number: tf.where(number == 6, -1, label)},
    )
    prepared = prepare_split(split, PREPROCESSING, ("class", "box"), budget_bytes=budget)
    left = [i for i in range(LENGTH) if i not in (4, 6)]
    np.testing.assert_array_equal(prepared.indices, left)
    assert prepared.length == 21
    assert [name for name, _ in prepared.left_out] == ["example 4", "example 6"]
    found = run(evaluation_batches(prepared, batch_size=7))
    np.testing.assert_array_equal(np.concatenate([b["index"] for b in found]), left)
    np.testing.assert_array_equal(np.concatenate([b["image"][:, 0, 0, 0] for b in found]), left)


# A picture is 4 * 4 * 1 bytes and a mask 4 * 4, a class 4, a box 16.
@pytest.mark.parametrize(("targets", "size"), [(("class",), 16 + 4), (TARGETS, 16 + 16 + 4 + 16)])
def test_the_budget_is_what_the_arrays_take(targets, size, examples):
    for spare, cached in ((0, True), (-1, False)):
        budget = size * LENGTH + spare
        prepared = prepare_split(examples(), PREPROCESSING, targets, budget_bytes=budget)
        assert prepared.cached == cached


def test_progress_goes_up_to_the_total(examples):
    seen = []
    prepare_split(
        examples(600),
        PREPROCESSING,
        ("class",),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(256, 600), (512, 600), (600, 600)]


@pytest.fixture
def broken(tmp_path):
    """Two classes of 9 pictures, of which 7 cannot be read."""
    for name in ("cat", "dog"):
        (tmp_path / "train" / name).mkdir(parents=True)
        for index in range(9):
            Image.new("L", (5, 4), index).save(tmp_path / "train" / name / f"{index}.jpg")
    cat = tmp_path / "train" / "cat"
    whole = (cat / "0.jpg").read_bytes()
    (cat / "1.jpg").write_bytes(b"")
    (cat / "2.jpg").write_bytes(b"no picture at all")
    (cat / "3.jpg").write_bytes(whole[: len(whole) // 2])
    for index in range(5, 9):
        (cat / f"{index}.jpg").write_bytes(b"neither")
    split = open_dataset("class_folders", tmp_path, validation=0, test=0).splits["train"]
    (cat / "4.jpg").unlink()
    return split


@pytest.mark.parametrize("budget", [2**30, 0])
def test_unreadable_pictures_are_named_all_at_once(broken, budget):
    with pytest.raises(UserError) as error:
        prepare_split(broken, PREPROCESSING, ("class",), budget_bytes=budget)
    message = str(error.value)
    assert message.startswith("8 of the 18 examples of train cannot be used: ")
    for part in (
        "1.jpg is empty",
        "2.jpg is not a JPEG",
        "3.jpg is damaged",
        "4.jpg is not there any more",
        "and 3 more",
        "unreadable='skip'",
    ):
        assert part in message
    assert "\n" not in message
    assert "6.jpg" not in message


@pytest.mark.parametrize("budget", [2**30, 0])
def test_unreadable_pictures_can_be_left_out(broken, budget):
    prepared = prepare_split(
        broken, PREPROCESSING, ("class",), budget_bytes=budget, unreadable="skip"
    )
    assert prepared.length == 10
    assert len(prepared.left_out) == 8
    name, reason = prepared.left_out[0]
    assert name.endswith("1.jpg")
    assert reason == Reason("unreadable-picture", "is empty")
    found = run(evaluation_batches(prepared, batch_size=4))
    for batch in found:
        for index, label in zip(batch["index"], batch["class"], strict=True):
            assert ("cat", "dog")[label] in broken.label(index)


def test_a_mask_of_another_size_is_named_as_such(examples):
    split = examples(mask=lambda mask, number: mask[: tf.where(number == 3, 2, 4)])
    with pytest.raises(UserError, match=r"1 of the 23 .* example 3 cannot be used: .*size"):
        prepare_split(split, PREPROCESSING, ("mask",))


def test_a_split_with_nothing_left_is_refused(examples):
    split = examples(box=lambda box, number: box * np.float32(np.nan))
    with pytest.raises(UserError, match="no example of train can be used"):
        prepare_split(split, PREPROCESSING, ("box",))
    with pytest.raises(UserError, match="'fail' or 'skip'"):
        prepare_split(examples(), PREPROCESSING, ("class",), unreadable="ignore")


@pytest.mark.parametrize("budget", [2**30, 0])
def test_a_mistake_found_while_tracing_comes_as_it_is(examples, budget):
    split = examples(image=lambda image, number: tf.tile(image, [1, 1, 5]))
    with pytest.raises(UserError, match="pictures of 5 channels cannot become 3") as error:
        prepare_split(split, Preprocessing((4, 4), 3), ("class",), budget_bytes=budget)
    assert "\n" not in str(error.value)


# 23 pictures of 16 bytes and classes of 4: 460.
@pytest.mark.parametrize(
    ("cache", "memory", "disk", "kept"),
    [
        ("auto", 460, 0, "memory"),
        ("auto", 459, 460, "disk"),
        ("auto", 459, 459, "none"),
        ("memory", 460, 0, "memory"),
        ("disk", 2**30, 460, "disk"),
        ("none", 2**30, 2**30, "none"),
    ],
)
def test_pictures_are_kept_where_their_budget_suffices(
    examples, tmp_path, cache, memory, disk, kept
):
    prepared = prepare_split(
        examples(),
        PREPROCESSING,
        ("class",),
        cache=cache,
        budget_bytes=memory,
        disk_bytes=disk,
        folder=tmp_path / "cache",
    )
    assert (prepared.kept, prepared.size_bytes) == (kept, 460)
    # The file has no name: nothing is left whatever ends the process.
    assert not list(tmp_path.rglob("*.*"))


def test_pictures_kept_on_disk_make_the_same_batches(examples, tmp_path):
    split = examples(box=lambda box, number: tf.where(number == 4, np.float32(np.nan), box))
    memory, disk = (
        prepare_split(
            split,
            PREPROCESSING,
            TARGETS,
            cache=cache,
            disk_bytes=2**20,
            folder=tmp_path,
        )
        for cache in ("memory", "disk")
    )
    assert disk.kept == "disk"
    for one, other in zip(
        run(training_batches(memory, None, batch_size=5, seed=3, epoch=1)),
        run(training_batches(disk, None, batch_size=5, seed=3, epoch=1)),
        strict=True,
    ):
        assert one.keys() == other.keys()
        for key, value in one.items():
            np.testing.assert_array_equal(value, other[key], err_msg=key)
    batches = (evaluation_batches(one, batch_size=5) for one in (memory, disk))
    first, second = (data.element_spec for data in batches)
    assert first == second
    assert int(disk.read(tf.constant(4, tf.int64))["image"][0, 0, 0]) == 5


@pytest.mark.parametrize(
    ("cache", "memory", "disk", "says"),
    [
        ("memory", 459, 2**30, "more than the budget in memory of 459 B; raise data.cache_gib"),
        ("disk", 2**30, 459, "more than the budget on disk of 459 B; raise data.cache_disk_gib"),
    ],
)
def test_a_place_asked_for_by_name_has_to_suffice(examples, tmp_path, cache, memory, disk, says):
    with pytest.raises(UserError, match=f"pictures of train take 460 B, {says}"):
        prepare_split(
            examples(),
            PREPROCESSING,
            ("class",),
            cache=cache,
            budget_bytes=memory,
            disk_bytes=disk,
            folder=tmp_path,
        )


def test_a_full_disk_is_found_before_anything_is_kept_on_it(examples, tmp_path, monkeypatch):
    options = {"disk_bytes": 2**30, "folder": tmp_path, "budget_bytes": 0}
    usage = type("Usage", (), {"free": 500})
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda folder: usage)
        prepared = prepare_split(examples(), PREPROCESSING, ("class",), **options)
        # Nine tenths of 500 are 450.
        assert prepared.kept == "none"
        with pytest.raises(UserError, match="has room for 450 B; make room"):
            prepare_split(examples(), PREPROCESSING, ("class",), cache="disk", **options)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(UserError, match=r"\(No space left on device\); make room there, or set"):
        prepare_split(examples(), PREPROCESSING, ("class",), **options)


@pytest.mark.parametrize(
    # A batch is 2 x 100 float32 and 2 int64: 816 bytes.
    ("bytes_", "threads", "batches"),
    [(816 * 3 + 815, 1, 3), (2**30, 1, 4), (2**30, 3, 12), (100, 1, 1)],
)
def test_batches_ahead_fit_into_memory(bytes_, threads, batches, monkeypatch):
    monkeypatch.setattr(limits, "AHEAD_BYTES", bytes_)
    pulled = []

    def pull(number):
        pulled.append(int(number))
        return np.zeros(100, np.float32)

    def row(number):
        data = tf.numpy_function(pull, [number], tf.float32)
        return tf.ensure_shape(data, [100]), number

    data = tf.data.Dataset.range(1000).map(row).batch(2, drop_remainder=True)
    iterator = iter(limits.limited(limits.ahead(data, 2, threads), threads))
    next(iterator)
    # Beside the one taken, those ahead, and a few on their way between threads.
    most = 2 * (batches + 5)
    for _ in range(3000):
        if len(pulled) >= 2 * (batches + 1):
            break
        time.sleep(0.01)
    time.sleep(0.05)
    assert 2 * (batches + 1) <= len(pulled) <= most


def test_threads_and_memory_have_a_limit(examples):
    prepared = prepare_split(examples(), PREPROCESSING, ("class",), threads=1)
    for threads in (1, 3):
        options = evaluation_batches(prepared, batch_size=2, threads=threads).options()
        assert options.threading.private_threadpool_size == threads
        assert options.autotune.enabled is False
    own = evaluation_batches(prepared, batch_size=2).options()
    assert own.threading.private_threadpool_size == len(os.sched_getaffinity(0))
