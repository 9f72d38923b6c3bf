"""What ``--set key=value`` means."""

import ast
import json
from typing import Any

from zoo.errors import UserError

# A set of dicts has the syntax of a literal, as has one nested too deep to be read.
_NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)


def parse_value(text: str) -> Any:
    """Returns what a value typed on the command line means.

    JSON or a Python literal where it is one (``true``, ``[16, 32]``, ``(3, 5)``,
    ``1e-3``, ``null``), the text itself otherwise.
    """
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except _NO_LITERAL:
            continue
    return text


def parse_overrides(settings: tuple[str, ...]) -> dict[str, Any]:
    """Returns the overrides that ``--set key=value`` options ask for.

    Raises:
        UserError: If one has no ``=``.
    """
    overrides = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise UserError(f"--set {setting!r} is not of the form key=value")
        overrides[key.strip()] = parse_value(value.strip())
    return overrides
