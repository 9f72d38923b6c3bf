"""A recipe in the making: values chosen one by one, those that the user settled first."""

from collections.abc import Mapping
from typing import Any

from zoo.plan.choice import Choice
from zoo.training.recipe import DataOptions, Recipe, parse_recipe

GIVEN = "as given with --set"


class Draft:
    """Values by dotted field, each with its reason.

    Args:
        task: Name of the task.
        data: Where the data is, what is settled of it included.
        given: Settled values by dotted field, or of a whole section; they win over any choice,
            and what follows is chosen to go with them.

    Attributes:
        choices: What was chosen, by dotted field, in order.
        remarks: By section: what could not be chosen.
    """

    def __init__(self, task: str, data: DataOptions, given: Mapping[str, Any]):
        self.choices: dict[str, Choice] = {}
        self.remarks: dict[str, str] = {}
        self._task = task
        self._data = data
        self._given = dict(given)

    def given(self, field: str) -> Any:
        """Returns the settled value of a field; ``None`` if it is not settled."""
        if field in self._given:
            return self._given[field]
        section, _, name = field.partition(".")
        whole = self._given.get(section)
        return whole.get(name) if isinstance(whole, Mapping) else None

    def take(self, field: str, choice: Choice | None) -> Any:
        """Takes a choice, unless the user settled its field; returns the value that counts.

        Args:
            field: Dotted.
            choice: ``None`` to leave the field as it always is.
        """
        settled = self.given(field)
        if settled is not None:
            return tuple(settled) if isinstance(settled, list) else settled
        if choice is None or field.partition(".")[0] in self._given:
            return None
        self.choices[field] = choice
        return choice.value

    @property
    def reasons(self) -> dict[str, str]:
        """The reason of each field, by its dotted name."""
        planned = {field: choice.reason for field, choice in self.choices.items()}
        return planned | dict.fromkeys(self._given, GIVEN)

    def recipe(self) -> Recipe:
        """Returns the recipe as far as it is drafted.

        Raises:
            UserError: If a settled value is none that a recipe may have.
        """
        values: dict[str, Any] = {"task": self._task, "data": self._data.model_dump()}
        for field, choice in self.choices.items():
            *sections, name = field.split(".")
            place = values
            for section in sections:
                place = place.setdefault(section, {})
            place[name] = choice.value
        values.setdefault("input", {}).setdefault("size", (1, 1))
        settled = {key: value for key, value in self._given.items() if not key.startswith("data.")}
        return parse_recipe(values).with_overrides(settled)
