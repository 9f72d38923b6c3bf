"""Reading the files of a comparison: of the form that they were written in, or refused."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from zoo.errors import UserError
from zoo.options import first_error
from zoo.training.files import json_object, read_as


class Form(BaseModel):
    """The fields of a file that are relied on, of the types annotated; there may be others."""

    model_config = ConfigDict(strict=True)


def read_object(path: Path, form: type[Form], remedy: str) -> dict[str, Any]:
    """Reads a file that holds an object of JSON.

    Args:
        path: Of the file.
        form: What it holds.
        remedy: What to do about one that is damaged.

    Raises:
        UserError: If the file is damaged.
    """
    values = read_as(path, json_object, remedy)
    try:
        form.model_validate(values)
    except ValidationError as error:
        why = first_error(error, form, "the file")
        raise UserError(f"{path} is damaged ({why}); {remedy}") from error
    return values
