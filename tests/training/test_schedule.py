"""Learning rates over a run."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import UserError
from zoo.training.schedule import FIELDS, check_schedule, make_schedule
from zoo.training.sections import ScheduleOptions


def rates(steps, at, warmup=0.0, peak=1.0, **options):
    schedule = make_schedule(ScheduleOptions(**options), peak, warmup, steps)
    return [float(schedule(step)) for step in at]


def near(*values):
    return pytest.approx(values, abs=1e-6)


def test_constant():
    assert rates(10, (0, 5, 10), name="constant") == near(1, 1, 1)
    # Two steps of warm-up: 0, 1/2, then the peak.
    assert rates(10, (0, 1, 2, 9), 0.2, 0.4, name="constant") == near(0, 0.2, 0.4, 0.4)


def test_cosine():
    # 4 steps of warm-up leave 16: (1 + cos(pi p)) / 2 at p = 0, 1/4, 1/2 and 1.
    quarter = (1 + math.sqrt(0.5)) / 2
    assert rates(20, (0, 1, 4, 8, 12, 20), 0.2) == near(0, 0.25, 1, quarter, 0.5, 0)
    # To a tenth: 0.1 + 0.9 * 0.5 half way.
    assert rates(20, (10, 20, 30), final=0.1) == near(0.55, 0.1, 0.1)


def test_step():
    options = {"name": "step", "milestones": (0.5, 0.8), "factor": 0.1}
    at = (0, 2, 9, 10, 15, 16, 20)
    assert rates(20, at, 0.1, **options) == near(0, 1, 1, 0.1, 0.1, 0.01, 0.01)
    assert rates(20, at, 0.1, final=0.05, **options) == near(0, 1, 1, 0.1, 0.1, 0.05, 0.05)
    assert rates(20, (9, 10), name="step", milestones=(0.5,), factor=0.5) == near(1, 0.5)


def test_polynomial():
    # 0.2 + 0.8 (1 - p)^2 at p = 0, 1/2 and 1.
    options = {"name": "polynomial", "power": 2.0, "final": 0.2}
    assert rates(12, (0, 2, 7, 12, 13), 1 / 6, **options) == near(0, 1, 0.4, 0.2, 0.2)


def test_one_cycle():
    # Up from 0.04 over 4 of 10 steps, half way at (0.04 + 1) / 2, down over 6.
    options = {"name": "one_cycle", "rise": 0.4}
    assert rates(10, (0, 2, 4, 7, 10), 0.3, **options) == near(0.04, 0.52, 1, 0.5, 0)
    assert rates(10, (0, 5), name="one_cycle", rise=0.0) == near(1, 0.5)


def test_the_default_is_keras_cosine_with_warm_up():
    steps, warmup = 40, 3
    expected = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=4e-3, warmup_steps=warmup
    )
    for step, rate in enumerate(rates(steps, range(steps + 1), warmup / steps, 4e-3)):
        assert rate == pytest.approx(float(expected(step)), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("name", list(FIELDS))
@settings(deadline=None, derandomize=True, max_examples=8)
@given(
    steps=st.integers(20, 400),
    warmup=st.floats(0, 0.4),
    final=st.floats(0, 1),
    peak=st.floats(1e-4, 10),
)
def test_rates_stay_between_nothing_and_the_peak_and_do_not_jump(name, steps, warmup, final, peak):
    options = ScheduleOptions(name=name, final=final)
    schedule = make_schedule(options, peak, warmup, steps)
    taken = np.array(schedule(tf.range(steps + 1)))
    assert taken.shape in ((), (steps + 1,))
    values = np.broadcast_to(taken, steps + 1) / peak
    assert values.min() >= 0
    assert values.max() == pytest.approx(1, abs=1e-5)
    if name != "step":
        # The steepest is a half cosine over a third of the run, or the warm-up itself.
        risen = max(1, round(warmup * steps))
        fallen = max(1, round(0.3 * steps))
        assert np.abs(np.diff(values)).max(initial=0) <= max(1 / risen, 3 / fallen) + 1e-5


@pytest.mark.parametrize("name", list(FIELDS))
def test_from_configuration_and_in_a_graph(name):
    schedule = make_schedule(ScheduleOptions(name=name), 0.3, 0.2, 20)
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(schedule))
    counter = keras.Variable(0, dtype="int64", trainable=False)

    @tf.function
    def rate():
        return schedule(counter)

    for step in range(0, 22, 3):
        counter.assign(step)
        assert float(rate()) == float(schedule(step)) == float(again(step))


@pytest.mark.parametrize("name", list(FIELDS))
def test_fields_of_another_schedule_are_refused(name):
    others = {"milestones": (0.9,), "factor": 0.2, "power": 3.0, "rise": 0.2, "start": 0.2}
    others["final"] = 0.5
    for field, value in others.items():
        options = ScheduleOptions(**{"name": name, field: value})
        if field in FIELDS[name]:
            check_schedule(options, 0.0)
        else:
            with pytest.raises(UserError, match=f"schedule.{field} is without effect"):
                check_schedule(options, 0.0)


@pytest.mark.parametrize("milestones", [(), (0.8, 0.5), (0.5, 0.5), (0.05,), (1.0,), (-0.5,)])
def test_milestones_are_shares_in_order(milestones):
    with pytest.raises(UserError, match=r"schedule\.milestones is .* after the warm-up"):
        check_schedule(ScheduleOptions(name="step", milestones=milestones), 0.1)
