"""The command that trains one recipe in many settings: compare."""

import json

import click

from zoo.cli.group import Failure, json_option
from zoo.cli.training import load


@click.command()
@click.argument("recipe")
@click.option(
    "--vary",
    "--grid",
    "varied",
    multiple=True,
    metavar="FIELD=A,B",
    help="Compare values of a field, e.g. --vary model.head=flatten,average; repeat to multiply.",
)
@click.option(
    "--case",
    "cases",
    multiple=True,
    metavar='"LABEL: K=V K=V"',
    help="Compare fields that change together; repeat for each case. Multiplies with --vary.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Train each N times, from the recipe's seed on.",
)
@click.option("--data", metavar="PATH", help="The folder with the pictures.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a field of the recipe for all, e.g. --set epochs=5.",
)
@click.option("--out", metavar="DIR", help="The comparison's folder (default: compares/RECIPE).")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Train N side by side (default: what cores and memory hold); no result changes, except "
    "where minutes end runs.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads of each run's arithmetic (default: 1); another number changes last digits.",
)
@click.option("--metric", metavar="NAME", help="The score to show (default: the task's own).")
@click.option("--gradients", is_flag=True, help="Measure the gradient at each convolution, too.")
@json_option
def compare(
    recipe, varied, cases, seeds, data, settings, out, jobs, threads, metric, gradients, as_json
) -> None:
    """Train a recipe in many settings and seeds; show one table.

    Each run is a run folder in the comparison's folder. The same command goes on with what was
    stopped; more values or seeds extend it. Exits with 1 if a run failed.
    """
    from zoo import listing
    from zoo.comparison import compare as run
    from zoo.comparison.axes import parse_cases, parse_vary
    from zoo.comparison.table import show
    from zoo.training.overrides import parse_overrides

    overrides = parse_overrides(settings) | ({"data.path": data} if data else {})
    try:
        compared = run(
            load(recipe, None, ()),
            parse_vary(varied),
            parse_cases(cases),
            seeds=seeds,
            overrides=overrides,
            out=out,
            jobs=jobs,
            threads=threads,
            metric=metric,
            gradients=gradients,
        )
    except KeyboardInterrupt:
        raise Failure(
            "interrupted; what was finished is saved; the same command goes on", 130
        ) from None
    if as_json:
        click.echo(json.dumps(compared.to_json(), indent=2))
    else:
        show(compared, listing.output())
        click.echo(f"page     {compared.page}")
    if compared.failures:
        raise SystemExit(1)
