"""The command that reads all data and says what is wrong with it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from zoo.cli.group import json_option, page_of, start_tensorflow

_STDERR = 2


@click.command()
@click.argument("data", metavar="DATA|RECIPE")
@click.option("--task", help="Check for this task alone (default: all that the data carries).")
@click.option("--data", "path", metavar="PATH", help="The folder with a RECIPE's pictures.")
@click.option("--source", help="The format (default: found out; see zoo list datasets).")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a field of the recipe, e.g. --set data.options.objects=crop.",
)
@click.option("-o", "--output", metavar="PAGE.html", help="Also write a page of pictures.")
@json_option
def check(data, task, path, source, settings, output, as_json) -> None:
    """Read every file of a data set and name what is wrong with each.

    DATA is a folder, a file or a data set's name. Exits with 1 if training would be affected.
    """
    start_tensorflow()
    from zoo import listing
    from zoo.check import check_data, find_data, open_for_check
    from zoo.check.page import write_page
    from zoo.check.table import show
    from zoo.training.overrides import parse_overrides
    from zoo.training.watch import Watch

    page = page_of(output)
    recipe, name = find_data(
        data, task=task, path=path, source=source, overrides=parse_overrides(settings)
    )
    with _without_chatter() as console:
        watch = Watch(console)
        with watch.bar(f"opening {recipe.data.source}"):
            opened = open_for_check(recipe, name)
        checked = check_data(opened, watch)
        if page is not None:
            with watch.bar("drawing the page"):
                write_page(page, checked)
    if as_json:
        click.echo(json.dumps(checked.to_json(), indent=2))
    else:
        show(checked, listing.output())
        if page is not None:
            click.echo(f"page     {page}")
    if checked.affects_training:
        raise SystemExit(1)


@contextmanager
def _without_chatter() -> Iterator:
    """Keeps what decoders print about damaged bytes, naming no file, off standard error.

    Yields:
        A console on standard error for everybody else.
    """
    import sys

    from rich.console import Console

    sys.stderr.flush()
    if sys.stderr is not sys.__stderr__:
        # Somebody captures it in Python, out of reach of what decoders print.
        yield None
        return
    kept = os.dup(_STDERR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDERR)
    os.close(nowhere)
    try:
        with os.fdopen(os.dup(kept), "w") as stream:
            yield Console(file=stream, highlight=False)
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
