"""Commands that train: run and train."""

import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

import zoo
from zoo.cli.group import Failure, failure_of, json_option, recipe_options, start_tensorflow
from zoo.errors import CheckError, FaultError, UserError
from zoo.training.tf_config import CONFIG, check_alone, check_count
from zoo.training.workers import run as run_workers


def group_options(function):
    """Adds how several processes train together."""
    for option in (
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            metavar="N",
            help="Train in N processes on this machine, to try what a cluster will do.",
        ),
        click.option(
            "--cluster",
            type=click.Choice(["slurm"]),
            help="Be one of the workers of a Slurm job step; where TF_CONFIG is set it says so.",
        ),
    )[::-1]:
        function = option(function)
    return function


@click.command()
@recipe_options
@group_options
@json_option
def run(
    recipe, data, settings, folder, resume, minutes, dry_run, workers, cluster, as_json
) -> None:
    """Train, evaluate, export and verify: the main job, the whole way."""
    settings = _within(settings, minutes)
    if dry_run:
        _alone("--dry-run", workers, cluster)
        return _rehearse(load(recipe, data, settings), as_json)

    def end(trained) -> None:
        from zoo import finish

        finish.finish(trained, as_json)

    _train("run", recipe, data, settings, folder, resume, workers, cluster, as_json, end)


@click.command()
@recipe_options
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    metavar="N",
    help="Train N times, from the recipe's seed on, and show the scores' mean and spread.",
)
@group_options
@json_option
def train(
    recipe, data, settings, folder, resume, minutes, dry_run, seeds, workers, cluster, as_json
) -> None:
    """Train a recipe into a run folder."""
    settings = _within(settings, minutes)
    if dry_run:
        _alone("--dry-run", workers, cluster)
        return _rehearse(load(recipe, data, settings), as_json)
    if seeds:
        _alone("--seeds", workers, cluster)
        return _train_seeds(recipe, data, settings, folder, resume, seeds, as_json)

    def end(trained) -> None:
        if as_json:
            click.echo(json.dumps({"run": str(trained.folder), "history": trained.history}))
        else:
            click.echo(f"run      {trained.folder}\nnext     zoo evaluate {trained.folder}")

    _train("train", recipe, data, settings, folder, resume, workers, cluster, as_json, end)


def _within(settings: tuple[str, ...], minutes: float | None) -> tuple[str, ...]:
    return settings if minutes is None else (*settings, f"minutes={minutes:g}")


def load(recipe: str, data: str | None, settings: tuple[str, ...]):
    """Returns a recipe with what the command line changes of it."""
    from zoo.training.catalogue import load_recipe
    from zoo.training.overrides import parse_overrides

    overrides = parse_overrides(settings) | ({"data.path": data} if data else {})
    return load_recipe(recipe).with_overrides(overrides)


def _alone(option: str, workers: int | None, cluster: str | None) -> None:
    """Refuses what is done in one process to several of them."""
    given = "--workers" if workers else "--cluster" if cluster else None
    if given:
        raise UserError(f"{option} trains in one process; leave {given} out")
    check_alone(option)


def _train(
    command, recipe, data, settings, folder, resume, workers: int | None, cluster, as_json, end
) -> None:
    """Trains, and ends with the run, unless another process is to say what comes of it."""
    joins = bool(cluster or os.environ.get(CONFIG))
    starts = workers if workers and workers > 1 and not joins else 0
    if workers and cluster:
        raise UserError("--workers starts processes and --cluster joins those there are; give one")
    if workers and joins:
        check_count(workers)
    loaded = load(recipe, data, settings)
    if joins and not folder:
        raise UserError("the workers of a cluster have to be told one run folder for all: --run")
    path = _run_path(loaded, folder, resume, start=not starts)
    more = ["--workers", str(workers)] if workers else []
    more += ["--cluster", cluster] if cluster else []
    given = _arguments(command, recipe, data, settings, path, *more)
    with _resumable(given, path):
        if starts:
            run_workers(starts, [*given, *["--resume"] * resume, *["--json"] * as_json])
            return
        trained = zoo.train(loaded, run=path, resume=resume, cluster=cluster)
        from zoo.training.cluster import join

        if join(cluster).is_chief:
            end(trained)


def _train_seeds(recipe, data, settings, folder, resume, count: int, as_json: bool) -> None:
    loaded = load(recipe, data, settings)
    path = _run_path(loaded, folder, resume)
    from zoo import finish
    from zoo.seeds import train_seeds

    given = _arguments("train", recipe, data, settings, path, "--seeds", str(count))
    with _resumable(given, path / f"seed-{loaded.seed}"):
        finish.show_seeds(train_seeds(loaded, count, path, resume=resume), as_json)


def _run_path(recipe, folder: str | None, resume: bool, start: bool = True) -> Path:
    if start:
        start_tensorflow()
    from zoo.training.folder import latest_run_path, new_run_path

    return Path(folder) if folder else (latest_run_path if resume else new_run_path)(recipe.name)


def _arguments(command, recipe, data, settings, path: Path, *more: str) -> list[str]:
    given = ["--data", data] if data else []
    given += [part for setting in settings for part in ("--set", setting)]
    return [command, recipe, *given, *more, "--run", str(path)]


@contextmanager
def _resumable(arguments: list[str], run: Path) -> Iterator[None]:
    """Says how to go on with what stopped, of whatever but a mistake, if anything was saved."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        from zoo.training.folder import RunFolder

        final = isinstance(error, (UserError, CheckError)) and not isinstance(error, FaultError)
        if final or not RunFolder(run).saved:
            raise
        command = shlex.join(["zoo", *arguments, "--resume"])
        failure = failure_of(error)
        if failure is None:
            error.add_note(f"What was saved of the run stays; go on with: {command}")
            raise
        saved = "; the run is saved" if isinstance(error, KeyboardInterrupt) else ""
        raise Failure(
            f"{failure.message}{saved}; go on with: {command}", failure.exit_code
        ) from error


def _rehearse(recipe, as_json: bool) -> None:
    start_tensorflow()
    from zoo import finish
    from zoo.dry_run import dry_run
    from zoo.training.watch import Watch

    finish.show_dry_run(dry_run(recipe, Watch()), as_json)
