"""What a run's files say of its model, as a model card states it."""

import json
from dataclasses import dataclass
from typing import Any

import keras

from zoo.training.folder import RunFolder
from zoo.training.network import digest_of
from zoo.training.recipe import Recipe
from zoo.training.watch import Watch


@dataclass(frozen=True)
class Told:
    """What a model card says of where a model comes from and how good it is.

    Attributes:
        recipe: It was trained with.
        scores: On the test split, by name; ``None`` where they were not measured.
        intervals: Lower and upper end of a score's 95 % interval, by name.
        interval_methods: How each was made, by name.
        data: Source, counts by split and fingerprint.
    """

    recipe: Recipe | None = None
    scores: dict[str, float] | None = None
    intervals: dict[str, list[float]] | None = None
    interval_methods: dict[str, str] | None = None
    data: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the same for a model card."""
        return {
            "scores": self.scores,
            "intervals": self.intervals,
            "interval_methods": self.interval_methods,
            "data": self.data,
            "recipe": self.recipe.model_dump(mode="json") if self.recipe else None,
        }


def told_by(
    files: RunFolder, recipe: Recipe, network: keras.Model, watch: Watch | None = None
) -> Told:
    """Reads what a run folder says of a network.

    Args:
        files: Of the run.
        recipe: Of the run.
        network: That is published: scores of an earlier one, or on data that have changed since
            it was trained, are not told.
        watch: Told so.
    """
    known = files.data()
    path = files.evaluation_file("test")
    measured = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    # Runs of before there were fingerprints have none.
    of_data = measured.get("data", {}).get("fingerprint"), known.get("fingerprint")
    if measured and (measured.get("network") != digest_of(network) or of_data[0] != of_data[1]):
        if watch:
            watch.say(
                f"{path} is of another network or of other data than this run's, and is left out "
                f"of the card; `zoo evaluate {files.path}` measures anew"
            )
        measured = {}
    return Told(
        recipe,
        measured.get("scores"),
        measured.get("intervals"),
        measured.get("interval_methods"),
        {
            "source": recipe.data.source,
            **{key: known.get(key) for key in ("counts", "fingerprint")},
        },
    )
