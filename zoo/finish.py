"""The end of a job as a person sees it: scores, places, a picture and a ready request."""

import base64
import io
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import numpy as np
import tensorflow as tf
from PIL import Image
from rich.table import Table

from zoo.answers import Answer
from zoo.data.conversion import picture_in
from zoo.dry_run import DryRun
from zoo.errors import UserError
from zoo.evaluation.evaluate import Evaluation
from zoo.export.savedmodel import Published
from zoo.listing import output
from zoo.loading import load
from zoo.model import Model
from zoo.preprocess import CHANNELS
from zoo.preview import Preview, described
from zoo.run import Run
from zoo.seeds import SeedRuns
from zoo.stems import distinct_stems
from zoo.training.files import write_text
from zoo.training.watch import Watch, duration

# More would not fit 80 columns.
_SEEDS_SHOWN = 4
_ATTACKS_SHOWN = 4


def finish(run: Run, as_json: bool) -> None:
    """Evaluates, exports and verifies a trained run, and says where everything is.

    Leaves ``sample.png``, the model's ``sample_answer.png`` and ``request.json``, the
    body of a request for the served model, in the run folder.
    """
    watch = Watch()
    evaluation = run.evaluate(watch=watch)
    published = run.export(watch=watch)
    sample, request = _leave_sample(run, published)
    name = published.path.parent.name
    predict_line = shlex.join(
        ["zoo", "predict", str(published.path.parent), str(sample), "-o", "answers"]
    )
    address = f"localhost:8501/v1/models/{quote(name, safe='')}:predict"
    request_line = f"curl -d @{shlex.quote(str(request))} {address}"
    if as_json:
        click.echo(
            json.dumps(
                {
                    "run": str(run.folder),
                    "scores": evaluation.scores,
                    "model": str(published.path),
                    "report": str(run.report()),
                    "sample": str(sample),
                    "request": str(request),
                    "predict": predict_line,
                    "curl": request_line,
                }
            )
        )
        return
    show_scores(evaluation, as_json=False)
    show_published(published, as_json=False)
    folder = published.path.parent.resolve()
    click.echo(
        f"report   {run.report()}\n"
        f"sample   {sample}\n\n"
        f"Ask it:\n  {predict_line}\n\n"
        f"Serve it, here or by TensorFlow Serving, and send the same picture:\n"
        f"  zoo serve {shlex.quote(str(published.path.parent))}\n"
        f"  docker run -p 8501:8501 -v {shlex.quote(f'{folder}:/models/{name}')} \\\n"
        f"    -e MODEL_NAME={shlex.quote(name)} tensorflow/serving\n"
        f"  {request_line}"
    )


def show_scores(evaluation: Evaluation, as_json: bool) -> None:
    """Prints an evaluation's scores as a table or as JSON."""
    if as_json:
        click.echo(json.dumps(evaluation.to_json()))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column(f"{evaluation.split}, {evaluation.pictures:,} pictures")
    columns = {"score": evaluation.scores}
    if evaluation.robustness:
        robust = evaluation.robustness
        shown = zip(robust.attacks, robust.scores, strict=True)
        columns = {"clean": evaluation.scores} | {
            f"epsilon {attack.epsilon:g}": scores for attack, scores in list(shown)[:_ATTACKS_SHOWN]
        }
    for title in columns:
        table.add_column(title, justify="right")
    for name in evaluation.scores:
        values = [scores.get(name, np.nan) for scores in columns.values()]
        table.add_row(name, *("none" if np.isnan(value) else f"{value:.4f}" for value in values))
    output().print(table)
    if evaluation.robustness:
        click.echo(
            f"attacked by {evaluation.robustness.attacks[-1].method}; epsilon is of 0 to 255"
        )
    for name, reason in evaluation.unreadable:
        click.echo(f"left out {name}: {reason}", err=True)


def show_seeds(runs: SeedRuns, as_json: bool) -> None:
    """Prints the mean and the spread of each score over runs of several seeds."""
    if as_json:
        click.echo(json.dumps(runs.to_json()))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column(f"test, {len(runs.seeds)} seeds")
    for title in ("mean", "std"):
        table.add_column(title, justify="right")
    shown = runs.seeds[:_SEEDS_SHOWN]
    for seed in shown:
        table.add_column(f"seed {seed}", justify="right")
    for name in runs.names:
        values = [f"{value:.4f}" for value in runs.values(name)[: len(shown)]]
        table.add_row(name, f"{runs.mean(name):.4f}", f"{runs.deviation(name):.4f}", *values)
    output().print(table)
    click.echo(f"runs     {runs.folder}")


