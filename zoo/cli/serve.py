"""The command that serves published models: serve."""

import math
import os
import shlex
import signal
import time
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

import click

from zoo.cli.group import start_tensorflow
from zoo.errors import UserError

_MEGA = 10**6
_DAY = 86_400
# In MB: protocol buffers have no longer messages than 2 GiB.
_LONGEST_BODY = 2000
_UNITS = dict.fromkeys(("max_body", "max_pixels", "max_memory"), _MEGA)


class _Amount(click.FloatRange):
    """A number above 0 that is one: click's ranges let ``nan`` through."""

    def __init__(self, most: float = 10**9):
        super().__init__(min=0, min_open=True, max=most)

    def convert(self, value, param, ctx):
        """Returns the number."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not a number", param, ctx)
        return number


class _Terminated(BaseException):
    """SIGTERM came."""


@click.command()
@click.argument("folder", default="savedmodels", metavar="[savedmodels/]")
@click.option("--rest-port", type=click.IntRange(0, 65535), default=8501, show_default=True)
@click.option("--grpc-port", type=click.IntRange(0, 65535), default=8500, show_default=True)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="An address of this machine; other machines reach any other, with a token.",
)
@click.option(
    "--token",
    envvar="ZOO_TOKEN",
    metavar="TEXT",
    help="What requests must bear (better given as $ZOO_TOKEN: others see a command line).",
)
@click.option(
    "--latest",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Serve the newest N versions of each model.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Requests answered at a time (default: one a processor).",
)
@click.option(
    "--queue",
    type=click.IntRange(min=0),
    default=128,
    show_default=True,
    help="Requests that may wait; any more are told to come later.",
)
@click.option(
    "--timeout",
    type=_Amount(_DAY),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="For a request.",
)
@click.option(
    "--max-body",
    type=_Amount(_LONGEST_BODY),
    default=100.0,
    show_default=True,
    metavar="MB",
    help="The longest request.",
)
@click.option(
    "--max-pixels",
    type=_Amount(),
    metavar="MILLIONS",
    help="The largest encoded picture (default: 178.956970).",
)
@click.option(
    "--max-batch",
    type=click.IntRange(min=1),
    default=1024,
    show_default=True,
    metavar="N",
    help="Pictures of a request.",
)
@click.option(
    "--max-memory",
    type=_Amount(),
    default=3000.0,
    show_default=True,
    metavar="MB",
    help="For a request's pictures, decoded, and for what all requests send.",
)
def serve(folder, rest_port, grpc_port, host, token, latest, **bounds) -> None:
    """Serve published models on this machine, with TensorFlow Serving's API.

    For a laptop or a test: production belongs to TensorFlow Serving, which serves the same
    folders to the same clients. At / there is a page to drop a picture on.
    """
    if not Path(folder).is_dir():
        raise UserError(f"{folder} is no folder; `zoo export` publishes models into savedmodels/")
    signal.signal(signal.SIGTERM, _terminate)
    try:
        start_tensorflow()
        from zoo.serving.limits import Limits
        from zoo.serving.server import Server

        for name, unit in _UNITS.items():
            if bounds[name] is not None:
                bounds[name] = int(bounds[name] * unit)
        server = Server(
            Path(folder),
            host=host,
            rest_port=rest_port,
            grpc_port=grpc_port,
            token=token,
            versions=latest,
            limits=Limits(**{name: value for name, value in bounds.items() if value is not None}),
            tell=lambda line: click.echo(line, err=True),
        )
        _run(server, Path(folder), token)
    except _Terminated:
        click.echo("stopped", err=True)


def _run(server, folder: Path, token: str | None) -> None:
    try:
        with server:
            try:
                _greet(server, folder, token)
                while True:
                    time.sleep(3600)
            finally:
                # It ends when what is under way is answered; who asks again will not wait.
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, _end_at_once)
    except (_Terminated, KeyboardInterrupt) as error:
        if server.has_ended:
            raise
        # Python waits for threads at its end, and no thread can be ended from outside.
        is_stopped = isinstance(error, _Terminated)
        try:
            click.echo("stopped" if is_stopped else "Error: interrupted", err=True)
        finally:
            os._exit(0 if is_stopped else 130)


def _terminate(number, frame) -> NoReturn:
    raise _Terminated


def _end_at_once(number, frame) -> NoReturn:
    os._exit(128 + number)


def _greet(server, folder: Path, token: str | None) -> None:
    from zoo.serving.telling import shown

    names = server.repository.names()
    name = names[0] if names else "NAME"
    model = f"{server.rest_url}/v1/models/{quote(name)}"
    folder = folder.resolve()
    place = folder / name
    if names and not place.is_dir():
        place = folder
    mount, bearer = shlex.quote(f"{shown(place)}:/models/{name}"), ""
    if token:
        bearer = "-H 'Authorization: Bearer TOKEN' "
    if not names:
        click.echo(f"nothing to serve in {shown(folder)} yet; a model published there is picked up")
    click.echo(
        f"page     {server.rest_url}/\n"
        f"REST     {model}\n"
        f"gRPC     {server.grpc_url.removeprefix('grpc://')}\n"
        f"try      curl {bearer}{model}/metadata\n"
        f"\nCtrl-C stops it. This server is for a laptop or a test; production belongs to\n"
        f"TensorFlow Serving, which serves the same folders to the same clients:\n"
        f"  docker run -p 8501:8501 -p 8500:8500 -v {mount} \\\n"
        f"    -e {shlex.quote(f'MODEL_NAME={name}')} tensorflow/serving"
    )
