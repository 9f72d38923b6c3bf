"""A run's model in several formats, beside one another."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import CheckError, UserError, nearest
from zoo.export.card import read_card
from zoo.export.runtimes.calibration import calibration_of
from zoo.export.runtimes.contract import Format, require
from zoo.export.runtimes.convert import Converted, Converter
from zoo.export.runtimes.formats import FORMATS
from zoo.export.runtimes.score import SPLIT, Scorer
from zoo.export.savedmodel import Published
from zoo.export.told import Told
from zoo.inference import Predictor
from zoo.training.data import RUNS, open_data
from zoo.training.files import write_text
from zoo.training.recipe import Recipe
from zoo.training.watch import Watch

TABLE = "formats.json"
EXPORTED = "exported"
"""Folder of a run in which its model lies in other formats."""


class NotPublishedError(CheckError):
    """A model failed a check in some format.

    Args:
        message: As of any :class:`zoo.errors.CheckError`.
        rows: What became of all formats.
    """

    def __init__(self, message: str, rows: list[Converted]):
        super().__init__(message)
        self.rows = rows


def formats_named(names: Sequence[str]) -> list[Format]:
    """Returns formats by name.

    Raises:
        UserError: If there is none of a name.
    """
    for name in names:
        if name not in FORMATS:
            raise UserError(f"there is no format {name!r}{nearest(name, FORMATS)}")
    return [FORMATS[name] for name in names]


def publish_formats(
    predictor: Predictor,
    recipe: Recipe,
    names: Sequence[str],
    destination: Path,
    *,
    pictures: Sequence[Any],
    told: Told,
    int8: bool = False,
    score: bool = False,
    license: str | None = None,
    published: Published | None = None,
    failed: Sequence[Converted] = (),
    runs: Path = RUNS,
    watch: Watch | None = None,
) -> list[Converted]:
    """Publishes a model for other runtimes, each verified in its own.

    Args:
        predictor: The model and everything around it.
        recipe: It was trained with.
        names: Of the formats.
        destination: Below which each has its folder, ``FORMAT`` or ``FORMAT-int8``.
        pictures: To verify with, encoded or uint8 [h, w, c].
        told: What the cards say of where the model comes from.
        int8: Whether each is published in int8 too, calibrated on pictures of the train split.
        score: Whether each is scored on the test split, and timed, beside the Keras model; the
            table is written to ``formats.json`` in the destination.
        license: Of the model, for its cards.
        published: The SavedModel of the same network, to stand beside them.
        failed: What was not published of it before, to stand beside them and be raised with them.
        runs: Folder of the run folders, beside which converted pictures are kept.
        watch: Told what goes on.

    Returns:
        What became of each; where they are scored, the Keras model first.

    Raises:
        UserError: If a format is unknown or its modules are not installed, a place cannot be
            written to, or the data are not there.
        NotPublishedError: If a model fails a check, or its score lies further below the Keras
            model's than it may; it is not published, the others are.
    """
    formats = formats_named(names)
    require(formats, int8)
    watch = watch or Watch()
    scorer = calibration = None
    rows: list[Converted] = []
    if score:
        # Who has scored the SavedModel has scored the Keras model too.
        known = published and published.scorer
        scorer = known or scorer_of(predictor, recipe, watch, runs)
    if int8:
        dataset = scorer.dataset if scorer else open_data(recipe, watch, runs)
        with watch.bar("reading pictures to calibrate with"):
            calibration = calibration_of(dataset, predictor.preprocessing)
    if scorer is not None:
        size = sum(np.asarray(weight).nbytes for weight in predictor.model.weights)
        rows.append(Converted("keras", "float32", None, size, scored=scorer.original))
    if published is not None:
        rows.append(_of_savedmodel(published))
    rows += failed
    if formats:
        converter = Converter(
            predictor,
            destination,
            recipe.title,
            pictures,
            told,
            license=license,
            calibration=calibration,
            scorer=scorer,
            original=scorer and scorer.original,
        )
        wanted = [(one, kind) for one in formats for kind in ("float32", *(["int8"] * int8))]
        # Refused before anything is written.
        for one, precision in wanted:
            converter.folder(one, precision)
        for one, precision in wanted:
            with watch.bar(f"exporting and verifying {one.title} in {precision}"):
                rows.append(converter.convert(one, precision))
    if scorer is not None:
        destination.mkdir(parents=True, exist_ok=True)
        table = {"split": SPLIT, "score": scorer.name, "models": [row.to_json() for row in rows]}
        write_text(destination / TABLE, json.dumps(table, indent=2) + "\n")
    if reasons := [row.failed for row in rows if row.failed]:
        raise NotPublishedError("; ".join(reasons), rows)
    return rows


def scorer_of(predictor: Predictor, recipe: Recipe, watch: Watch, runs: Path = RUNS) -> Scorer:
    """Returns who scores a model, and the same in other formats, on its recipe's data.

    Args:
        predictor: The model and everything around it.
        recipe: It was trained with.
        watch: Told what goes on.
        runs: Folder of the run folders, beside which converted pictures are kept.

    Raises:
        UserError: If the data are not there.
    """
    return Scorer(predictor, open_data(recipe, watch, runs), watch)


def _of_savedmodel(published: Published) -> Converted:
    version = published.path
    size = (version / "saved_model.pb").stat().st_size
    size += sum(file.stat().st_size for file in (version / "variables").glob("*"))
    precision = read_card(version)["precision"]
    return Converted("savedmodel", precision, version, size, scored=published.scored)
