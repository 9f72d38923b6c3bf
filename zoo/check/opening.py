"""Opening the data that is to be checked, as training would, and as far as it goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo import tasks
from zoo.data import DataSet, Finding, check_source, list_datasets
from zoo.data.files.pictures import PICTURES
from zoo.data.places import resolved, zoo_folder
from zoo.errors import UserError, nearest
from zoo.training.catalogue import list_recipes, load_recipe
from zoo.training.data import open_data, place_of, writable_runs
from zoo.training.recipe import DataOptions, InputOptions, Recipe
from zoo.values import Values

_AUTO = "auto"


@dataclass(frozen=True)
class Opened:
    """Data to be checked.

    Attributes:
        name: What to call it.
        root: Its folder or file; None where its examples are no files.
        dataset: As training would open it; None where it cannot be opened.
        task: What it is to be learnt for; None for whatever it carries.
        unreadable: What training does about a picture that cannot be read: "fail" or "skip".
        findings: Why it cannot be learnt from, if so.
        values: What becomes 0 and what 255, of pictures of more than 8 bits; None for all that
            their type can hold.
    """

    name: str
    root: Path | None
    dataset: DataSet | None
    task: tasks.Task | None
    unreadable: str
    findings: tuple[Finding, ...] = ()
    values: Values | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """What is to be learnt: "class", "box" and "mask" as far as the data and task have it."""
        has = self.dataset.targets if self.dataset else frozenset()
        wanted = self.task.targets if self.task else ("class", "box", "mask")
        return tuple(target for target in wanted if target in has)


def find_data(
    data: str,
    *,
    task: str | None = None,
    path: str | None = None,
    source: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> tuple[Recipe, str | None]:
    """Finds out what is to be checked.

    Args:
        data: A folder or file, also below `$ZOO_DATA`; a recipe's path or name; or a source
            that `zoo list datasets` shows.
        task: What it is to be learnt for.
        path: Where the data of a recipe or a source lies.
        source: The format of a folder or file; without it it is found out.
        overrides: Fields of the recipe's, as "data.options.objects".

    Returns:
        A recipe that opens the data, and the task's name, None for whatever the data carries.

    Raises:
        UserError: If there is no such data, or a field or task is not valid.
    """
    recipes = {entry.name for entry in list_recipes()}
    sources = {row.name for row in list_datasets()}
    place = _existing(data)
    by_name = data.endswith(".py") or place is None
    if source is not None and by_name:
        raise UserError(
            f"--source is the format of a folder or file, and {data!r} is none; leave it out"
        )
    if by_name and (data in recipes or data.endswith(".py")):
        recipe = load_recipe(data)
        task = task or recipe.task
    elif place is not None:
        recipe = _recipe_for(source or _source_of(place), str(place))
    elif data in sources or data.partition(":")[0] in {name.partition(":")[0] for name in sources}:
        recipe = _recipe_for(data, None)
    else:
        known = nearest(data, recipes | sources)
        if not known.startswith("; did"):
            known = "; `zoo list recipes` and `zoo list datasets` show names"
        raise UserError(f"there is no folder, file, recipe or data set {data!r}{known}")
    changes = dict(overrides or {})
    if path is not None:
        found = _existing(path)
        if found is None:
            raise UserError(f"there is no folder or file {path!r}; give --data another")
        changes["data.path"] = str(found)
    if task is not None:
        changes["task"] = tasks.get(task).name
    return recipe.with_overrides(changes), task


def open_for_check(recipe: Recipe, task: str | None) -> Opened:
    """Opens data as training would; where that is refused, as far as it goes.

    Args:
        recipe: As `find_data` gives it.
        task: As `find_data` gives it.

    Raises:
        UserError: If it is not there, or carries not what the task learns from.
    """
    check_source(recipe.data.source, recipe.data.options)
    root = place_of(recipe)
    chosen = tasks.get(task) if task else None
    name = recipe.data.path or recipe.data.place or recipe.data.source
    findings: list[Finding] = []
    dataset = None
    if root is not None and root.is_file() and root.suffix.lower() in PICTURES:
        # A picture by itself, with nothing to learn.
        return Opened(name, root, None, None, recipe.data.unreadable, values=recipe.data.values)
    try:
        dataset = _open(recipe, for_any_task=chosen is None)
    except UserError as error:
        if root is None or not root.exists():
            raise
        findings.append(Finding("unusable-set", "", str(error), "stops"))
        if chosen is not None:
            dataset = _as_far_as_it_goes(recipe)
    if dataset is not None:
        if chosen is not None:
            dataset.class_names(chosen.targets)
        root = dataset.root or root
    options = recipe.data
    return Opened(name, root, dataset, chosen, options.unreadable, tuple(findings), options.values)


def _open(recipe: Recipe, *, for_any_task: bool) -> DataSet:
    # Kept for training to find, where it can be: reading needs no folder of one's own.
    # What keeps it from being learnt from is one finding among others.
    return open_data(recipe, runs=writable_runs(), for_any_task=for_any_task, refuse=False)


def _as_far_as_it_goes(recipe: Recipe) -> DataSet | None:
    try:
        return _open(recipe, for_any_task=True)
    except UserError:
        return None


def _existing(text: str) -> Path | None:
    path, folder = Path(text).expanduser(), zoo_folder()
    places = [path] if path.is_absolute() or folder is None else [path, folder / path]
    return next((resolved(place) for place in places if place.exists()), None)


def _recipe_for(source: str, path: str | None) -> Recipe:
    # Of the recipe only the data counts.
    data = DataOptions(source=source, path=path)
    return Recipe(task="classification", data=data, input=InputOptions(size=(32, 32)))


def _source_of(place: Path) -> str:
    """Returns what finds out the format of a folder or file; a picture's own is its folder's."""
    return "class_folders" if place.suffix.lower() in PICTURES and place.is_file() else _AUTO
