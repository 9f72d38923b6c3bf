"""Commands about what is published: models, models rollback and models config."""

import json
import shlex
from pathlib import Path

import click

from zoo.cli.group import json_option

_root_option = click.option(
    "--root",
    metavar="DIR",
    default="savedmodels",
    show_default=True,
    help="Where models are published.",
)


@click.group(invoke_without_command=True)
@_root_option
@json_option
@click.pass_context
def models(context, root, as_json) -> None:
    """Show what is published, or take a version back."""
    # Given before a subcommand they are meant for it.
    given = {"root": root, "as_json": as_json}
    context.default_map = dict.fromkeys(models.commands, given)
    if context.invoked_subcommand is None:
        from zoo.export.published import listed
        from zoo.listing import show

        rows = [version.to_json() for version in listed(Path(root))]
        show("models", rows, as_json)


@models.command()
@click.argument("name")
@_root_option
@json_option
def rollback(name, root, as_json) -> None:
    """Take back the newest version of NAME: servers go back to the one before.

    The version is renamed to N.denied, which servers pass over. A running server notices by
    itself; rename it back to serve it again.
    """
    from zoo.export.published import roll_back

    # As a path too, since that is what the other commands take.
    model = Path(name) if len(Path(name).parts) > 1 else Path(root) / name
    denied, served = roll_back(model)
    if as_json:
        click.echo(json.dumps({"denied": str(denied), "served": str(served)}))
        return
    click.echo(f"denied   {denied}\nserved   {served}")


@models.command()
@_root_option
@json_option
def config(root, as_json) -> None:
    """Write models.config and compose.yaml, to serve all models by TensorFlow Serving."""
    from zoo.export.server_files import write_server_files

    def tell(line):
        click.echo(line, err=True)

    written, compose = (str(path) for path in write_server_files(Path(root), tell))
    if as_json:
        click.echo(json.dumps({"config": written, "compose": compose}))
        return
    start = shlex.join(["docker", "compose", "-f", compose, "up"])
    click.echo(f"config   {written}\ncompose  {compose}\nstart    {start}")
