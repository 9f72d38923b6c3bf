"""Comparing: a recipe and axes in, a folder of runs with one table out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from zoo import tasks
from zoo.comparison import pool
from zoo.comparison.axes import Cell, Grid, make_grid
from zoo.comparison.page import write_page
from zoo.comparison.record import (
    check_continues,
    check_same_data,
    check_threads,
    in_order,
    read_record,
    write_record,
)
from zoo.comparison.result import Compared, Outcome, Row, read_outcome
from zoo.comparison.table import write_csv
from zoo.errors import UserError, nearest
from zoo.training.catalogue import load_recipe
from zoo.training.recipe import Recipe
from zoo.training.tf_config import check_alone
from zoo.training.watch import Watch, duration

ROOT = Path("compares")
"""Where comparisons are made, unless they are told otherwise."""

# One, however many run side by side: what a run finds must not depend on that.
_THREADS = 1


def compare(
    recipe: str | Path | Recipe,
    vary: Mapping[str, Iterable[Any]] | None = None,
    cases: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    seeds: int | Sequence[int] = 1,
    overrides: Mapping[str, Any] | None = None,
    out: Path | str | None = None,
    jobs: int | None = None,
    threads: int | None = None,
    metric: str | None = None,
    gradients: bool = False,
    watch: Watch | None = None,
) -> Compared:
    """Trains a recipe in every combination of values, from several seeds, and compares.

    Each run is a run folder of its own below the comparison's, trained in a process of its own:
    one that fails is told of and ends no other. The same call goes on with what was stopped;
    finished runs are not trained again. More values, cases or seeds extend a comparison.

    Args:
        recipe: A path, a shipped name, or a recipe made in Python.
        vary: Values by field, dotted for fields of a section; the fields multiply.
        cases: By label, values by field that change together; they multiply with ``vary``.
        seeds: How many, from the recipe's own on, or which.
        overrides: Values by field, for all runs alike.
        out: The folder; by default ``compares/NAME``.
        jobs: How many train side by side; by default as many as cores and memory hold, one on a
            GPU. Results do not depend on it, except where ``minutes`` end runs: side by side each
            takes fewer steps in them.
        threads: Of each run's arithmetic; by default 1, or what the comparison was begun with.
            Sums are added up in another order by another number, and differ in their last digits.
        metric: The score to show; by default the task's own. Files hold every score.
        gradients: Measure also the gradient of the loss at each convolution kernel, at the
            beginning and at the end of training.
        watch: Told what goes on; by default progress on standard error.

    Returns:
        The comparison; ``compare.json``, ``compare.csv`` and ``compare.html`` are in its folder.

    Raises:
        UserError: Before anything is trained, for whatever keeps a run from being trained, and
            if the folder holds a comparison of something else, or runs on data that were changed
            since; and in a cluster of several workers.

    Example:
        >>> compared = zoo.compare("quickstart", {"model.residual": [True, False]}, seeds=3)
        >>> [(row.setting.name, row.mean("test", "mean_iou")) for row in compared.rows]
    """
    # Each run would join the cluster, and wait for others that train another one.
    check_alone("zoo compare")
    watch = watch or Watch()
    loaded = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    base = loaded.with_overrides(overrides or {})
    numbers = range(base.seed, base.seed + seeds) if isinstance(seeds, int) else seeds
    grid = make_grid(vary or {}, cases or {}, list(numbers), overrides or {})
    if (jobs is not None and jobs < 1) or (threads is not None and threads < 1):
        raise UserError("a comparison needs a job and a thread at least; give 1 or more")
    # A field that there is not is said to be none before it is said to be another comparison's.
    for setting in grid.settings():
        _changed(base, setting)
    folder = Path(out) if out else ROOT / (base.name or base.task)
    score = metric or tasks.get(base.task).score
    opened = partial(_opened, folder, base, grid, threads, score, gradients, watch)
    # What can be refused at once waits for no lock, and leaves none in a folder of something else.
    opened()
    with pool.locked(folder) as lock:
        # Another comparison may have begun here meanwhile.
        comparison = opened()
        checked = comparison.check()
        if metric is not None and metric not in checked["scores"]:
            raise UserError(f"there is no score {metric!r}{nearest(metric, checked['scores'])}")
        return comparison.run(jobs or pool.jobs_for(comparison.threads, checked["gpus"]), lock)


def _opened(
    folder: Path,
    base: Recipe,
    grid: Grid,
    threads: int | None,
    score: str,
    gradients: bool,
    watch: Watch,
) -> "_Comparison":
    """Returns the comparison that a folder holds, or a new one.

    Raises:
        UserError: If the folder holds something else.
    """
    record = read_record(folder)
    data = record.get("data", []) if record is not None else []
    if record is not None:
        check_continues(folder, record, base.model_dump(mode="json"), grid)
        grid, threads = in_order(record, grid), check_threads(folder, record, threads)
    return _Comparison(folder, base, grid, threads or _THREADS, data, score, gradients, watch)


def _changed(base: Recipe, setting) -> Recipe:
    try:
        return base.with_overrides(setting.overrides)
    except UserError as error:
        raise UserError(f"{setting.name}: {error}") from None


class _Comparison:
    """A comparison under way."""

    def __init__(
        self,
        folder: Path,
        base: Recipe,
        grid: Grid,
        threads: int,
        data: Sequence[Mapping[str, Any]],
        score: str,
        gradients: bool,
        watch: Watch,
    ):
        self._folder, self._grid, self.threads, self._score = folder, grid, threads, score
        self._data = tuple(data)
        self._gradients, self._watch = gradients, watch
        self._values = base.model_dump(mode="json")
        self._recipes = {setting.name: _changed(base, setting) for setting in grid.settings()}
        self._outcomes = {cell.name: read_outcome(folder, cell) for cell in grid.cells()}
        self._todo = [one.cell for one in self._outcomes.values() if not self._is_finished(one)]

    def check(self) -> dict[str, Any]:
        """Checks every run, those that are finished too, unless all of them are.

        Returns:
            ``scores`` and ``gpus``; see :func:`zoo.comparison.worker.check`.

        Raises:
            UserError: If one cannot be trained, or has data other than those it was begun with.
        """
        if not self._todo:
            results = [one.result for one in self._outcomes.values() if one.result]
            known = {name for one in results for found in one["scores"].values() for name in found}
            return {"scores": known, "gpus": 0}
        dumps = {name: one.model_dump(mode="json") for name, one in self._recipes.items()}
        with self._watch.bar("checking every run"):
            checked = pool.ask({"check": dumps, "runs": str(self._folder)}, self.threads)
        # Where nothing is learnt yet, data may be mended: pictures that a run could not read.
        learnt = {one.cell.setting.name for one in self._outcomes.values() if one.has_learnt}
        begun = [one for one in self._data if not learnt.isdisjoint(one["settings"])]
        check_same_data(self._folder, begun, checked["data"])
        self._data = tuple(checked["data"])
        return checked

    def run(self, jobs: int, lock: int) -> Compared:
        """Trains what is not finished, and writes the table after each run."""
        todo, total = self._todo, len(self._outcomes)
        done = total - len(todo)
        self._watch.say(
            f"{self._folder}: {total} runs{f', {done} of them finished' if done else ''}; "
            f"{min(jobs, len(todo)) or 'none'} at a time"
        )
        write_record(self._folder, self._compared().to_json())
        with self._watch.bar("comparing", total) as bar:
            bar.to(done, total)

            def on_end(place: int, failure: str) -> None:
                nonlocal done
                done += 1
                bar.to(done, total)
                self._end(todo[place], failure, f"[{done}/{total}]")

            pool.run_all([self._starter(cell, jobs, lock) for cell in todo], jobs, on_end)
        compared = self._compared()
        write_csv(compared)
        write_page(compared)
        return compared

    def _is_finished(self, outcome: Outcome) -> bool:
        measured = outcome.gradients is not None or not self._gradients
        return outcome.result is not None and measured

    def _starter(self, cell: Cell, jobs: int, lock: int) -> Callable[[], pool.Process]:
        folder = self._folder / cell.name
        recipe = self._recipes[cell.setting.name].model_copy(update={"seed": cell.seed})
        if recipe.data.threads is None:
            # Batches are the same whoever prepares them: here the cores may be divided.
            share = max(self.threads, pool.cores() // jobs)
            recipe = recipe.with_overrides({"data.threads": share})
        job = {
            "recipe": recipe.model_dump(mode="json"),
            "folder": str(folder),
            "gradients": self._gradients,
        }
        return lambda: pool.start(job, self.threads, folder, lock)

    def _end(self, cell: Cell, failure: str, count: str) -> None:
        outcome = self._outcomes[cell.name] = read_outcome(self._folder, cell, failure)
        if outcome.failure:
            self._watch.say(f"{count} {cell.name} failed: {failure}")
        elif outcome.result is not None:
            scores = [
                f"{split} {found[self._score]:.4f}"
                for split, found in outcome.result["scores"].items()
                if found.get(self._score) is not None
            ]
            time = duration(outcome.result["seconds"])
            self._watch.say(f"{count} {cell.name}: {self._score} {', '.join(scores)}; {time}")
        write_record(self._folder, self._compared().to_json())

    def _compared(self) -> Compared:
        rows: dict[str, list[Outcome]] = {}
        for outcome in self._outcomes.values():
            rows.setdefault(outcome.cell.setting.name, []).append(outcome)
        return Compared(
            self._folder,
            self._values,
            self._grid,
            self.threads,
            self._data,
            self._score,
            tuple(Row(runs[0].cell.setting, tuple(runs)) for runs in rows.values()),
        )
