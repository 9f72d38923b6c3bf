"""What the tasks' losses have in common: types of options, class weights, and sums of parts."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from zoo.errors import UserError, nearest

BALANCED = "balanced"
"""What stands for class weights by the counts of the training data."""


def _weights(value: Any) -> Any:
    if value is None or value == BALANCED:
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f'weights are "{BALANCED}" or numbers by class name, as {{"cat": 2.0}}')
    for name, weight in value.items():
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not 0 <= weight < math.inf:
            raise ValueError(f"the weight of {name!r} is {weight!r} and should be a number >= 0")
    return {str(name): float(weight) for name, weight in value.items()}


Smoothing = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Alpha = Annotated[float, Field(gt=0, lt=1)]
# One check, so that a mistake is told in one sentence and not once a branch of a union.
ClassWeights = Annotated[Any, BeforeValidator(_weights)]

Part = Callable[[Mapping[str, Any], Mapping[str, Any], Any], Any]
"""From targets, outputs and the weight of each example, float [n] or ``None``, to a scalar."""


def class_numbers(
    class_weights: Mapping[str, float] | str | None, class_names: Sequence[str], what: str
) -> tuple[float, ...] | None:
    """Returns a weight for each class.

    Args:
        class_weights: By class name; who is not named has 1. ``None`` for 1 each.
        class_names: Of all classes.
        what: Whose weights they are, as messages shall name it.

    Raises:
        UserError: If a name is no class, no class has a weight above 0, or ``"balanced"`` has
            not become numbers yet, for want of training data.
    """
    if class_weights is None:
        return None
    if isinstance(class_weights, str):
        raise UserError(
            f"{what}'s class_weights are {class_weights!r}, which takes training data; give a "
            "number for each class"
        )
    for name in class_weights:
        if name not in class_names:
            raise UserError(
                f"{what}'s class_weights name {name!r}, which is no class of the data"
                f"{nearest(name, class_names)}"
            )
    numbers = tuple(float(class_weights.get(name, 1.0)) for name in class_names)
    if not any(numbers):
        raise UserError(f"{what} has no class with a weight above 0; raise one of class_weights")
    return numbers


def focal_factor(alpha: float | None, class_names: Sequence[str], task: str) -> float | None:
    """Returns alpha if there are the two classes that it tells apart.

    Raises:
        UserError: If there are not.
    """
    if alpha is not None and len(class_names) != 2:
        raise UserError(
            f"the {task} loss's focal_alpha weighs one of two classes, and there are "
            f"{len(class_names)}; use class_weights"
        )
    return alpha


def summed(parts: Mapping[str, tuple[float, Part]], what: str):
    """Adds up the parts of a loss.

    Args:
        parts: Name to weight and part; one of weight 0 is not computed.
        what: Whose parts they are, as messages shall name it.

    Returns:
        A function as :attr:`zoo.tasks.Task.make_loss` describes it: ``"loss"`` is the weighted
        sum, the others are as they are before weighting.

    Raises:
        UserError: If no weight is above 0.
    """
    chosen = {name: part for name, part in parts.items() if part[0]}
    if not chosen:
        raise UserError(f"{what} has no weight above 0; raise one of them")

    import keras

    def of(targets: Mapping[str, Any], outputs: Mapping[str, Any], weight: Any) -> dict[str, Any]:
        values = {name: part(targets, outputs, weight) for name, (_, part) in chosen.items()}
        # Not with a plus sign: the last bit of a chain of additions was seen to differ from
        # process to process (docs/tensorflow-notes.md).
        weighted = [factor * values[name] for name, (factor, _) in chosen.items()]
        return {"loss": keras.ops.sum(keras.ops.stack(weighted))} | values

    return of


def mean(values: Any, weight: Any) -> Any:
    """Returns the mean over examples, each times its weight; ``None`` is 1.

    Args:
        values: float [n].
        weight: float [n] or ``None``.
    """
    import keras

    return keras.ops.mean(values if weight is None else values * weight)