def show_published(published: Published, as_json: bool) -> None:
    """Prints where a model was published and what its verification saw."""
    seen = published.verification
    if as_json:
        click.echo(json.dumps({"model": str(published.path), "verification": vars(seen)}))
        return
    click.echo(
        f"model    {published.path}\n"
        f"verified {seen.pictures} files, raw pixels and {seen.warmup} warm-up records in fresh "
        f"processes,\n         as servers load it: scores within {seen.score:.1g}"
    )


def show_dry_run(result: DryRun, as_json: bool) -> None:
    """Prints what the full run would need."""
    if as_json:
        click.echo(json.dumps(result.to_json()))
        return
    click.echo(
        f"The rehearsal passed: trained, validated, exported, verified {result.verified} files.\n"
        f"The full run: {result.steps:,} steps of {result.seconds_per_step * 1000:.0f} ms, about "
        f"{duration(result.seconds)} of training;\n"
        f"memory {result.memory_gib:.1f} GiB; {result.parameters:,} parameters."
    )


def show_preview(made: Preview) -> None:
    """Prints which augmentations a sheet shows, and where it is."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("strength", no_wrap=True)
    table.add_column("changes")
    for name, options in made.changes.items():
        table.add_row(name, described(options))
    output().print(table)
    click.echo(f"\nsheet    {made.path}")


def answer(model: Model, images: Sequence[str], folder: Path | None, watch: Watch) -> str:
    """Prints one JSON line a picture, and draws the answers into a folder.

    Args:
        model: Answers.
        images: Paths.
        folder: For the drawings, and the masks of a segmentation; ``None`` for none.
        watch: Told what goes on.

    Returns:
        A sentence about pictures that could not be read; empty if all were.

    Raises:
        UserError: If a path names no file.
    """
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    with watch.bar("answering", len(images)) as bar:
        answers = model.predict(images, bar.advance)
    bad = []
    endings = ("", "_mask") if any("mask" in one.values for one in answers) else ("",)
    stems = distinct_stems([Path(image) for image in images], endings)
    for stem, one in zip(stems, answers, strict=True):
        line = one.to_json()
        if one.error:
            bad.append(f"{one.name} {one.error}")
        elif folder:
            found = picture_in(Path(one.name), model.preprocessing.values)
            if isinstance(found, bytes):
                found = model.preprocessing.decode(found).numpy()
            drawn = model.task.draw(found, one.values, None, model.class_names)
            line["drawn"] = str(folder / f"{stem}.png")
            drawn.save(line["drawn"])
            if "mask" in one.values:
                line["mask"] = str(folder / f"{stem}_mask.png")
                Image.fromarray(one.values["mask"]).save(line["mask"])
        click.echo(json.dumps(line))
    return "; ".join(bad)


def _leave_sample(run: Run, published: Published) -> tuple[Path, Path]:
    (data,) = run.example_pictures(1)
    # Asked of the published model, so that what one sees is what it will serve.
    model = load(published.path)
    if isinstance(data, bytes) or run.recipe.input.channels in CHANNELS:
        if not isinstance(data, bytes):
            data = tf.io.encode_png(data).numpy()
        with Image.open(io.BytesIO(data)) as picture:
            sample = run.folder / f"sample.{(picture.format or 'png').lower()}"
        sample.write_bytes(data)
        instance: Any = {"b64": base64.b64encode(data).decode()}
        pixels = model.preprocessing.decode(data).numpy()
    else:
        sample, pixels = run.folder / "sample.npy", data
        np.save(sample, data)
        # Its own size would do as well, at the length of the request.
        instance = model.preprocessing.fit_image(tf.constant(data)).numpy().astype(int).tolist()
    said: Answer = model.predict([sample])[0]
    if said.error:
        raise UserError(f"the sample {sample} {said.error}")
    drawing = model.task.draw(pixels, said.values, None, model.class_names)
    drawing.save(run.folder / "sample_answer.png")
    request = run.folder / "request.json"
    write_text(request, json.dumps({"instances": [instance]}) + "\n")
    return sample, request
