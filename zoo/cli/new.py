"""The command that writes recipes: new."""

import json
import re
import shlex
from pathlib import Path

import click

from zoo.cli.group import start_tensorflow
from zoo.errors import UserError

_MINUTES = 10.0


@click.command()
@click.argument("data", required=False)
@click.option("--task", metavar="TASK", help="classification, localization or segmentation.")
@click.option("--from", "origin", metavar="RECIPE", help="Copy this recipe instead of planning.")
@click.option("-o", "--output", metavar="FILE", help="The file to write (default: DATA_TASK.py).")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help=f"Training on this machine may take so long (default: {_MINUTES:g}).",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Settle a field of the recipe, e.g. --set data.source=voc; the rest goes by it.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print what was measured and planned.")
def new(data, task, origin, output, minutes, settings, force, as_json) -> None:
    """Write a recipe planned for the pictures in DATA, or copy one to edit.

    DATA is a folder of pictures. What is measured of it, and timed on this machine, decides the
    input's size, the network, the batch and the epochs; the recipe says why.
    """
    if origin is not None:
        return _copy(origin, output, force, as_json, data or task or minutes or settings)
    if data is None or task is None:
        raise UserError(
            "zoo new takes the folder of the pictures and a --task, or a recipe to copy: "
            "zoo new pictures --task classification, or zoo new --from quickstart -o mine.py"
        )
    from zoo import tasks
    from zoo.training.overrides import parse_overrides

    name = tasks.get(task).name
    overrides = parse_overrides(settings)
    path = Path(output or f"{_slug(data)}_{name}.py")
    _check_place(path, force)
    start_tensorflow()
    from zoo import plan
    from zoo.training.watch import Watch

    planned = plan.plan_recipe(data, name, minutes or _MINUTES, overrides, Watch())
    plan.write_recipe(planned, path)
    if as_json:
        click.echo(json.dumps({"recipe": str(path), **planned.to_json()}))
    else:
        click.echo(f"{planned}\nrecipe   {path}\nnext     {shlex.join(['zoo', 'run', str(path)])}")


def _copy(origin: str, output: str | None, force: bool, as_json: bool, others: object) -> None:
    if others:
        raise UserError(
            "--from copies a recipe as it is; leave out DATA, --task, --minutes and --set"
        )
    if output is None:
        raise UserError(f"say with -o where the copy of {origin} goes, as in -o my_recipe.py")
    path = Path(output)
    _check_place(path, force)
    from zoo.training.catalogue import copy_recipe

    source = copy_recipe(origin, path)
    if as_json:
        click.echo(json.dumps({"recipe": str(path), "from": str(source)}))
    else:
        click.echo(f"recipe   {path}, a copy of {source}\nnext     zoo run {path} --dry-run")


def _check_place(path: Path, force: bool) -> None:
    if path.suffix != ".py":
        raise UserError(f"{path} is no name for a recipe, which is a Python file; end it in .py")
    if path.is_dir():
        raise UserError(f"{path} is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise UserError(f"there is no folder {path.parent} to write {path.name} to; make it first")
    if path.exists() and not force:
        raise UserError(f"there is a file {path} already; choose another name, or pass --force")


def _slug(data: str) -> str:
    """Returns what a file may be called for data of this name."""
    last = Path(data).expanduser().resolve().name if ":" not in data else data.partition(":")[2]
    return re.sub(r"\W+", "_", last).strip("_").lower() or "my"
