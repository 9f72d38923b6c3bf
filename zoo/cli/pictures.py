"""Commands that draw pictures to look at: preview."""

import json
from pathlib import Path

import click

from zoo.cli.group import json_option, start_tensorflow
from zoo.cli.training import load


@click.command()
@click.argument("recipe")
@click.option("--data", metavar="PATH", help="The folder with the pictures.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a field of the recipe, e.g. --set augment.hue=0.05.",
)
@click.option(
    "--strength",
    "strengths",
    multiple=True,
    type=click.Choice(["recipe", "none", "light", "medium", "strong"]),
    help="What to show; may be repeated (default: the recipe's and all named ones).",
)
@click.option(
    "--pictures", type=click.IntRange(1, 50), default=3, show_default=True, help="How many."
)
@click.option(
    "--versions", type=click.IntRange(1, 20), default=5, show_default=True, help="Of each."
)
@click.option("-o", "--output", metavar="FILE", help="The sheet (default: preview_RECIPE.png).")
@json_option
def preview(recipe, data, settings, strengths, pictures, versions, output, as_json) -> None:
    """Draw training pictures beside augmented versions, to look at."""
    loaded = load(recipe, data, settings)
    start_tensorflow()
    from zoo import finish
    from zoo.preview import STRENGTHS
    from zoo.preview import preview as draw
    from zoo.training.watch import Watch

    made = draw(
        loaded,
        Path(output or f"preview_{loaded.name}.png"),
        Watch(),
        strengths=strengths or STRENGTHS,
        pictures=pictures,
        versions=versions,
    )
    if as_json:
        click.echo(json.dumps(made.to_json()))
    else:
        finish.show_preview(made)
