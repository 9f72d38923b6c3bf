"""The learning rate over a run: Keras' schedules, one after the other.

Each is a pure function of the count of updates, which is saved with the optimizer: a resumed run
goes on at the same rate.
"""

from typing import Any

import keras
from keras.optimizers.schedules import (
    CosineDecay,
    LearningRateSchedule,
    PiecewiseConstantDecay,
    PolynomialDecay,
)

from zoo.errors import UserError
from zoo.training.sections import ScheduleOptions


@keras.saving.register_keras_serializable("zoo")
class Joined(LearningRateSchedule):
    """One schedule up to a step, from there on another, which counts from 0 again.

    Args:
        first: Up to ``seam``.
        second: From ``seam`` on.
        seam: The first step of ``second``.

    Example:
        >>> from keras.optimizers.schedules import PolynomialDecay
        >>> rise, fall = PolynomialDecay(0.0, 2, 1.0), PolynomialDecay(1.0, 4, 0.0)
        >>> schedule = Joined(rise, fall, 2)
        >>> [float(schedule(step)) for step in range(7)]
        [0.0, 0.5, 1.0, 0.75, 0.5, 0.25, 0.0]
    """

    def __init__(self, first: LearningRateSchedule, second: LearningRateSchedule, seam: int):
        super().__init__()
        self.first = first
        self.second = second
        self.seam = seam

    def __call__(self, step: Any):
        """Returns the rate, a float32 scalar, at a step counted from 0."""
        step = keras.ops.convert_to_tensor(step)
        later = keras.ops.maximum(step - self.seam, 0)
        return keras.ops.where(step < self.seam, self.first(step), self.second(later))

    def get_config(self) -> dict[str, Any]:
        """Returns plain values that :meth:`from_config` takes."""
        serialize = keras.saving.serialize_keras_object
        return {
            "first": serialize(self.first),
            "second": serialize(self.second),
            "seam": self.seam,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Joined":
        """Returns the schedule that :meth:`get_config` describes."""
        deserialize: Any = keras.saving.deserialize_keras_object
        return cls(deserialize(config["first"]), deserialize(config["second"]), config["seam"])


@keras.saving.register_keras_serializable("zoo")
class Scaled(LearningRateSchedule):
    """A schedule times a factor that can be changed while training.

    Args:
        schedule: The schedule.

    Attributes:
        factor: float32 scalar variable, 1 at first.
    """

    def __init__(self, schedule: LearningRateSchedule):
        super().__init__()
        self.schedule = schedule
        self.factor = keras.Variable(1.0, dtype="float32", trainable=False, name="rate_factor")

    def __call__(self, step: Any) -> Any:
        """Returns the rate of an update, counted from 0."""
        return self.schedule(step) * self.factor

    def get_config(self) -> dict[str, Any]:
        """Returns what :meth:`from_config` takes; the factor is no part of it."""
        return {"schedule": keras.saving.serialize_keras_object(self.schedule)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Scaled":
        """Returns the schedule that :meth:`get_config` describes."""
        deserialize: Any = keras.saving.deserialize_keras_object
        return cls(deserialize(config["schedule"]))


def _constant(options: ScheduleOptions, peak: float, steps: int, warmup: int):
    return PolynomialDecay(peak, steps, end_learning_rate=peak)


def _cosine(options: ScheduleOptions, peak: float, steps: int, warmup: int):
    return CosineDecay(peak, steps, alpha=options.final)


def _polynomial(options: ScheduleOptions, peak: float, steps: int, warmup: int):
    end: Any = options.final * peak
    return PolynomialDecay(peak, steps, end_learning_rate=end, power=options.power)


def _step(options: ScheduleOptions, peak: float, steps: int, warmup: int):
    # Keras' boundaries are the last steps at the old rate.
    boundaries = [round(share * (warmup + steps)) - warmup - 1 for share in options.milestones]
    factors = [options.factor**passed for passed in range(len(boundaries) + 1)]
    values = [peak * max(options.final, factor) for factor in factors]
    return PiecewiseConstantDecay(boundaries, values)


def _one_cycle(options: ScheduleOptions, peak: float, steps: int, warmup: int):
    rise = round(options.rise * steps)
    fall = CosineDecay(peak, max(1, steps - rise), alpha=options.final)
    if not rise:
        return fall
    start = options.start * peak
    return Joined(CosineDecay(start, rise, alpha=1.0 / options.start), fall, rise)


# What each takes besides its name; another field would be without effect.
FIELDS: dict[str, tuple[str, ...]] = {
    "constant": (),
    "cosine": ("final",),
    "one_cycle": ("final", "rise", "start"),
    "step": ("final", "milestones", "factor"),
    "polynomial": ("final", "power"),
}
_SHAPES = {
    "constant": _constant,
    "cosine": _cosine,
    "one_cycle": _one_cycle,
    "step": _step,
    "polynomial": _polynomial,
}


def check_schedule(options: ScheduleOptions, warmup: float) -> None:
    """Refuses what would be without effect, and milestones that are not in order.

    Args:
        options: The recipe's section.
        warmup: Share of the run in which the rate rises.

    Raises:
        UserError: For the first mistake.
    """
    for name, field in ScheduleOptions.model_fields.items():
        known = name == "name" or name in FIELDS[options.name]
        if not known and getattr(options, name) != field.default:
            users = [shape for shape, fields in FIELDS.items() if name in fields]
            raise UserError(
                f"schedule.{name} is without effect on schedule.name={options.name!r}; leave it "
                f"out, or choose {' or '.join(repr(user) for user in users)}"
            )
    if options.name != "step":
        return
    places = list(options.milestones)
    if not places or places != sorted(set(places)) or places[0] <= warmup or places[-1] >= 1:
        raise UserError(
            f"schedule.milestones is {places}: shares of the run are wanted, rising, after the "
            f"warm-up (warmup={warmup:g}) and below 1"
        )


def make_schedule(
    options: ScheduleOptions, peak: float, warmup: float, steps: int
) -> LearningRateSchedule:
    """Returns the learning rate as a function of the count of updates.

    Args:
        options: Its shape.
        peak: The highest rate.
        warmup: Share of the run in which the rate rises linearly from zero to the peak (Goyal
            et al. 2017, arXiv:1706.02677). ``one_cycle`` rises by itself instead.
        steps: Updates of the whole run.

    Example:
        >>> schedule = make_schedule(ScheduleOptions(name="polynomial", power=1.0), 0.1, 0.2, 10)
        >>> [round(float(schedule(step)), 4) for step in (0, 1, 2, 6, 10)]
        [0.0, 0.05, 0.1, 0.05, 0.0]
    """
    rise = 0 if options.name == "one_cycle" else round(warmup * steps)
    after = _SHAPES[options.name](options, peak, max(1, steps - rise), rise)
    if not rise:
        return after
    target: Any = peak
    return Joined(PolynomialDecay(0.0, rise, end_learning_rate=target), after, rise)
