"""The run folder: its files, by name, and how they are read and written."""

import json
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import zoo
from zoo.errors import UserError
from zoo.training.claim import claimed
from zoo.training.files import json_object, read_as, sweep, write_text
from zoo.training.recipe import Recipe, parse_recipe

_PACKAGES = ("tensorflow", "keras", "numpy", "tensorflow-datasets", "pillow", "scikit-learn")

_REMEDY = "restore it, or train again into another --run"


class RunFolder:
    """A folder ``runs/NAME``: enough to resume, to evaluate and to reproduce a run.

    Args:
        path: Of the folder; need not exist yet.
    """

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self.recipe_file = self.path / "recipe.json"
        self.environment_file = self.path / "environment.json"
        self.data_file = self.path / "data.json"
        self.metrics_file = self.path / "metrics.jsonl"
        self.checkpoints = self.path / "checkpoints"
        self.last = self.checkpoints / "last.npz"
        self.previous = self.checkpoints / "previous.npz"
        self.chosen = self.checkpoints / "chosen.npz"
        self.model_file = self.path / "model.keras"
        self.tensorboard = self.path / "tensorboard"
        self.samples_file = self.path / "samples.png"

    def evaluation_file(self, split: str, other: str = "") -> Path:
        """Returns the file of a split's scores; the test split's is ``evaluation.json``.

        Args:
            split: Of the data set.
            other: A name for it where the run was trained on other data.
        """
        return self.path / f"evaluation{_suffix(split, other)}.json"

    def report_file(self, split: str, other: str = "") -> Path:
        """Returns the file of a split's report; the test split's is ``report.html``."""
        return self.path / f"report{_suffix(split, other)}.html"

    def other(self, place: str | None, fingerprint: str) -> str:
        """Returns a name for a folder of data; empty if the run was trained on these data.

        Args:
            place: The folder; ``None`` for the recipe's own.
            fingerprint: Of the data in it.
        """
        if not place or fingerprint == self.data().get("fingerprint"):
            return ""
        return re.sub(r"[^\w.-]+", "_", Path(place).resolve().name)

    @property
    def holds_run(self) -> bool:
        """Whether a run was begun here."""
        return self.recipe_file.is_file()

    @property
    def saved(self) -> list[Path]:
        """The checkpoints that there are to go on from, the newest first."""
        return [path for path in (self.last, self.previous) if path.is_file()]

    def withdraw_model(self) -> None:
        """Takes the published network away: the run goes on, and will publish another."""
        self.model_file.unlink(missing_ok=True)

    def make_last(self, path: Path) -> None:
        """Makes one of the checkpoints :attr:`saved` the last; another that was is gone."""
        path.replace(self.last)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keeps other processes from training here; the system frees what a dead one claimed.

        What one that was killed left half-written is swept away.

        Raises:
            UserError: If a living process trains here, or its file system knows no claims.
        """
        with claimed(self.path):
            # Written under the claim alone: whoever left something aside is dead.
            for path in (
                self.recipe_file, self.environment_file, self.data_file, self.metrics_file,
                self.last, self.chosen, self.model_file, self.samples_file,
            ):  # fmt: skip
                sweep(path)
            yield

    def create(self, recipe: Recipe, data: dict[str, Any]) -> None:
        """Makes the folder and writes what is known before the first step.

        Args:
            recipe: Resolved: with overrides applied and the precision chosen.
            data: ``class_names``, ``counts`` by split, ``fingerprint`` and ``notes``.
        """
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        write_text(self.recipe_file, recipe.to_json())
        write_text(self.environment_file, json.dumps(environment(), indent=2) + "\n")
        write_text(self.data_file, json.dumps(data, indent=2) + "\n")

    def recipe(self) -> Recipe:
        """Reads the resolved recipe.

        Raises:
            UserError: If there is no run here, or its recipe is damaged.
        """
        return parse_recipe(self._read_json(self.recipe_file))

    def data(self) -> dict[str, Any]:
        """Reads ``class_names``, ``counts`` by split, ``fingerprint`` and ``notes``.

        Raises:
            UserError: If there is no run here, or the file is damaged.
        """
        return self._read_json(self.data_file)

    def history(self, epochs: int | None = None) -> list[dict[str, Any]]:
        """Reads one dict an epoch: ``epoch`` from 1, losses, metrics, seconds.

        Args:
            epochs: Only so many first ones; what a later, interrupted epoch left is
                of no account after a resume.

        Raises:
            UserError: If the file is damaged.
        """
        if not self.metrics_file.is_file():
            return []
        rows = read_as(self.metrics_file, _objects, _REMEDY)
        return rows if epochs is None else rows[:epochs]

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        """Writes the history anew."""
        write_text(self.metrics_file, "".join(json.dumps(row) + "\n" for row in rows))

    def _read_json(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            raise UserError(f"{self.path} holds no run (no {path.name}); `zoo train` makes one")
        return read_as(path, json_object, _REMEDY)


class FollowedFolder(RunFolder):
    """A run folder as it is to those workers that read in it, while the first of them writes."""

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Claims nothing: the first worker has."""
        yield

    def create(self, recipe: Recipe, data: dict[str, Any]) -> None:
        """Makes nothing."""

    def withdraw_model(self) -> None:
        """Takes nothing away."""

    def make_last(self, path: Path) -> None:
        """Renames nothing."""

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        """Writes nothing."""


def _objects(lines: str) -> list[dict[str, Any]]:
    return [json_object(line) for line in lines.splitlines() if line.strip()]


def _suffix(split: str, other: str) -> str:
    return ("" if split == "test" else f"_{split}") + (f"-{other}" if other else "")


def environment() -> dict[str, Any]:
    """Returns what a run depends on beside its recipe: versions, machine and command."""
    return {
        "zoo": zoo.__version__,
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "command": sys.argv,
    }


def new_run_path(name: str, root: Path = Path("runs")) -> Path:
    """Returns ``runs/NAME``, or ``runs/NAME-2`` and so on where that is taken."""
    path, number = root / name, 1
    while path.exists():
        number += 1
        path = root / f"{name}-{number}"
    return path


def latest_run_path(name: str, root: Path = Path("runs")) -> Path:
    """Returns the last of ``runs/NAME``, ``runs/NAME-2`` ... that exists, or the first."""
    path, number = root / name, 2
    while (following := root / f"{name}-{number}").exists():
        path, number = following, number + 1
    return path
