"""From a recipe to its data: opened, read once, and kept within its budgets."""

import os
from pathlib import Path

from zoo import tasks
from zoo.amounts import in_bytes, plural
from zoo.data import DataSet, open_dataset
from zoo.data.pipeline import AHEAD_BYTES, Prepared, prepare_split, threads_of
from zoo.data.places import zoo_folder
from zoo.training.recipe import Recipe
from zoo.training.watch import Watch

RUNS = Path("runs")
"""Where runs are made, unless they are told otherwise."""

_CACHE = "cache"


def place_of(recipe: Recipe) -> Path | None:
    """Returns where a recipe's data lies; None where its source alone knows."""
    data = recipe.data
    if data.path:
        return Path(data.path)
    folder = zoo_folder()
    return folder / data.place if data.place and folder and (folder / data.place).exists() else None


def writable_runs() -> Path | None:
    """Returns where runs are made; None where what is converted cannot be kept there."""
    place = (RUNS / _CACHE).absolute()
    there = next(folder for folder in (place, *place.parents) if os.path.exists(folder))
    return RUNS if there.is_dir() and os.access(there, os.W_OK | os.X_OK) else None


def open_data(
    recipe: Recipe,
    watch: Watch | None = None,
    runs: Path | None = RUNS,
    *,
    for_any_task: bool = False,
    refuse: bool = True,
) -> DataSet:
    """Opens the data set a recipe names, converting what has to be.

    Args:
        recipe: Names it.
        watch: Told what goes on.
        runs: Folder of the run folders: what is converted is kept in `cache` in it. None to
            keep it only as long as this process lives.
        for_any_task: Whether to open it with all it carries, rather than with what the
            recipe's task learns from.
        refuse: As `open_dataset` takes it.

    Raises:
        UserError: If it is not there, or lacks what the task needs.
    """
    data = recipe.data
    watch = watch or Watch(quiet=True)
    with watch.bar(f"opening {data.source}") as bar:
        return open_dataset(
            data.source,
            place_of(recipe),
            targets=None if for_any_task else tasks.get(recipe.task).targets,
            splits=data.splits or None,
            seed=data.seed,
            validation=data.validation,
            test=data.test,
            divide=data.divide,
            group=data.group,
            cache=None if runs is None else runs / _CACHE,
            values=data.values,
            progress=bar.to,
            refuse=refuse,
            **data.options,
        )


def prepare(
    dataset: DataSet, name: str, recipe: Recipe, task: tasks.Task, watch: Watch, runs: Path
) -> Prepared:
    """Reads a split once and keeps it as the recipe says; see `zoo.data.pipeline`.

    Args:
        dataset: As `open_data` gave it.
        name: Of the split.
        recipe: Gives the preprocessing and the budgets.
        task: Of the recipe.
        watch: Told what goes on.
        runs: Folder of the run folders, where pictures are kept that memory does not hold.

    Raises:
        UserError: If pictures cannot be read, or not be kept where the recipe says.
    """
    data = recipe.data
    with watch.bar(f"reading {name} pictures") as bar:
        return prepare_split(
            dataset.split(name),
            recipe.preprocessing(),
            task.targets,
            cache=data.cache,
            budget_bytes=int(data.cache_gib * 2**30),
            disk_bytes=int(data.cache_disk_gib * 2**30),
            folder=runs / _CACHE,
            progress=bar.to,
            unreadable=data.unreadable,
            threads=data.threads,
        )


def kept_line(train: Prepared, validation: Prepared, recipe: Recipe) -> str:
    """Says in two lines where decoded pictures are kept, and what preparing batches may take."""
    budgets = {"memory": recipe.data.cache_gib, "disk": recipe.data.cache_disk_gib}

    def place(prepared: Prepared) -> str:
        size = in_bytes(prepared.size_bytes)
        if prepared.kept == "none":
            return f"decoded for each batch ({size} would keep them)"
        return (
            f"on disk ({size} of {budgets['disk']:g} GiB)"
            if prepared.kept == "disk"
            else (f"in memory ({size} of {budgets['memory']:g} GiB)")
        )

    threads = threads_of(recipe.data.threads)
    return (
        f"pictures: train {place(train)}, validation {place(validation)}\n"
        f"  batches on {plural(threads, 'thread')}, up to {in_bytes(AHEAD_BYTES)} ahead"
    )
