from dataclasses import dataclass

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.pipeline import (
    batches,
    epoch_order,
    evaluation_batches,
    prepare_split,
    training_batches,
)
from zoo.preprocess import Preprocessing

LENGTH = 23
PREPROCESSING = Preprocessing((4, 4), channels=1)
TARGETS = ("class", "box", "mask")


@dataclass(frozen=True)
class Shake:
    """An augmentation that shows each number it is given in the pixels."""

    draws: int = 2

    def __call__(self, batch, uniforms, seed):
        noise = tf.random.stateless_normal(tf.shape(batch["image"]), seed)
        shift = tf.reshape(tf.reduce_sum(uniforms, axis=1), [-1, 1, 1, 1])
        return {**batch, "image": tf.cast(batch["image"], tf.float32) + shift + noise}


@pytest.fixture(scope="module", params=["cached", "read each time"])
def prepared(request, examples):
    budget = 2**30 if request.param == "cached" else 0
    found = prepare_split(examples(), PREPROCESSING, TARGETS, budget_bytes=budget)
    assert found.cached == (request.param == "cached")
    return found


def run(data):
    return [{key: value.numpy() for key, value in batch.items()} for batch in data]


def assert_equal(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys()
        for key, value in one.items():
            np.testing.assert_array_equal(value, other[key], err_msg=key)
            assert value.dtype == other[key].dtype


def test_evaluation_gives_every_example_once_in_order(prepared):
    found = run(evaluation_batches(prepared, batch_size=5))
    # 23 = 4 * 5 + 3
    assert [len(batch["index"]) for batch in found] == [5, 5, 5, 5, 3]
    index = np.concatenate([batch["index"] for batch in found])
    np.testing.assert_array_equal(index, np.arange(LENGTH))
    assert index.dtype == np.int64
    for key, dtype, shape in (
        ("image", np.uint8, (4, 4, 1)),
        ("class", np.int32, ()),
        ("box", np.float32, (4,)),
        ("mask", np.uint8, (4, 4)),
    ):
        value = np.concatenate([batch[key] for batch in found])
        assert value.dtype == dtype
        assert value.shape == (LENGTH, *shape)
    image = np.concatenate([batch["image"] for batch in found])
    np.testing.assert_array_equal(image[:, 2, 1, 0], np.arange(LENGTH))
    mask = np.concatenate([batch["mask"] for batch in found])
    np.testing.assert_array_equal(mask[:, 3, 3], np.arange(LENGTH) % 5)
    np.testing.assert_allclose(found[0]["box"][1], [0.125, 0.125, 0.375, 0.5], atol=1e-6)


def test_batches_are_as_large_as_their_static_shape_says(prepared):
    data = training_batches(prepared, None, batch_size=8, seed=0, epoch=0)
    assert data.element_spec["image"].shape == (8, 4, 4, 1)
    assert data.element_spec["box"].shape == (8, 4)
    assert data.element_spec["mask"].shape == (8, 4, 4)
    assert data.cardinality() == 2


@pytest.mark.parametrize("start", [0, 1, 3, 4, 5])
def test_starting_at_a_step_gives_the_rest_of_the_whole_epoch(prepared, start):
    options = {"batch_size": 5, "seed": 7, "epoch": 2}
    whole = run(training_batches(prepared, Shake(), **options))
    assert len(whole) == 4
    rest = run(training_batches(prepared, Shake(), start=start, **options))
    assert_equal(rest, whole[start:])


def test_cached_and_uncached_batches_are_the_same(examples):
    cached, uncached = (
        prepare_split(examples(), PREPROCESSING, TARGETS, budget_bytes=budget)
        for budget in (2**30, 0)
    )
    assert (cached.cached, uncached.cached) == (True, False)
    options = {"batch_size": 4, "seed": 3, "epoch": 1}
    assert_equal(
        run(training_batches(cached, Shake(), **options)),
        run(training_batches(uncached, Shake(), **options)),
    )
    for position in (0, 22):
        first, second = (p.read(tf.constant(position, tf.int64)) for p in (cached, uncached))
        assert_equal([run([first])[0]], [run([second])[0]])


def test_batches_do_not_depend_on_the_number_of_threads(prepared):
    def with_threads(count):
        options = tf.data.Options()
        options.threading.private_threadpool_size = count
        data = training_batches(prepared, Shake(), batch_size=2, seed=1, epoch=0)
        return run(data.with_options(options))

    assert_equal(with_threads(1), with_threads(8))


def test_augmentation_of_an_example_does_not_depend_on_its_batch(prepared):
    uniforms = np.arange(LENGTH * 2, dtype=np.float32).reshape(LENGTH, 2) / 100

    @dataclass(frozen=True)
    class Show:
        draws: int = 2

        def __call__(self, batch, uniforms, seed):
            return {**batch, "shown": uniforms}

    order = np.array([20, 4, 9, 0])
    found = run(
        batches(prepared, batch_size=3, order=order, augmentation=Show(), uniforms=uniforms)
    )
    shown = np.concatenate([batch["shown"] for batch in found])
    np.testing.assert_array_equal(shown, uniforms[order])
    with pytest.raises(ValueError, match=r"\[23, 2\]"):
        batches(prepared, batch_size=3, order=order, augmentation=Show(), uniforms=uniforms[:, :1])


def test_noise_differs_between_steps_epochs_and_seeds(prepared):
    def first(seed, epoch, step):
        data = training_batches(
            prepared, Shake(draws=0), batch_size=4, seed=seed, epoch=epoch, start=step
        )
        batch = run(data)[0]
        return batch["image"] - batch["index"].reshape(-1, 1, 1, 1)

    noises = [first(0, 0, 0), first(0, 0, 1), first(0, 1, 0), first(1, 0, 0)]
    for i, one in enumerate(noises):
        for other in noises[i + 1 :]:
            assert np.abs(one - other).max() > 0.1


def test_training_drops_a_remainder_unless_it_is_all_there_is(prepared):
    def sizes(batch_size):
        data = training_batches(prepared, None, batch_size=batch_size, seed=0, epoch=0)
        return [len(batch["index"]) for batch in run(data)]

    assert sizes(10) == [10, 10]
    assert sizes(23) == [23]
    assert sizes(64) == [23]


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.integers(0, 300), st.integers(0, 2**40), st.integers(0, 1000))
def test_an_epochs_order_is_a_permutation_of_its_own(length, seed, epoch):
    order = epoch_order(length, seed, epoch)
    np.testing.assert_array_equal(np.sort(order), np.arange(length))
    np.testing.assert_array_equal(order, epoch_order(length, seed, epoch))
    if length > 20:
        assert not np.array_equal(order, epoch_order(length, seed, epoch + 1))
        assert not np.array_equal(order, epoch_order(length, seed + 1, epoch))
