"""The command ``zoo``.

Heavy imports stand inside the commands, so that help and listings answer at once.
"""

import errno
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

import zoo
from zoo.errors import CheckError, UserError

# Before anything imports them: training and serving are TensorFlow's.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

_STDERR = 2

_PLACE_FAULTS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EEXIST,
}


def _start_tensorflow() -> None:
    """Imports TensorFlow without its start-up chatter, which is shown if the import fails."""
    sys.stderr.flush()
    kept = os.dup(_STDERR)
    with tempfile.TemporaryFile() as chatter:
        os.dup2(chatter.fileno(), _STDERR)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
        except BaseException:
            chatter.seek(0)
            os.write(kept, chatter.read())
            raise
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)


class _Failure(click.ClickException):
    """One sentence on standard error and an exit code."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        # click declares one for a class; here each has its own.
        self.exit_code = exit_code  # pyright: ignore[reportAttributeAccessIssue]


class _Commands(click.Group):
    """A group whose commands end with one clear line on anything a user can mend."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            raise _Failure(str(error), 2) from error
        except CheckError as error:
            raise _Failure(str(error), 1) from error
        except OSError as error:
            if error.errno not in _PLACE_FAULTS:
                raise
            place = error.filename or "the disk"
            raise _Failure(f"cannot write to {place}: {error.strerror}", 2) from error
        except KeyboardInterrupt:
            raise _Failure("interrupted", 130) from None


def _json_option(function):
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(
        function
    )


def _recipe_options(function):
    for option in (
        click.argument("recipe"),
        click.option("--data", metavar="PATH", help="The folder with the pictures."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change a field of the recipe, e.g. --set model.head=flatten.",
        ),
        click.option(
            "--run", "folder", metavar="DIR", help="The run folder (default: a new one in runs/)."
        ),
        click.option("--resume", is_flag=True, help="Go on from the last finished epoch."),
        click.option(
            "--dry-run", is_flag=True, help="Rehearse on two batches; say what the full run needs."
        ),
    )[::-1]:
        function = option(function)
    return function


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(zoo.__version__, prog_name="zoo")
def main() -> None:
    """Train image models, look at how good they are, and publish them.

    Start with: zoo run quickstart
    """


@main.command("list")
@click.argument("kind", type=click.Choice(["encoders", "decoders", "recipes", "datasets", "tasks"]))
@click.argument("pattern", default="*")
@_json_option
def list_command(kind: str, pattern: str, as_json: bool) -> None:
    """Show what there is, e.g. zoo list encoders "res*"."""
    from zoo import listing

    if kind in ("encoders", "decoders"):
        _start_tensorflow()
    listing.show(listing.rows(kind, pattern), as_json)


@main.command()
@click.argument("what", metavar="RECIPE|TASK")
@click.option("--encoder", help="Encoder of a TASK's network.")
@click.option("--head", help="Head of a TASK's network.")
@click.option("--decoder", help="Decoder of a TASK's network.")
@click.option("--classes", type=int, help="Number of classes (default: the data set's, or 10).")
@click.option("--size", default="224x224x3", show_default=True, help="Input of a TASK's network.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Another option.")
@click.option("--data", metavar="PATH", help="The folder with a RECIPE's pictures.")
@_json_option
def describe(what, encoder, head, decoder, classes, size, settings, data, as_json) -> None:
    """Show a network's layers: parameters, multiply-adds, receptive field."""
    _start_tensorflow()
    from zoo import listing
    from zoo.tasks import TASKS
    from zoo.training.overrides import parse_overrides

    overrides = parse_overrides(settings)
    if what in TASKS:
        options = {"encoder": encoder, "head": head, "decoder": decoder}
        given = {key: value for key, value in options.items() if value is not None}
        model = zoo.build(
            what, classes=classes or 10, input_shape=listing.parse_size(size), **given, **overrides
        )
    else:
        from zoo.training.train import open_data

        recipe = _load(what, data, settings)
        recipe.check_options()
        task = TASKS[recipe.task]
        count = classes or len(open_data(recipe).class_names(task.targets))
        model = recipe.build_model(count)
    description = zoo.describe(model)
    click.echo(json.dumps(description.to_dict(), indent=2) if as_json else str(description))


@main.command()
@_recipe_options
@_json_option
def run(recipe, data, settings, folder, resume, dry_run, as_json) -> None:
    """Train, evaluate, export and verify: the main job, the whole way."""
    if dry_run:
        return _rehearse(_load(recipe, data, settings), as_json)
    trained = _train(recipe, data, settings, folder, resume)
    from zoo import finish

    finish.finish(trained, as_json)


