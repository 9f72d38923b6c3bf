"""Commands that train: run and train."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

import zoo
from zoo.cli.group import Failure, json_option, recipe_options, start_tensorflow


@click.command()
@recipe_options
@json_option
def run(recipe, data, settings, folder, resume, minutes, dry_run, as_json) -> None:
    """Train, evaluate, export and verify: the main job, the whole way."""
    settings = _within(settings, minutes)
    if dry_run:
        return _rehearse(load(recipe, data, settings), as_json)
    trained = _train(recipe, data, settings, folder, resume)
    from zoo import finish

    finish.finish(trained, as_json)


@click.command()
@recipe_options
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    metavar="N",
    help="Train N times, from the recipe's seed on, and show the scores' mean and spread.",
)
@json_option
def train(recipe, data, settings, folder, resume, minutes, dry_run, seeds, as_json) -> None:
    """Train a recipe into a run folder."""
    settings = _within(settings, minutes)
    if dry_run:
        return _rehearse(load(recipe, data, settings), as_json)
    if seeds:
        return _train_seeds(recipe, data, settings, folder, resume, seeds, as_json)
    trained = _train(recipe, data, settings, folder, resume)
    if as_json:
        click.echo(json.dumps({"run": str(trained.folder), "history": trained.history}))
    else:
        click.echo(f"run      {trained.folder}\nnext     zoo evaluate {trained.folder}")


def _within(settings: tuple[str, ...], minutes: float | None) -> tuple[str, ...]:
    return settings if minutes is None else (*settings, f"minutes={minutes:g}")


def load(recipe: str, data: str | None, settings: tuple[str, ...]):
    """Returns a recipe with what the command line changes of it."""
    from zoo.training.catalogue import load_recipe
    from zoo.training.overrides import parse_overrides

    overrides = parse_overrides(settings) | ({"data.path": data} if data else {})
    return load_recipe(recipe).with_overrides(overrides)


def _train(recipe, data, settings, folder, resume):
    loaded = load(recipe, data, settings)
    path = _run_path(loaded, folder, resume)
    with _resumable(_again(recipe, data, settings, path), path):
        return zoo.train(loaded, run=path, resume=resume)


def _train_seeds(recipe, data, settings, folder, resume, count: int, as_json: bool) -> None:
    loaded = load(recipe, data, settings)
    path = _run_path(loaded, folder, resume)
    from zoo import finish
    from zoo.seeds import train_seeds

    again = _again(recipe, data, settings, path, "--seeds", str(count))
    with _resumable(again, path / f"seed-{loaded.seed}"):
        finish.show_seeds(train_seeds(loaded, count, path, resume=resume), as_json)


def _run_path(recipe, folder: str | None, resume: bool) -> Path:
    start_tensorflow()
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

        if not RunFolder(run).saved:
            raise
        raise Failure(f"interrupted; the run is saved; go on with: {command}", 130) from None


def _rehearse(recipe, as_json: bool) -> None:
    start_tensorflow()
    from zoo import finish
    from zoo.dry_run import dry_run
    from zoo.training.watch import Watch

    finish.show_dry_run(dry_run(recipe, Watch()), as_json)
