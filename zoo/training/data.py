"""From a recipe to its data: opened, read once, and kept within its budgets."""

from pathlib import Path

from zoo import tasks
from zoo.amounts import in_bytes
from zoo.data import DataSet, open_dataset
from zoo.data.pipeline import AHEAD_BYTES, Prepared, prepare_split, threads_of
from zoo.data.places import zoo_folder
from zoo.training.recipe import Recipe
from zoo.training.watch import Watch

RUNS = Path("runs")
"""Where runs are made, unless they are told otherwise."""

_CACHE = "cache"


def open_data(recipe: Recipe, watch: Watch | None = None, runs: Path = RUNS) -> DataSet:
    """Opens the data set a recipe names, converting what has to be.

    Args:
        recipe: Names it.
        watch: Told what goes on.
        runs: Folder of the run folders: what is converted is kept in `cache` in it.

    Raises:
        UserError: If it is not there, or lacks what the task needs.
    """
    data = recipe.data
    path = Path(data.path) if data.path else None
    folder = zoo_folder()
    if path is None and data.place and folder and (folder / data.place).exists():
        path = folder / data.place
    watch = watch or Watch(quiet=True)
    with watch.bar(f"opening {data.source}") as bar:
        return open_dataset(
            data.source,
            path,
            targets=tasks.get(recipe.task).targets,
            splits=data.splits or None,
            seed=data.seed,
            validation=data.validation,
            test=data.test,
            divide=data.divide,
            group=data.group,
            cache=runs / _CACHE,
            values=data.values,
            progress=bar.to,
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
    """Says in a line where decoded pictures are kept, and what preparing batches may take."""
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
        f"pictures: train {place(train)}, validation {place(validation)}; batches on "
        f"{threads} thread{'s' if threads > 1 else ''}, up to {in_bytes(AHEAD_BYTES)} ahead"
    )