@main.command()
@_recipe_options
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    metavar="N",
    help="Train N times, from the recipe's seed on, and show the scores' mean and spread.",
)
@_json_option
def train(recipe, data, settings, folder, resume, dry_run, seeds, as_json) -> None:
    """Train a recipe into a run folder."""
    if dry_run:
        return _rehearse(_load(recipe, data, settings), as_json)
    if seeds:
        return _train_seeds(recipe, data, settings, folder, resume, seeds, as_json)
    trained = _train(recipe, data, settings, folder, resume)
    if as_json:
        click.echo(json.dumps({"run": str(trained.folder), "history": trained.history}))
    else:
        click.echo(f"run      {trained.folder}\nnext     zoo evaluate {trained.folder}")


@main.command()
@click.argument("model", metavar="RUN|SAVEDMODEL")
@click.option("--data", metavar="PATH", help="The folder with the pictures.")
@click.option("--split", default="test", show_default=True, help="Which pictures to measure on.")
@_json_option
def evaluate(model, data, split, as_json) -> None:
    """Measure a model; for a run, write its report as well."""
    _start_tensorflow()
    from zoo import finish
    from zoo.model import evaluate_on
    from zoo.run import Run, load
    from zoo.training.folder import RunFolder
    from zoo.training.watch import Watch

    watch = Watch()
    report = None
    if RunFolder(model).holds_run:
        run = Run(model)
        result = run.evaluate(split, data, watch)
        report = run.report(split)
    else:
        result = evaluate_on(load(model), split, data, watch)
    finish.show_scores(result, as_json)
    if report and not as_json:
        click.echo(f"report   {report}")


@main.command()
@click.argument("model", metavar="RUN|SAVEDMODEL")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("-o", "--output", metavar="DIR", help="Draw the answers into this folder.")
def predict(model, images, output) -> None:
    """Answer for pictures: one JSON line each, and drawn with -o."""
    _start_tensorflow()
    from zoo import finish
    from zoo.run import load
    from zoo.training.watch import Watch

    bad = finish.answer(load(model), images, Path(output) if output else None, Watch())
    if bad:
        raise _Failure(bad, 2)


@main.command()
@click.argument("run", metavar="RUN")
@click.option("--to", metavar="DIR", help="Where to publish (default: savedmodels/RECIPE).")
@click.option(
    "--on-error",
    type=click.Choice(["row", "fail"]),
    default="row",
    show_default=True,
    help="A picture that cannot be read marks its row, or fails the request.",
)
@_json_option
def export(run, to, on_error, as_json) -> None:
    """Publish a run as a SavedModel, verified before it appears."""
    _start_tensorflow()
    from zoo import finish
    from zoo.run import Run

    finish.show_published(Run(run).export(to, on_error=on_error), as_json)


def _load(recipe: str, data: str | None, settings: tuple[str, ...]):
    from zoo.training.catalogue import load_recipe
    from zoo.training.overrides import parse_overrides

    overrides = parse_overrides(settings) | ({"data.path": data} if data else {})
    return load_recipe(recipe).with_overrides(overrides)


def _train(recipe, data, settings, folder, resume):
    loaded = _load(recipe, data, settings)
    path = _run_path(loaded, folder, resume)
    with _resumable(_again(recipe, data, settings, path), path):
        return zoo.train(loaded, run=path, resume=resume)


def _train_seeds(recipe, data, settings, folder, resume, count: int, as_json: bool) -> None:
    loaded = _load(recipe, data, settings)
    path = _run_path(loaded, folder, resume)
    from zoo import finish
    from zoo.seeds import train_seeds

    again = _again(recipe, data, settings, path, "--seeds", str(count))
    with _resumable(again, path / f"seed-{loaded.seed}"):
        finish.show_seeds(train_seeds(loaded, count, path, resume=resume), as_json)


def _run_path(recipe, folder: str | None, resume: bool) -> Path:
    _start_tensorflow()
    from zoo.training.folder import latest_run_path, new_run_path

    return Path(folder) if folder else (latest_run_path if resume else new_run_path)(recipe.name)


def _again(recipe: str, data: str | None, settings: tuple[str, ...], path: Path, *more) -> str:
    """Returns the command that goes on with a run."""
    given = ["--data", data] if data else []
    given += [part for setting in settings for part in ("--set", setting)]
    return shlex.join(["zoo", "train", recipe, *given, *more, "--run", str(path), "--resume"])


@contextmanager
def _resumable(command: str, run: Path) -> Iterator[None]:
    """On an interruption says how to go on, once there is something to go on with."""
    try:
        yield
    except KeyboardInterrupt:
        from zoo.training.folder import RunFolder

        if not RunFolder(run).last.is_file():
            raise
        raise _Failure(
            f"interrupted; what was finished is saved; go on with: {command}", 130
        ) from None


def _rehearse(recipe, as_json: bool) -> None:
    _start_tensorflow()
    from zoo import finish
    from zoo.dry_run import dry_run
    from zoo.training.watch import Watch

    finish.show_dry_run(dry_run(recipe, Watch()), as_json)
