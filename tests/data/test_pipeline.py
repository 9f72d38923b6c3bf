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
from zoo.errors import UserError
from zoo.preprocess import Preprocessing

LENGTH = 23
PREPROCESSING = Preprocessing((4, 4), channels=1)
TARGETS = ("class", "box", "mask")


@dataclass(frozen=True)
class Shake:
    """An augmentation that shows each number it is given: in the pixels, and as it is."""

    draws: int = 2

    def __call__(self, batch, uniforms, seed, first):
        noise = tf.random.stateless_normal(tf.shape(batch["image"]), seed)
        shift = tf.reshape(tf.reduce_sum(uniforms, axis=1), [-1, 1, 1, 1])
        image = tf.cast(batch["image"], tf.float32) + shift + noise
        return {**batch, "image": image, "shown": uniforms}


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


# 23 = 4 * 5 + 3 and 3 * 23 = 69 = 13 * 5 + 4: step 4 holds the end of one pass and the
# beginning of the next.
@pytest.mark.parametrize(("repeat", "steps"), [(1, 4), (3, 13)])
@pytest.mark.parametrize("start", [0, 1, 3, 4, 5, 13])
def test_starting_at_a_step_gives_the_rest_of_the_whole_epoch(prepared, start, repeat, steps):
    options = {"batch_size": 5, "seed": 7, "epoch": 2, "repeat": repeat}
    whole = run(training_batches(prepared, Shake(), **options))
    assert len(whole) == steps
    rest = run(training_batches(prepared, Shake(), start=start, **options))
    assert_equal(rest, whole[start:])


def test_cached_and_uncached_batches_are_the_same(examples):
    cached, uncached = (
        prepare_split(examples(), PREPROCESSING, TARGETS, budget_bytes=budget)
        for budget in (2**30, 0)
    )
    assert (cached.cached, uncached.cached) == (True, False)
    options = {"batch_size": 4, "seed": 3, "epoch": 1, "repeat": 2}
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


def test_uniforms_belong_to_the_slots_of_the_order(prepared):
    order = np.array([20, 4, 9, 4, 0])
    uniforms = np.arange(10, dtype=np.float32).reshape(5, 2) / 100
    options = {"order": order, "augmentation": Shake(), "uniforms": uniforms}
    for batch_size in (2, 3):
        found = run(batches(prepared, batch_size=batch_size, **options))
        index = np.concatenate([batch["index"] for batch in found])
        np.testing.assert_array_equal(index, order)
        shown = np.concatenate([batch["shown"] for batch in found])
        np.testing.assert_array_equal(shown, uniforms)


@pytest.mark.parametrize("uniforms", [None, np.zeros([4, 2]), np.zeros([23, 2]), np.zeros([5, 1])])
def test_uniforms_must_fit_the_order_and_the_augmentation(prepared, uniforms):
    order = np.array([20, 4, 9, 4, 0])
    with pytest.raises(ValueError, match=r"uniforms must be \[5, 2\]"):
        batches(prepared, batch_size=3, order=order, augmentation=Shake(), uniforms=uniforms)


def test_a_column_added_to_the_uniforms_leaves_those_before_it_as_they_were(prepared):
    def shown(draws):
        data = training_batches(prepared, Shake(draws), batch_size=23, seed=5, epoch=1)
        return run(data)[0]["shown"]

    few, more = shown(2), shown(3)
    assert more.shape == (23, 3)
    np.testing.assert_array_equal(more[:, :2], few)
    # 69 numbers, all different: no column is another's.
    assert len(np.unique(more)) == 69


def test_repeat_shows_each_example_again_in_a_new_order_with_uniforms_of_its_own(prepared):
    data = training_batches(prepared, Shake(), batch_size=69, seed=5, epoch=1, repeat=3)
    (epoch,) = run(data)
    passes = epoch["index"].reshape(3, 23)
    np.testing.assert_array_equal(np.sort(passes), np.tile(np.arange(23), (3, 1)))
    np.testing.assert_array_equal(passes[0], epoch_order(23, 5, 1))
    assert len(np.unique(passes, axis=0)) == 3
    # 3 * 23 * 2 numbers, all different.
    assert len(np.unique(epoch["shown"])) == 138


def test_an_epochs_order_is_the_recorded_one():
    # Should another release of NumPy permute otherwise, runs would not repeat across it.
    assert epoch_order(8, 0, 0).tolist() == [3, 6, 4, 0, 7, 5, 2, 1]
    np.testing.assert_array_equal(epoch_order(8, 0, 0, repeat=2)[:8], epoch_order(8, 0, 0))


def test_what_an_augmentation_refuses_is_told_as_it_says_it(prepared):
    class Refuse(Shake):
        def __call__(self, batch, uniforms, seed, first):
            raise UserError("no such patch")

    with pytest.raises(UserError, match=r"^no such patch$"):
        training_batches(prepared, Refuse(), batch_size=4, seed=0, epoch=0)


@pytest.mark.parametrize("repeat", [0, -1])
def test_an_epoch_of_no_passes_is_refused(prepared, repeat):
    with pytest.raises(UserError, match=f"repeat={repeat} must be at least 1"):
        training_batches(prepared, None, batch_size=4, seed=0, epoch=0, repeat=repeat)


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


# 23 = 2 * 10 + 3 and 46 = 4 * 10 + 6 = 30 + 16; 64 is more than there is.
@pytest.mark.parametrize(
    ("repeat", "batch_size", "sizes"),
    [
        (1, 10, [10, 10]),
        (1, 23, [23]),
        (1, 64, [23]),
        (2, 10, [10, 10, 10, 10]),
        (2, 30, [30]),
        (2, 46, [46]),
        (2, 64, [46]),
    ],
)
def test_training_drops_a_remainder_unless_it_is_all_there_is(prepared, repeat, batch_size, sizes):
    data = training_batches(prepared, None, batch_size=batch_size, seed=0, epoch=0, repeat=repeat)
    assert [len(batch["index"]) for batch in run(data)] == sizes


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.integers(0, 300), st.integers(0, 2**40), st.integers(0, 1000))
def test_an_epochs_order_is_a_permutation_of_its_own(length, seed, epoch):
    order = epoch_order(length, seed, epoch)
    np.testing.assert_array_equal(np.sort(order), np.arange(length))
    np.testing.assert_array_equal(order, epoch_order(length, seed, epoch))
    if length > 20:
        assert not np.array_equal(order, epoch_order(length, seed, epoch + 1))
        assert not np.array_equal(order, epoch_order(length, seed + 1, epoch))
