"""What a comparison found: runs, rows of runs that differ in their seed alone, and the whole."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.comparison.axes import Cell, Grid, Setting
from zoo.comparison.reading import Form, read_object
from zoo.training.folder import RunFolder

SPLITS = ("validation", "test")
RESULT_FILE = "result.json"
GRADIENTS_FILE = "gradients.json"
LOG_FILE = "log.txt"


class _Result(Form):
    seconds: float
    parameters: int
    macs: int | None
    scores: dict[str, dict[str, float | None]]


class _Gradients(Form):
    initial: dict[str, float]
    trained: dict[str, float]


@dataclass(frozen=True)
class Outcome:
    """What became of one run.

    Attributes:
        cell: Which one.
        folder: Its run folder.
        result: ``epochs``; ``epoch``, whose weights were kept, with its ``loss`` and
            ``validation_loss``; ``seconds``, ``parameters``, ``macs``; ``scores`` by split.
            ``None`` if it is not finished.
        gradients: Norms by layer, ``initial`` and ``trained``, where they were measured.
        failure: Why it is not finished, in a sentence; empty if it is, or was not begun.
    """

    cell: Cell
    folder: Path
    result: dict[str, Any] | None
    gradients: dict[str, dict[str, float]] | None
    failure: str = ""

    @property
    def status(self) -> str:
        """``"finished"``, ``"failed"`` or ``"open"``."""
        return "failed" if self.failure else "open" if self.result is None else "finished"

    @property
    def has_learnt(self) -> bool:
        """Whether it is finished, or saved something to go on from."""
        return self.result is not None or bool(RunFolder(self.folder).saved)

    def history(self) -> list[dict[str, Any]]:
        """Returns one dict an epoch, as far as it was trained."""
        return RunFolder(self.folder).history()

    def to_json(self) -> dict[str, Any]:
        """Returns the outcome as plain values."""
        return {
            "seed": self.cell.seed,
            "run": str(self.folder),
            "status": self.status,
            **({"failure": self.failure} if self.failure else {}),
            **(self.result or {}),
            **({"gradients": self.gradients} if self.gradients else {}),
        }


def read_outcome(folder: Path, cell: Cell, failure: str = "") -> Outcome:
    """Reads from a run folder whether the run is finished: its results are written last.

    Args:
        folder: Of the comparison.
        cell: Which run.
        failure: Why it ended before, where it did.

    Raises:
        UserError: If one of its files is damaged.
    """
    run = folder / cell.name
    result = _read(run / RESULT_FILE, _Result)
    return Outcome(cell, run, result, _read(run / GRADIENTS_FILE, _Gradients), failure)


def _read(path: Path, form: type[Form]) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    return read_object(path, form, "remove it, and the same command writes it anew")


@dataclass(frozen=True)
class Row:
    """Runs that differ in their seed alone.

    Attributes:
        setting: What they have in common.
        outcomes: One for each seed.
    """

    setting: Setting
    outcomes: tuple[Outcome, ...]

    @property
    def finished(self) -> list[dict[str, Any]]:
        """The results of the runs that are finished."""
        return [one.result for one in self.outcomes if one.result is not None]

    @property
    def failures(self) -> list[Outcome]:
        """The runs that failed."""
        return [one for one in self.outcomes if one.failure]

    def values(self, split: str, score: str) -> list[float]:
        """Returns a score of each finished run that has it.

        Args:
            split: ``"validation"`` or ``"test"``.
            score: Its name.
        """
        found = [result["scores"].get(split, {}).get(score) for result in self.finished]
        return [value for value in found if value is not None and math.isfinite(value)]

    def mean(self, split: str, score: str) -> float:
        """Returns a score's mean over the seeds; NaN where no run has it."""
        values = self.values(split, score)
        return statistics.fmean(values) if values else math.nan

    def deviation(self, split: str, score: str) -> float:
        """Returns a score's sample standard deviation over the seeds; NaN below two runs."""
        values = self.values(split, score)
        return statistics.stdev(values) if len(values) > 1 else math.nan

    @property
    def seconds(self) -> float:
        """Mean time of training; NaN where no run is finished."""
        times = [result["seconds"] for result in self.finished]
        return statistics.fmean(times) if times else math.nan

    def fact(self, name: str) -> int | None:
        """Returns ``parameters`` or ``macs`` (multiply-adds a picture), where known."""
        return next((result[name] for result in self.finished), None)

    def to_json(self) -> dict[str, Any]:
        """Returns the row as plain values: every score, and each run."""
        names = {
            split: dict.fromkeys(
                name for result in self.finished for name in result["scores"].get(split, {})
            )
            for split in SPLITS
        }
        return {
            "name": self.setting.name,
            "case": self.setting.case,
            "values": self.setting.values,
            "scores": {
                split: {
                    name: {
                        "mean": _plain(self.mean(split, name)),
                        "standard_deviation": _plain(self.deviation(split, name)),
                        "n": len(self.values(split, name)),
                    }
                    for name in names[split]
                }
                for split in SPLITS
                if names[split]
            },
            "seconds": _plain(self.seconds),
            "parameters": self.fact("parameters"),
            "macs": self.fact("macs"),
            "runs": [one.to_json() for one in self.outcomes],
        }


@dataclass(frozen=True)
class Compared:
    """A comparison: its axes, and a row for each setting.

    Attributes:
        folder: Holds the run folders, ``compare.json``, ``compare.csv`` and ``compare.html``.
        recipe: What the settings change, as plain values.
        grid: Of what was compared.
        threads: That each run's arithmetic had.
        data: What is known of the data of the settings that share them, as
            :func:`zoo.comparison.worker.check` returns it.
        score: The name of the score that table and pictures show.
        rows: In the order of the grid.
    """

    folder: Path
    recipe: dict[str, Any]
    grid: Grid
    threads: int
    data: tuple[Mapping[str, Any], ...]
    score: str
    rows: tuple[Row, ...]

    @property
    def failures(self) -> list[Outcome]:
        """The runs that failed."""
        return [one for row in self.rows for one in row.failures]

    @property
    def columns(self) -> list[str]:
        """What is varied: ``"case"`` where there are cases, and the fields."""
        return [*(["case"] if self.grid.cases else []), *self.grid.vary]

    @property
    def best(self) -> Row | None:
        """The row with the highest mean score on validation, and of those the first."""
        known = [row for row in self.rows if row.values("validation", self.score)]
        return max(known, key=lambda row: row.mean("validation", self.score), default=None)

    @property
    def page(self) -> Path:
        """Where the page is."""
        return self.folder / "compare.html"

    def to_json(self) -> dict[str, Any]:
        """Returns everything as plain values; what is not a number is ``None``."""
        return {
            "folder": str(self.folder),
            "recipe": self.recipe,
            "vary": {field: list(values) for field, values in self.grid.vary.items()},
            "cases": self.grid.cases,
            "seeds": list(self.grid.seeds),
            "threads": self.threads,
            "data": [dict(one) for one in self.data],
            "score": self.score,
            "rows": [row.to_json() for row in self.rows],
        }


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
