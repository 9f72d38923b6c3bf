"""One recipe trained from several seeds: how much of a score is chance."""

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from zoo.errors import UserError
from zoo.run import Run, train
from zoo.training.data import open_data
from zoo.training.files import write_text
from zoo.training.folder import RunFolder
from zoo.training.recipe import Recipe
from zoo.training.watch import Watch

_SPLIT = "test"


@dataclass(frozen=True)
class SeedRuns:
    """Runs of one recipe that differ in their seed alone.

    Attributes:
        folder: Holds a run folder for each seed, and `seeds.json`.
        seeds: Of the runs.
        scores: Of each run on the test split, by name.
    """

    folder: Path
    seeds: tuple[int, ...]
    scores: tuple[dict[str, float], ...]

    @property
    def names(self) -> list[str]:
        """The scores that every run has: a class that one never met has no IoU there."""
        return [name for name in self.scores[0] if all(name in scores for scores in self.scores)]

    def values(self, name: str) -> list[float]:
        """Returns a score of each run."""
        return [scores[name] for scores in self.scores]

    def mean(self, name: str) -> float:
        """Returns a score's mean over the runs."""
        return statistics.fmean(self.values(name))

    def deviation(self, name: str) -> float:
        """Returns a score's sample standard deviation over the runs; 0 for a single run."""
        return statistics.stdev(self.values(name)) if len(self.seeds) > 1 else 0.0

    def to_json(self) -> dict[str, Any]:
        """Returns everything as plain values."""
        return {
            "run": str(self.folder),
            "seeds": list(self.seeds),
            "split": _SPLIT,
            "scores": {
                name: {
                    "mean": self.mean(name),
                    "standard_deviation": self.deviation(name),
                    "values": self.values(name),
                }
                for name in self.names
            },
        }


def train_seeds(
    recipe: Recipe, count: int, folder: Path, *, resume: bool = False, watch: Watch | None = None
) -> SeedRuns:
    """Trains a recipe from several seeds, and scores each run on the same test pictures.

    Args:
        recipe: With overrides applied; its seed is the first, the others follow it.
        count: How many seeds.
        folder: Where to: `seed-0`, `seed-1` and so on are run folders in it.
        resume: Go on with what was begun there.
        watch: Told what goes on.

    Raises:
        UserError: If the folder holds a run or runs already, or there is no test split, and
            for whatever keeps a run from going on.
    """
    watch = watch or Watch()
    if RunFolder(folder).holds_run:
        raise UserError(f"{folder} holds a single run; choose another --run for several seeds")
    # Found out before hours of training, not after.
    open_data(recipe, watch, folder).split(_SPLIT)
    seeds = tuple(range(recipe.seed, recipe.seed + count))
    scores = []
    for number, seed in enumerate(seeds, 1):
        watch.say(f"seed {seed} ({number} of {count})")
        # A run alone in its process and one after others are the same run.
        keras.utils.clear_session()
        seeded = recipe.model_copy(update={"seed": seed})
        run: Run = train(seeded, run=folder / f"seed-{seed}", resume=resume, watch=watch)
        scores.append(run.evaluate(_SPLIT, watch=watch).scores)
    runs = SeedRuns(folder, seeds, tuple(scores))
    write_text(folder / "seeds.json", json.dumps(runs.to_json(), indent=2) + "\n")
    return runs
