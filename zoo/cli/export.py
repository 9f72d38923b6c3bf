"""The command that publishes a run: export."""

from pathlib import Path

import click
from click.core import ParameterSource

from zoo.cli.group import json_option, start_tensorflow
from zoo.errors import CheckError, UserError
from zoo.export.runtimes import FORMATS
from zoo.export.runtimes.contract import require

_SAVEDMODEL, _ALL = "savedmodel", "all"
# What has no meaning where no SavedModel is written.
_SAVEDMODEL_ALONE = ("on_error", "version", "precision", "tiled", "overlap")


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--to",
    metavar="DIR",
    help="Where to publish (default: savedmodels/RECIPE, other formats RUN/exported).",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice([_SAVEDMODEL, *FORMATS, _ALL]),
    default=_SAVEDMODEL,
    show_default=True,
    help="What to publish; each is verified in its own runtime.",
)
@click.option("--int8", is_flag=True, help="Besides float32, quantized to 8 bits.")
@click.option(
    "--score", is_flag=True, help="Score each on the test split, and time it, beside the model."
)
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
@click.pass_context
def export(
    context,
    run,
    to,
    format_,
    int8,
    score,
    on_error,
    version,
    license,
    precision,
    tiled,
    overlap,
    as_json,
) -> None:
    """Publish a run as a SavedModel or for other runtimes, verified before it appears."""
    if overlap is not None and not tiled:
        raise UserError("--overlap belongs to --tiled; add it, or leave --overlap out")
    formats = list(FORMATS) if format_ == _ALL else [format_] if format_ in FORMATS else []
    if int8 and not formats:
        *others, last = FORMATS
        raise UserError(
            f"a SavedModel has no int8, {', '.join(others)} and {last} have; name one by "
            "--format, or all"
        )
    if format_ in FORMATS:
        for name in _SAVEDMODEL_ALONE:
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise UserError(
                    f"--{name.replace('_', '-')} is of SavedModels, not of {format_}; leave it out"
                )
    require([FORMATS[name] for name in formats], int8)
    start_tensorflow()
    from zoo import finish
    from zoo.cli.formats import as_plain, show_formats
    from zoo.export.runtimes.convert import Converted
    from zoo.export.runtimes.publish import NotPublishedError
    from zoo.run import Run

    trained, published = Run(run), None
    failed, failure = [], None
    if format_ not in FORMATS:
        try:
            published = trained.export(
                str(Path(to) / _SAVEDMODEL) if to and format_ == _ALL else to,
                on_error=on_error,
                version=version,
                license=license,
                precision=precision,
                overlap=(0.25 if overlap is None else overlap) if tiled else None,
                score=score,
            )
        except CheckError as error:
            if not formats:
                raise
            # The others are published all the same.
            failed.append(Converted(_SAVEDMODEL, precision, None, failed=str(error)))
        if published and not (as_json and (formats or score)):
            finish.show_published(published, as_json)
    if not formats and not score:
        return
    try:
        rows = trained.convert(
            formats,
            to if formats else None,
            int8=int8,
            score=score,
            license=license,
            published=published,
            failed=failed,
        )
    except NotPublishedError as error:
        rows, failure = error.rows, error
    if as_json:
        click.echo(as_plain(rows))
    else:
        show_formats(rows, trained.task.score)
    if failure:
        raise failure
