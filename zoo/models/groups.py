"""Options that a function takes by itself, and through the groups among its parameters."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import Any

from zoo.errors import keyword_options


def option_names(function: Callable[..., Any]) -> set[str]:
    """Returns the names of a function's options: its keywords, and the fields of its groups.

    Args:
        function: An encoder, decoder or head. A keyword whose annotation is a dataclass is a
            group, as :class:`zoo.models.style.Style`.
    """
    return set(_homes(function))


def bind(function: Callable[..., Any], options: Mapping[str, Any]) -> Callable[..., Any]:
    """Returns the function with options bound, those of a group within the group.

    Args:
        function: An encoder, decoder or head.
        options: Values by the names that :func:`option_names` gives.

    Raises:
        UserError: For a value that a group refuses.

    Example:
        >>> bind(plain, {"filters": (8, 16), "normalization": "group"})(image)
    """
    homes = _homes(function)
    arguments: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {}
    for name, value in options.items():
        if _is_group(homes[name]):
            groups.setdefault(homes[name].name, {})[name] = value
        else:
            arguments[name] = value
    for name, values in groups.items():
        arguments[name] = replace(keyword_options(function)[name].default, **values)
    return partial(function, **arguments)


def _homes(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameter that takes each option: its own, or the group's of which it is a field."""
    return {
        name: parameter
        for own, parameter in keyword_options(function).items()
        for name in (
            [field.name for field in fields(parameter.annotation)]
            if _is_group(parameter)
            else [own]
        )
    }


def _is_group(parameter: inspect.Parameter) -> bool:
    return is_dataclass(parameter.annotation)
