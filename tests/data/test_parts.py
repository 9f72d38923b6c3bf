"""Batches in parts: nothing lost, nothing twice, and the pictures of the whole to the bit."""

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from zoo.augment import Augmentation, normal
from zoo.data.pipeline import Part, Prepared, training_batches
from zoo.data.pipeline.batches import batches

random = np.random.default_rng(0)
IMAGES = random.integers(0, 256, (23, 9, 7, 3), np.uint8)
BOXES = np.sort(random.random((23, 2, 2), np.float32), axis=1).reshape(23, 4)


def make_prepared(kept=True, length=23):
    def read(positions):
        return {"image": tf.gather(IMAGES, positions), "box": tf.gather(BOXES, positions)}

    return Prepared(
        split=None,  # pyright: ignore[reportArgumentType]
        targets=("box",),
        indices=np.arange(length) + 100,
        left_out=(),
        kept="memory" if kept else "none",
        size_bytes=0,
        classes=None,
        pixels=None,
        read=read,
        read_batch=read if kept else None,
    )


@given(
    length=st.integers(1, 60),
    batch_size=st.integers(1, 20),
    workers=st.integers(1, 4),
    each=st.integers(1, 3),
    drop=st.booleans(),
)
@settings(deadline=None, derandomize=True, max_examples=300)
def test_parts_make_up_the_batches(length, batch_size, workers, each, drop):
    of = workers * each
    cuts = [
        Part(worker * each, each, of).cut(length, batch_size, drop) for worker in range(workers)
    ]
    # Each worker gives a part to each of its devices in each step.
    assert len({len(cut) for cut in cuts}) == 1
    steps = len(cuts[0]) // each
    at = 0
    for step in range(steps):
        parts = [part for cut in cuts for part in cut[step * each : (step + 1) * each]]
        begin, sizes = parts[0].begin, [part.end - part.begin for part in parts]
        assert begin == at
        for part in parts:
            assert part.step == step
            assert part.begin == at
            assert part.first == at - begin
            at = part.end
        assert max(sizes) - min(sizes) <= 1
        if length >= of and batch_size >= of:
            assert min(sizes) > 0
        if step < steps - 1 or drop:
            assert sum(sizes) == batch_size
        else:
            assert sum(sizes) < batch_size + of
    assert at == (length // batch_size * batch_size if drop else length)


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "read for each batch"])
@pytest.mark.parametrize(("workers", "each"), [(2, 1), (3, 1), (1, 2), (2, 2)])
def test_parts_hold_the_pictures_of_the_whole(kept, workers, each):
    augmentation = Augmentation(
        flip=True, rotate=20, zoom=0.2, perspective=0.1, brightness=0.2, contrast=0.3,
        saturation=0.2, hue=0.1, blur=0.5, sharpen=0.5, jpeg=20, noise=9, erase=0.2,
    )  # fmt: skip
    options = {"batch_size": 6, "seed": 3, "epoch": 2, "start": 1}
    prepared = make_prepared(kept)
    whole = list(training_batches(prepared, augmentation, **options))
    assert len(whole) == 2
    of = workers * each
    parts = [
        list(
            training_batches(prepared, augmentation, part=Part(worker * each, each, of), **options)
        )
        for worker in range(workers)
    ]
    for step, batch in enumerate(whole):
        mine = [one for worker in parts for one in worker[step * each : (step + 1) * each]]
        assert len(mine) == of
        for key, value in batch.items():
            joined = np.concatenate([one[key] for one in mine])
            np.testing.assert_array_equal(joined, value, err_msg=key)


def test_nothing_is_read_of_other_parts():
    seen = []

    def read(position):
        tf.py_function(lambda number: seen.append(int(number)), [position], [])
        return {"image": tf.gather(IMAGES, position)}

    prepared = Prepared(**{**vars(make_prepared(kept=False)), "read": read})
    order = np.arange(20)
    for _ in batches(prepared, batch_size=8, order=order, part=Part(1, 1, 2)):
        pass
    assert sorted(seen) == [4, 5, 6, 7, 12, 13, 14, 15, 18, 19]


@pytest.mark.parametrize("shape", [(5, 3), (6, 3, 3, 3), (4, 8, 8, 3), (40, 31, 33, 3)])
def test_noise_of_any_rows_is_that_of_the_whole(shape):
    for seed in range(20):
        whole = tf.random.stateless_normal(shape, [seed, 7])
        for first in range(shape[0] - 1):
            drawn = normal.rows(tf.constant([2, *shape[1:]]), tf.constant([seed, 7]), first)
            np.testing.assert_array_equal(drawn, whole[first : first + 2])
            if first > 4:
                break


def test_parts_are_mixed_each_in_its_own_way():
    options = {"batch_size": 8, "seed": 0, "epoch": 0}
    augmentation = Augmentation(mixup=1.0)
    shares = [
        next(iter(training_batches(make_prepared(), augmentation, part=part, **options)))["share"]
        for part in (Part(), Part(0, 1, 2), Part(1, 1, 2))
    ]
    assert len(shares[0]) == 8
    assert not np.array_equal(shares[1], shares[2])
