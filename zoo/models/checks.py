"""Refuses option values that no network can be built from, each in one sentence."""

import operator
from collections.abc import Iterable, Sequence
from typing import Any

import keras

from zoo.errors import UserError, nearest

# glu halves the channels, so that no normalization or shortcut would fit behind it.
_ACTIVATIONS = sorted(
    name
    for name in dir(keras.activations)
    if not name.startswith("_") and name not in ("deserialize", "get", "glu", "serialize")
)


def one_of(name: str, value: Any, allowed: Iterable[Any]) -> Any:
    """Returns ``value`` if it is allowed.

    Raises:
        UserError: If it is not; names the nearest one, or all that are allowed.
    """
    allowed = list(allowed)
    if any(
        value is choice or (type(value) is type(choice) and value == choice) for choice in allowed
    ):
        return value
    words = [choice for choice in allowed if isinstance(choice, str)]
    if isinstance(value, str) and len(words) == len(allowed):
        raise UserError(f"{name}={value!r} is unknown{nearest(value, words)}")
    raise UserError(f"{name}={value!r} is unknown; give {' or '.join(map(repr, allowed))}")


def whole(name: str, value: Any, minimum: int = 1) -> int:
    """Returns ``value`` as an int.

    Raises:
        UserError: If it is not a whole number of at least ``minimum``.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < minimum:
        raise UserError(f"{name}={value!r} is no whole number of at least {minimum}; give one")
    return number


def wholes(name: str, value: Any) -> tuple[int, ...]:
    """Returns a sequence of positive whole numbers as a tuple.

    Raises:
        UserError: If it is anything else, or empty.
    """
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise UserError(f"{name}={value!r} is no list of whole numbers; give one number a stage")
    return tuple(whole(f"{name}[{index}]", item) for index, item in enumerate(value))


def per_stage(name: str, value: Any, stages: int) -> tuple[int, ...]:
    """Returns one positive whole number for each stage; a single one is for all.

    Raises:
        UserError: If a number is not positive and whole, or if there is not one for each stage.
    """
    if isinstance(value, str) or not isinstance(value, Sequence):
        return (whole(name, value),) * stages
    numbers = wholes(name, value)
    if len(numbers) != stages:
        raise UserError(
            f"{name}={value!r} has {len(numbers)} numbers for {stages} stages; "
            f"give {stages}, or one number for all"
        )
    return numbers


def rate(name: str, value: Any, what: str = "share") -> float:
    """Returns ``value`` as a float.

    Args:
        name: Of the option.
        value: What was given for it.
        what: It is to be.

    Raises:
        UserError: If it is not a number in 0 <= value < 1.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise UserError(f"{name}={value!r} is no {what}; give a number from 0 to below 1")
    return float(value)


def activation_name(name: str, value: Any) -> str:
    """Returns ``value`` if Keras has an activation of this name that keeps the shape.

    Raises:
        UserError: If it has not.
    """
    if isinstance(value, str) and value in _ACTIVATIONS:
        return value
    raise UserError(f"{name}={value!r} is no Keras activation{nearest(str(value), _ACTIVATIONS)}")
