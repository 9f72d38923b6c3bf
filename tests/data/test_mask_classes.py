"""From the ids of masks to classes, as bytes."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.mask_classes import MaskClasses, find_classes, mask_classes

IDS = st.integers(0, 255)


@settings(deadline=None, derandomize=True)
@given(known=st.sets(IDS, min_size=2), held=st.sets(IDS, min_size=1), seed=st.integers(0, 99))
def test_any_ids_are_known_or_not_and_looked_up(known, held, seed):
    random = np.random.default_rng(seed)
    table = np.full(256, -1, np.int16)
    table[list(known)] = random.integers(0, 5, len(known))
    classes = MaskClasses(tuple("abcde"), table)
    ids = random.choice(np.array(list(held), np.uint8), (3, 7))
    assert classes.knows(ids) == np.isin(ids, list(known)).all()
    seen = np.isin(ids, list(known))
    np.testing.assert_array_equal(classes.look_up(ids)[seen], table[ids][seen])


@pytest.mark.parametrize(
    ("ignore", "run"),
    [
        # 1, 2, 3 are classes and 255 is ignored: the longest run is 1 to 3.
        ([], (1, 3)),
        # With 0 it goes from 255 over 0 to 3.
        ([0], (255, 5)),
        ([5, 6, 7, 8], (5, 4)),
    ],
)
def test_the_longest_run_of_known_ids(ignore, run):
    assert mask_classes({"1": "cat", "2": "dog", "3": "edge"}, ignore)._run == run


def test_in_a_graph_an_unknown_id_is_refused():
    classes = mask_classes({"1": "cat", "2": "dog", "7": "sheep"}, [])
    numbers = tf.function(classes.numbers)
    found = numbers(tf.constant([[1, 2], [7, 255]], tf.uint8))
    assert found.numpy().tolist() == [[0, 1], [2, 255]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="no class"):
        numbers(tf.constant([[1, 3]], tf.uint8))
    assert numbers(tf.zeros([0, 4], tf.uint8)).shape == (0, 4)


def test_a_class_of_the_last_mask_alone_is_found():
    def read(index):
        return tf.fill([1, 2], tf.cast(tf.where(index < 599, index % 2, 7), tf.uint8))

    classes, said = find_classes(read, 600, [], "cells")
    assert classes.names == ("0", "1", "7")
    assert str(said) == "the masks hold the ids 0, 1, 7, taken as classes"
