"""Commands that show what there is: list and describe."""

import json

import click
from click.core import ParameterSource

import zoo
from zoo.cli.group import json_option, start_tensorflow
from zoo.cli.training import load
from zoo.errors import UserError

# Options of zoo.build that a TASK has options of the command for.
_OWN = {
    "classes": "--classes",
    "input_shape": "--size",
    "encoder": "--encoder",
    "head": "--head",
    "decoder": "--decoder",
    "task": "the name",
}


@click.command("list")
@click.argument("kind", type=click.Choice(["encoders", "decoders", "recipes", "datasets", "tasks"]))
@click.argument("pattern", default="*")
@json_option
def list_command(kind: str, pattern: str, as_json: bool) -> None:
    """Show what there is, e.g. zoo list encoders "res*"."""
    from zoo import listing

    if kind == "decoders":
        start_tensorflow()
    listing.show(kind, listing.rows(kind, pattern), as_json)


@click.command()
@click.argument("what", metavar="RECIPE|TASK")
@click.option("--encoder", "encoders", multiple=True, help="Encoder of a TASK; may be repeated.")
@click.option("--head", help="Head of a TASK's network.")
@click.option("--decoder", help="Decoder of a TASK's network.")
@click.option("--classes", type=int, help="Number of classes (default: the data set's, or 10).")
@click.option("--size", default="224x224x3", show_default=True, help="Input of a TASK's network.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Another option.")
@click.option("--data", metavar="PATH", help="The folder with a RECIPE's pictures.")
@click.option("--batch-size", type=int, default=1, show_default=True, help="For the memory.")
@click.option("--picture", metavar="FILE", help="Also draw it: a .png, .svg or .pdf.")
@json_option
@click.pass_context
def describe(
    context,
    what,
    encoders,
    head,
    decoder,
    classes,
    size,
    settings,
    data,
    batch_size,
    picture,
    as_json,
) -> None:
    """Show a network's layers: parameters, multiply-adds, memory, receptive field."""
    start_tensorflow()
    from pathlib import Path

    from zoo import listing
    from zoo.diagram import check_picture
    from zoo.tasks import TASKS
    from zoo.training.overrides import parse_overrides

    if picture is not None:
        if len(encoders) > 1:
            raise UserError("--picture draws one network; give one --encoder")
        check_picture(Path(picture))
    overrides = parse_overrides(settings)
    _check_asked(context, what, what in TASKS)
    if what in TASKS:
        for key, option in _OWN.items():
            if key in overrides:
                raise UserError(f"--set {key}= is {option} of a TASK; give that instead")
        # What a network looks like does not depend on them.
        overrides["weights"] = None
        options = {"head": head, "decoder": decoder}
        given = {key: value for key, value in options.items() if value is not None}
        models = {
            encoder or what: zoo.build(
                what,
                classes=classes or 10,
                input_shape=listing.parse_size(size),
                **({} if encoder is None else {"encoder": encoder}),
                **given,
                **overrides,
            )
            for encoder in encoders or (None,)
        }
        if len(models) > 1:
            comparison = zoo.compare_models(models, batch_size=batch_size)
            click.echo(json.dumps(comparison.to_dict(), indent=2) if as_json else str(comparison))
            return
        (model,) = models.values()
    else:
        from zoo.training.data import open_data

        recipe = load(what, data, settings)
        recipe.check_options()
        task = TASKS[recipe.task]
        count = classes or len(open_data(recipe).class_names(task.targets))
        model = recipe.build_model(count)
    description = zoo.describe(model, batch_size=batch_size)
    click.echo(json.dumps(description.to_dict(), indent=2) if as_json else str(description))
    if picture is not None:
        zoo.draw_model(model, picture)


def _check_asked(context: click.Context, what: str, is_task: bool) -> None:
    """Refuses options that would not be looked at."""
    names = ("data",) if is_task else ("encoders", "head", "decoder", "size")
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = f"--{name.removesuffix('s')}"
            raise UserError(
                f"{option} is for a RECIPE, and {what} is a task; leave it out"
                if is_task
                else f"{option} is for a TASK; change the recipe {what} by --set, as in "
                "--set model.encoder=resnet18 or --set input.size=[96,96]"
            )
