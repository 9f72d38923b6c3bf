"""Finding out in which format a folder's data is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.data import DataSet, check_source, list_datasets, recognize
from zoo.data.places import resolved, zoo_folder
from zoo.errors import UserError
from zoo.tasks import Task
from zoo.training.data import open_data
from zoo.training.recipe import DataOptions, InputOptions, Recipe, parse_recipe
from zoo.training.watch import Watch

_PREFIX = "data."
# Made by itself; a folder says nothing about it.
_MADE = {"digit_scenes"}


def find_data(
    place: str, task: Task, given: Mapping[str, Any], watch: Watch
) -> tuple[DataOptions, DataSet]:
    """Opens the data that a place means.

    Args:
        place: A folder, also below ``$ZOO_DATA``, or the name of a data set that needs none,
            as ``"digit_scenes"`` or ``"tfds:fashion_mnist"``.
        task: What is to be learnt.
        given: Fields of the recipe that are settled; those of ``data`` count here.
        watch: Told what goes on.

    Returns:
        The recipe's ``data``, and the opened set.

    Raises:
        UserError: If there is no such place, or nothing there that the task can learn from.
    """
    settled = {key: value for key, value in given.items() if key.startswith(_PREFIX)}
    source = settled.pop(f"{_PREFIX}source", None)
    folder = _folder(place)
    with watch.bar("opening the data"):
        if folder is not None and source is None:
            # Named in the recipe, so that whoever reads it sees what was found.
            source, folder, _ = recognize(folder, task.targets)
        elif source is None:
            source = _named(place)
        return _open(str(source), folder, task, settled)


def opened(data: DataOptions, task: Task) -> DataSet:
    """Opens the data of a recipe that is not planned yet.

    Raises:
        UserError: If it is not there, or lacks what the task learns.
    """
    return open_data(_recipe(data, task))


def _recipe(data: DataOptions, task: Task) -> Recipe:
    return parse_recipe({"task": task.name, "data": data, "input": InputOptions(size=(1, 1))})


def _folder(place: str) -> Path | None:
    path, zoo = Path(place).expanduser(), zoo_folder()
    places = [path] if zoo is None else [path, zoo / path]
    found = next((one for one in places if one.exists()), None)
    return None if found is None else resolved(found)


def _named(place: str) -> str:
    known = {row.name for row in list_datasets() if ":" not in row.name} & _MADE
    if ":" in place or place in known:
        check_source(place, {})
        return place
    raise UserError(
        f"there is no folder {place!r}; give the folder with the pictures, or a data set that "
        f"needs none, as {', '.join(sorted(known))} or tfds:NAME"
    )


def _open(
    source: str, folder: Path | None, task: Task, settled: Mapping[str, Any]
) -> tuple[DataOptions, DataSet]:
    # What is no value of the recipe's is said by the recipe, in its own words.
    data = DataOptions(source=source, path=None if folder is None else str(folder))
    data = _recipe(data, task).with_overrides(settled).data
    dataset = opened(data, task)
    dataset.class_names(task.targets)
    return data, dataset
