"""A value that a plan gives a field of the recipe, and why."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Choice:
    """A planned value.

    Attributes:
        value: As the recipe takes it.
        reason: What stands beside it in the recipe: a phrase or two, with the numbers that it
            rests on. Empty where a neighbour's reason covers it.
    """

    value: Any
    reason: str = ""
