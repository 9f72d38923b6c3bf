"""Steps in one graph are the steps that would be taken one by one."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.training import course, steps
from zoo.training.steps import COUNT, Fused
from zoo.training.watch import Watch

NOTHING = tf.zeros([3])


class Counting:
    """A step that counts, and has a loss of each batch: its mean and its largest number."""

    def __init__(self):
        self.seen = tf.Variable(tf.zeros([1000]))
        self.number = tf.Variable(0)

    def __call__(self, batch, wishes):
        self.seen.scatter_update(tf.IndexedSlices(batch[0], self.number))
        self.number.assign_add(1)
        count = tf.cast(tf.shape(batch)[0], tf.float32)
        return count, {"loss": tf.reduce_mean(batch), "largest": tf.reduce_max(batch)}, wishes


def fused_over(data):
    step = Counting()
    return step, Fused(step, data.element_spec, NOTHING), iter(data)


@pytest.mark.parametrize("groups", [[7], [1] * 7, [3, 1, 3], [2, 5]], ids=str)
def test_sums_do_not_depend_on_the_grouping(monkeypatch, groups):
    data = tf.data.Dataset.range(14).map(lambda number: tf.cast(number, tf.float32)).batch(2)
    step, fused, batches = fused_over(data)
    sums = {}
    for most in groups:
        monkeypatch.setattr(fused, "_pace", 64)
        taken = fused.take(batches, sums, most)
        assert taken.steps == most
        sums = {name: float(value) for name, value in taken.sums.items()}
    # Batches (0, 1), (2, 3) ... (12, 13): means 0.5, 2.5 ... 12.5, two examples each.
    assert sums == {"loss": 2 * 7 * 6.5, "largest": 2 * 7 * 7.0, COUNT: 14.0}
    assert float(taken.loss) == 12.5
    np.testing.assert_array_equal(step.seen[:8], [0, 2, 4, 6, 8, 10, 12, 0])
    assert fused.traces == 1


def test_no_batch_left_is_none():
    data = tf.data.Dataset.from_tensors(tf.zeros([2])).repeat(2)
    _, fused, batches = fused_over(data)
    assert fused.take(batches, {}, 1).steps == 1
    assert fused.take(batches, {}, 1).steps == 1
    assert fused.take(batches, {}, 1) is None


def test_sums_go_on_in_whatever_order_they_come():
    data = tf.data.Dataset.from_tensors(tf.ones([2]))
    _, fused, batches = fused_over(data)
    taken = fused.take(batches, {COUNT: 1.0, "largest": 10.0, "loss": 100.0}, 1)
    assert {name: float(value) for name, value in taken.sums.items()} == {
        "largest": 12.0, "loss": 102.0, COUNT: 3.0,
    }  # fmt: skip


def test_as_many_at_once_as_pass_in_a_tenth_of_a_second(monkeypatch):
    clock, each = SimpleNamespace(now=0.0), 1.0
    each = 1.0

    monkeypatch.setattr(steps, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    data = tf.data.Dataset.from_tensors(tf.zeros([2])).repeat()
    _, fused, batches = fused_over(data)
    real = fused._taken

    def timed(iterator, count, sums):
        clock.now += each * int(count)
        return real(iterator, count, sums)

    monkeypatch.setattr(fused, "_taken", timed)
    taken = [fused.take(batches, {}, 1000).steps]
    each = 0.0035
    taken += [fused.take(batches, {}, 1000).steps for _ in range(7)]
    # The first took long, as one that is traced does; then twice as many each time, up to
    # 0.1 / 0.0035 = 28.6.
    assert taken == [1, 1, 2, 4, 8, 16, 28, 28]
    each = 0.06
    assert [fused.take(batches, {}, 1000).steps for _ in range(2)] == [28, 1]
    each = 1e-5
    assert [fused.take(batches, {}, 1000).steps for _ in range(8)] == [1, 2, 4, 8, 16, 32, 64, 64]
    assert fused.take(batches, {}, 5).steps == 5


def test_many_short_runs_are_no_reason_to_warn(caplog):
    data = tf.data.Dataset.from_tensors(tf.zeros([2]))
    for _ in range(20):
        _, fused, batches = fused_over(data)
        assert fused.take(batches, {}, 1).steps == 1
    assert "retracing" not in caplog.text


def test_waiting_for_batches_is_told(monkeypatch):
    def slow(number):
        tf.py_function(lambda: __import__("time").sleep(0.1), [], [])
        return tf.cast(number, tf.float32)[tf.newaxis]

    data = tf.data.Dataset.range(4).map(slow).map(lambda row: tf.ensure_shape(row, [1]))
    _, fused, batches = fused_over(data)
    monkeypatch.setattr(fused, "_pace", 4)
    assert 0.4 <= fused.take(batches, {}, 4).waited < 30


@pytest.mark.parametrize("change", [{}, {"accumulate": 2}, {"precision": "float16"}], ids=str)
def test_a_run_in_groups_is_the_run_step_by_step(
    stripes_recipe, tmp_path, monkeypatch, resume_benchmark, change
):
    recipe = stripes_recipe.with_overrides(change)
    groups = []
    real = Fused.take

    def noted(fused, iterator, sums, most):
        fused._pace = 64
        taken = real(fused, iterator, sums, most)
        groups.append(taken.steps)
        return taken

    monkeypatch.setattr(Fused, "take", noted)
    quiet = Watch(quiet=True)
    grouped = zoo.train(recipe, run=tmp_path / "grouped", watch=quiet).folder
    assert max(groups) > 4
    groups.clear()
    monkeypatch.setattr(course.Callbacks, "each_batch", True)
    single = zoo.train(recipe, run=tmp_path / "single", watch=quiet).folder
    assert resume_benchmark.differences(single, grouped) == []
