"""What every command shares: how it fails, how TensorFlow starts, and its options."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from zoo.errors import PLACE_FAULTS, WRITE_FAULTS, CheckError, UserError, WorkerLostError
from zoo.training.interrupt import terminable

_STDERR = 2


def start_tensorflow() -> None:
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


class Failure(click.ClickException):
    """One sentence on standard error and an exit code."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        # click declares one for a class; here each has its own.
        self.exit_code = exit_code  # pyright: ignore[reportAttributeAccessIssue]


def failure_of(error: BaseException) -> Failure | None:
    """Returns the line and the exit code that an error ends a command with; None for a bug."""
    if isinstance(error, UserError):
        return Failure(str(error), 2)
    if isinstance(error, (CheckError, WorkerLostError)):
        return Failure(str(error), 1)
    if isinstance(error, OSError) and error.errno in PLACE_FAULTS:
        return Failure(f"cannot {_refused(error)}: {error.strerror}", 2)
    return Failure("interrupted", 130) if isinstance(error, KeyboardInterrupt) else None


def _refused(error: OSError) -> str:
    """Returns what the system refused to do with a place: "read pictures/1.jpg"."""
    place = error.filename
    if place is None or error.errno in WRITE_FAULTS:
        return f"write to {place or 'the disk'}"
    place = os.fsdecode(place) if isinstance(place, (str, bytes, os.PathLike)) else str(place)
    around = os.path.dirname(place) or os.curdir
    # The error does not say what was tried; what the place allows does.
    if os.path.exists(place):
        needed = os.R_OK | os.X_OK if os.path.isdir(place) else os.R_OK
        if not os.access(place, needed):
            return f"read {place}"
        if not os.access(place, os.W_OK):
            return f"write to {place}"
    elif os.path.isdir(around) and os.access(around, os.X_OK) and not os.access(around, os.W_OK):
        return f"write to {place}"
    return f"open {place}"


class Commands(click.Group):
    """A group whose commands end with one clear line on anything a user can mend."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; what its user can mend ends it with a line and an exit code."""
        try:
            with terminable():
                return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as error:
            failure = failure_of(error)
            if failure is None:
                raise
            raise failure from error


def page_of(output: str | None) -> Path | None:
    """Returns the file that a page was asked to be written to, before there is anything to write.

    Raises:
        UserError: If it cannot be one.
    """
    page = Path(output) if output else None
    if page is not None and page.is_dir():
        raise UserError(f"{page} is a folder; give the name of a file, as in -o page.html")
    if page is not None and not page.parent.is_dir():
        raise UserError(f"there is no folder {page.parent}, where {page.name} is to be written")
    return page


def json_option(function):
    """Adds ``--json``, passed on as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(
        function
    )


def recipe_options(function):
    """Adds what all commands take that train a recipe."""
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
        click.option("--resume", is_flag=True, help="Go on from the last checkpoint."),
        click.option(
            "--minutes",
            type=click.FloatRange(min=0, min_open=True),
            metavar="M",
            help="Stop after so many minutes, and publish what there is.",
        ),
        click.option(
            "--dry-run", is_flag=True, help="Rehearse on two batches; say what the full run needs."
        ),
    )[::-1]:
        function = option(function)
    return function
