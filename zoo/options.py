"""Checking keyword options against the annotations of the function that takes them."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from zoo.errors import UserError, keyword_options, nearest


def validated(
    function: Callable[..., Any],
    options: Mapping[str, Any],
    what: str,
    given: Collection[str] = (),
) -> dict[str, Any]:
    """Checks keyword options against a function's annotations, and returns them.

    Args:
        function: Takes the options.
        options: By name.
        what: Whose options they are, as messages shall name it.
        given: Names of its parameters that are no options.

    Raises:
        UserError: One sentence for the first option that is unknown, with the nearest valid
            name, or has the wrong type.
    """
    fields: dict[str, Any] = {
        name: (
            Any if parameter.annotation is parameter.empty else parameter.annotation,
            ... if parameter.default is parameter.empty else parameter.default,
        )
        for name, parameter in keyword_options(function).items()
        if name not in given
    }
    schema = create_model("Options", __config__=ConfigDict(extra="forbid"), **fields)
    try:
        return schema.model_validate(dict(options)).model_dump(include=set(options))
    except ValidationError as error:
        raise UserError(first_error(error, schema, what)) from None


def first_error(error: ValidationError, model: type[BaseModel], what: str = "the recipe") -> str:
    """Turns pydantic's report into one sentence about the first thing wrong."""
    found = error.errors()
    # A field that is lacking is often there under a misspelt name.
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    # Behind a union's field pydantic names the branch it tried, which is no field.
    location = [str(part) for part in first["loc"] if "[" not in str(part)]
    path = ".".join(location)
    if first["type"] == "extra_forbidden":
        for section in location[:-1]:
            annotation = model.model_fields[section].annotation
            # A section that may be left out is a union with None.
            for kind in (annotation, *get_args(annotation)):
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    model = kind
        return f"{what} has no field {path!r}{nearest(location[-1], model.model_fields)}"
    if first["type"] == "missing":
        return f"{what} lacks the field {path!r}"
    text = first["msg"].removeprefix("Value error, ")
    message = text[0].lower() + text[1:]
    return f"{what}'s {path} is {first['input']!r}: {message}"
