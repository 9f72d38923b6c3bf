"""Finding recipes: a path, a file in ``./recipes``, or a shipped name, in that order."""

import ast
import importlib.util
import re
import traceback
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

import zoo
from zoo.errors import UserError, nearest
from zoo.options import first_error
from zoo.training import sections
from zoo.training.files import write_text
from zoo.training.recipe import Recipe


@dataclass(frozen=True)
class Entry:
    """A recipe's file and the first line of its docstring."""

    name: str
    path: Path
    summary: str


def shipped_folder() -> Path:
    """Returns the folder of the shipped recipes: in the wheel, or of the source tree."""
    package = Path(zoo.__file__).parent
    inside = package / "_recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


def list_recipes(pattern: str = "*") -> list[Entry]:
    """Lists the recipes that can be named, without running them.

    Args:
        pattern: A shell pattern for the names.

    Returns:
        Entries sorted by name. A recipe in ``./recipes`` hides a shipped one of its name.
    """
    files = {}
    for folder in (shipped_folder(), Path("recipes")):
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith("_"):
                files[path.stem] = path
    return [
        Entry(name, path, _summary(path))
        for name, path in sorted(files.items())
        if Path(name).match(pattern)
    ]


def load_recipe(name: str | Path) -> Recipe:
    """Loads a recipe.

    Args:
        name: A path of a ``.py`` file, or the name of a file in ``./recipes`` or of a
            shipped recipe.

    Raises:
        UserError: If there is none of that name (with the nearest), or the file holds
            no valid ``recipe``.
    """
    path = recipe_path(str(name))
    recipe = _execute(path)
    return recipe.model_copy(update={"name": path.stem})


def recipe_path(name: str) -> Path:
    """Returns the file that a recipe's name means.

    Args:
        name: As :func:`load_recipe` takes it.

    Raises:
        UserError: If there is none of that name (with the nearest).
    """
    path = Path(name)
    if path.suffix == ".py" or path.is_file():
        if not path.is_file():
            raise UserError(f"there is no recipe file {name!r}; `zoo list recipes` shows names")
        return path
    found = {entry.name: entry.path for entry in list_recipes()}
    if name not in found:
        raise UserError(f"there is no recipe {name!r}{nearest(name, found)}")
    return found[name]


def copy_recipe(name: str, path: Path) -> Path:
    """Copies a recipe as it is, but for its name in the command that runs it.

    Args:
        name: As :func:`load_recipe` takes it.
        path: The file to write.

    Returns:
        The file that was copied.

    Raises:
        UserError: If there is no such recipe, or the file holds no valid one.
    """
    load_recipe(name)
    source = recipe_path(name)
    text = source.read_text(encoding="utf-8")
    write_text(
        path, re.sub(rf"zoo run {re.escape(source.stem)}\b", lambda match: f"zoo run {path}", text)
    )
    return source


def _execute(path: Path) -> Recipe:
    spec = importlib.util.spec_from_file_location(f"zoo_recipe_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is no Python file; a recipe's name ends in .py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ValidationError as error:
        raise UserError(f"{path}: {_first_error(error)}") from None
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}") from None
    except Exception as error:
        *_, last = traceback.extract_tb(error.__traceback__)
        # What the recipe calls may have bugs of its own.
        if not path.samefile(last.filename):
            raise
        raise UserError(f"{path}, line {last.lineno}: {error}") from error
    recipe = getattr(module, "recipe", None)
    if not isinstance(recipe, Recipe):
        raise UserError(f"{path} defines no `recipe = Recipe(...)`; look at a shipped recipe")
    return recipe


def _first_error(error: ValidationError) -> str:
    # A section is checked where it is made, before the recipe has it.
    own = getattr(sections, error.title, None)
    return first_error(error, own, error.title) if own else first_error(error, Recipe)


def _summary(path: Path) -> str:
    try:
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    except (SyntaxError, ValueError):
        return "(not valid Python)"
    return (docstring or "").partition("\n")[0]
