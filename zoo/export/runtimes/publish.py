"""A run's model in several formats, beside one another."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.errors import CheckError, UserError, nearest
from zoo.export.card import read_card
from zoo.export.runtimes.calibration import calibration_of
from zoo.export.runtimes.contract import Format, require
from zoo.export.runtimes.convert import Converted, Converter
from zoo.export.runtimes.formats import FORMATS
from zoo.export.runtimes.score import SPLIT, Scored, Scorer, judge
from zoo.export.told import Told
from zoo.inference import Predictor
from zoo.training.data import RUNS, open_data
from zoo.training.files import write_text
from zoo.training.recipe import Recipe
from zoo.training.watch import Watch
from zoo.versions import versions

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
    published: Path | None = None,
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
        published: A SavedModel to be scored as well.
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
    if score or int8:
        dataset = open_data(recipe, watch, runs)
        scorer = Scorer(predictor, dataset, watch) if score else None
        if int8:
            with watch.bar("reading pictures to calibrate with"):
                calibration = calibration_of(dataset, predictor.preprocessing)
    original = None
    if scorer is not None:
        original = scorer.keras()
        size = sum(np.asarray(weight).nbytes for weight in predictor.model.weights)
        rows.append(Converted("keras", "float32", None, size, scored=original))
        if published is not None:
            rows.append(_of_savedmodel(published, scorer, original))
    if formats:
        converter = Converter(
            predictor,
            destination,
            recipe.name or recipe.task,
            pictures,
            told,
            license=license,
            calibration=calibration,
            scorer=scorer,
            original=original,
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
    if failed := [row.failed for row in rows if row.failed]:
        raise NotPublishedError("; ".join(failed), rows)
    return rows


def _of_savedmodel(version: Path, scorer: Scorer, original: Scored) -> Converted:
    precision = read_card(version)["precision"]
    loaded = tf.saved_model.load(str(version))
    pixels = loaded.signatures["pixels"]
    scored = scorer.signatures(
        loaded.signatures, "SavedModel", lambda image: pixels(image=tf.constant(image))
    )
    size = (version / "saved_model.pb").stat().st_size
    size += sum(file.stat().st_size for file in (version / "variables").glob("*"))
    row = Converted("savedmodel", precision, version, size, scored=scored)
    try:
        judge(scorer.name, original, scored, precision)
    except CheckError as error:
        # It was published before: a version is never taken back unasked.
        reason = (
            f"SavedModel in {precision}: {error}; {version} is published all the same, since it "
            f"was scored afterwards, and is served: {how_to_take_back(version)}"
        )
        return replace(row, failed=reason)
    return row


def how_to_take_back(version: Path) -> str:
    """Says in a few words how the newest version of a model is served no longer."""
    if len(versions(version.parent)) > 1:
        return f"`{shlex.join(['zoo', 'models', 'rollback', str(version.parent)])}` takes it back"
    return "there is none before it, so remove that folder to serve nothing"
