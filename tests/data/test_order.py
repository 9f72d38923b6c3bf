"""Orders in which every class comes equally often, and which patches look for foreground."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.pipeline import Foreground, balanced_order, prepare_split, training_batches
from zoo.preprocess import Preprocessing

# 40 of class 0, 5 of class 2, 1 of class 3; none of class 1.
CLASSES = np.random.default_rng(0).permutation(np.repeat([0, 2, 3], [40, 5, 1]))


def spread(counts):
    return counts.max() - counts.min()


# 46 slots among 3 classes: 16 of one and 15 of two; the extra one goes round.
def test_classes_come_equally_often_in_every_epoch_and_over_all():
    epochs = [np.bincount(CLASSES[balanced_order(CLASSES, 46, 5, e)]) for e in range(6)]
    for counts in epochs:
        assert sorted(counts.tolist()) == [0, 15, 15, 16]
    # 6 * 46 = 276 = 3 * 92
    assert np.sum(epochs, axis=0).tolist() == [92, 0, 92, 92]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=60),
    st.integers(1, 150),
    st.integers(0, 2**40),
    st.integers(1, 5),
)
def test_examples_of_a_class_are_used_evenly(classes, slots, seed, epochs):
    classes = np.array(classes)
    seen = np.zeros(len(classes), int)
    for epoch in range(epochs):
        order = balanced_order(classes, slots, seed, epoch)
        assert order.shape == (slots,)
        assert order.dtype == np.int64
        counts = np.bincount(classes[order], minlength=6)
        assert spread(counts[np.unique(classes)]) <= 1
        seen += np.bincount(order, minlength=len(classes))
        for class_id in np.unique(classes):
            assert spread(seen[classes == class_id]) <= 1
        np.testing.assert_array_equal(order, balanced_order(classes, slots, seed, epoch))


def test_walks_longer_than_a_block_stay_even():
    # 3 examples: 1,365 permutations a block, 4,095 draws.
    classes = np.array([0, 0, 0, 1])
    seen = np.bincount(balanced_order(classes, 20_001, 0, 0), minlength=4)
    assert sorted(seen[:3].tolist()) == [3333, 3334, 3334]
    assert seen[3] == 10_000


def test_orders_are_shuffled_and_differ_by_epoch_and_seed():
    classes = np.repeat([0, 1], [90, 10])
    orders = [balanced_order(classes, 100, seed, e) for seed, e in ((0, 0), (0, 1), (1, 0))]
    for number, one in enumerate(orders):
        # In turns, or sorted, neighbours would be of other classes always, or hardly ever.
        assert 30 < np.sum(np.diff(classes[one]) != 0) < 70
        for other in orders[number + 1 :]:
            assert np.mean(one == other) < 0.2


@pytest.mark.parametrize("share", [0.0, 0.1, 1 / 3, 0.5, 2 / 3, 1.0])
def test_the_share_of_patches_holds_in_an_epoch_and_in_each_batch(share):
    wanted = Foreground(share, 4).places(600, 0, 0)[:, 0]
    assert set(wanted.tolist()) <= {-1.0, 4.0}
    marked = wanted == 4
    assert marked.sum() == round(600 * share)
    for size in (2, 3, 4, 7):
        batches = marked[: 600 // size * size].reshape(-1, size).sum(1)
        assert np.abs(batches - size * share).max() < 1 + 1e-9


def test_chances_of_patches_are_the_same_for_the_same_epoch_and_even():
    places = Foreground(1.0, 0).places(2000, 3, 1)
    assert places.dtype == np.float32
    np.testing.assert_array_equal(places, Foreground(1.0, 0).places(2000, 3, 1))
    for other in (Foreground(1.0, 0).places(2000, 3, 2), Foreground(1.0, 0).places(2000, 4, 1)):
        assert np.mean(places[:, 1:] == other[:, 1:]) < 0.01
    for column in (1, 2):
        assert np.histogram(places[:, column], 4, (0, 1))[0] == pytest.approx(500, abs=80)
    assert abs(np.corrcoef(places[:, 1], places[:, 2])[0, 1]) < 0.1


@pytest.fixture(scope="module", params=["cached", "read each time"])
def prepared(request, examples):
    """23 pictures, of which number 20 alone is of class 1."""
    split = examples(**{"class": lambda _, number: tf.where(number == 20, 1, 0)})
    budget = 2**30 if request.param == "cached" else 0
    return prepare_split(split, Preprocessing((4, 4), 1), ("class", "mask"), budget_bytes=budget)


def test_what_was_prepared_knows_its_classes_and_pixels(prepared):
    assert prepared.classes.tolist() == [0] * 20 + [1] + [0] * 2
    # Masks of 16 pixels of the id n % 5: of 23 numbers 5 each leave 0, 1, 2, and 4 each 3, 4.
    assert prepared.pixels[:5].tolist() == [80, 80, 80, 64, 64]
    assert not prepared.pixels[5:].any()


def test_balanced_batches_go_on_where_they_stopped(prepared):
    def run(epoch, start=0):
        options = {"batch_size": 5, "seed": 7, "epoch": epoch, "balanced": True}
        data = training_batches(prepared, None, start=start, **options)
        return [batch["index"].numpy() for batch in data]

    epochs = [run(epoch) for epoch in range(3)]
    np.testing.assert_array_equal(np.stack(epochs[2][2:]), np.stack(run(2, start=2)))
    shown = np.concatenate([index for epoch in epochs for index in epoch])
    # 23 = 4 * 5 + 3: 20 slots an epoch, all of which are shown, so that it stays even.
    assert len(shown) == 60
    counts = np.bincount(shown, minlength=23)
    assert counts[20] == 30
    assert spread(np.delete(counts, 20)) <= 1


def test_balancing_needs_classes(examples):
    prepared = prepare_split(examples(), Preprocessing((4, 4), 1), ("mask",))
    with pytest.raises(ValueError, match="only examples with a class"):
        training_batches(prepared, None, batch_size=4, seed=0, epoch=0, balanced=True)
