"""What a run's files say of its model, as a model card states it."""

import json
from dataclasses import dataclass
from typing import Any

from zoo.export.card import intervals_of
from zoo.training.folder import RunFolder
from zoo.training.recipe import Recipe


@dataclass(frozen=True)
class Told:
    """What a model card says of where a model comes from and how good it is.

    Attributes:
        recipe: It was trained with.
        scores: On the test split, by name; ``None`` where they were not measured.
        intervals: Lower and upper end of a score's 95 % interval, by name.
        data: Source, counts by split and fingerprint.
    """

    recipe: Recipe | None = None
    scores: dict[str, float] | None = None
    intervals: dict[str, list[float]] | None = None
    data: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the same for a model card."""
        return {
            "scores": self.scores,
            "intervals": self.intervals,
            "data": self.data,
            "recipe": self.recipe.model_dump(mode="json") if self.recipe else None,
        }


def told_by(files: RunFolder, recipe: Recipe) -> Told:
    """Reads what a run folder says.

    Args:
        files: Of the run.
        recipe: Of the run.
    """
    known = files.data()
    path = files.evaluation_file("test")
    measured = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return Told(
        recipe,
        measured.get("scores"),
        intervals_of(measured["scores"], measured["pictures"]) if measured else None,
        # Runs of before there were fingerprints have none.
        {
            "source": recipe.data.source,
            **{key: known.get(key) for key in ("counts", "fingerprint")},
        },
    )
