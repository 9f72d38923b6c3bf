"""Commands that ask a trained model: evaluate, predict and export."""

from pathlib import Path

import click

from zoo.cli.attack import attack_options, attacks_of
from zoo.cli.group import Failure, json_option, start_tensorflow
from zoo.errors import UserError


@click.command()
@click.argument("model", metavar="RUN|SAVEDMODEL")
@click.option("--data", metavar="PATH", help="The folder with the pictures.")
@click.option("--split", default="test", show_default=True, help="Which pictures to measure on.")
@attack_options
@json_option
def evaluate(model, data, split, as_json, **attack) -> None:
    """Measure a model; for a run, write its report as well."""
    attacks, restarts = attacks_of(**attack)
    start_tensorflow()
    from zoo import finish
    from zoo.loading import load
    from zoo.model import evaluate_on
    from zoo.run import Run
    from zoo.training.folder import RunFolder
    from zoo.training.watch import Watch

    watch = Watch()
    report = None
    if RunFolder(model).holds_run:
        run = Run(model)
        result = run.evaluate(split, data, watch, attacks, restarts)
        report = run.report(split)
    else:
        result = evaluate_on(load(model), split, data, watch, attacks, restarts)
    finish.show_scores(result, as_json)
    if report and not as_json:
        click.echo(f"report   {report}")


@click.command()
@click.argument("model", metavar="RUN|SAVEDMODEL")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("-o", "--output", metavar="DIR", help="Draw the answers into this folder.")
def predict(model, images, output) -> None:
    """Answer for pictures: one JSON line each, and drawn with -o."""
    start_tensorflow()
    from zoo import finish
    from zoo.loading import load
    from zoo.training.watch import Watch

    bad = finish.answer(load(model), images, Path(output) if output else None, Watch())
    if bad:
        raise Failure(bad, 2)


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--to", metavar="DIR", help="Where to publish (default: savedmodels/RECIPE).")
@click.option(
    "--on-error",
    type=click.Choice(["row", "fail"]),
    default="row",
    show_default=True,
    help="A picture that cannot be read marks its row, or fails the request.",
)
@click.option(
    "--version",
    type=int,
    metavar="N",
    help="The version's number, larger than all before it (default: the next).",
)
@click.option("--license", metavar="ID", help="Of the model, for its card, e.g. CC-BY-4.0.")
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="What the network computes in; what goes in and comes out is float32.",
)
@click.option(
    "--tiled",
    is_flag=True,
    help="Add a signature that answers for large pictures tile by tile (segmentation).",
)
@click.option(
    "--overlap",
    type=click.FloatRange(0.0, 0.9),
    help="How much of a tile its neighbour shares, 0 to 0.9 (default: 0.25).",
)
@json_option
def export(run, to, on_error, version, license, precision, tiled, overlap, as_json) -> None:
    """Publish a run as a SavedModel, verified before it appears."""
    if overlap is not None and not tiled:
        raise UserError("--overlap belongs to --tiled; add it, or leave --overlap out")
    start_tensorflow()
    from zoo import finish
    from zoo.run import Run

    published = Run(run).export(
        to,
        on_error=on_error,
        version=version,
        license=license,
        precision=precision,
        overlap=(0.25 if overlap is None else overlap) if tiled else None,
    )
    finish.show_published(published, as_json)
