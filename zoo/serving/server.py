"""The server: its two ports, its threads, its beginning and its end."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from zoo.errors import UserError
from zoo.serving.answering import Answering
from zoo.serving.connections import bounded
from zoo.serving.grpc import GrpcServer
from zoo.serving.hosts import is_loopback
from zoo.serving.limits import Limits, Pool
from zoo.serving.memory import Memory
from zoo.serving.pictures import PictureLimits
from zoo.serving.repository import Repository
from zoo.serving.rest import make_app

_BACKLOG = 512


class Server:
    """Serves the models below a folder until it is stopped.

    Args:
        root: ``savedmodels``, or one ``savedmodels/NAME``.
        host: An address of this machine; any other than its loopback needs a token.
        rest_port: 0 for any that is free.
        grpc_port: Likewise.
        token: That every request must bear.
        versions: How many of each model are served, the newest first.
        poll_seconds: How often new versions are looked for.
        limits: On work and memory.
        tell: Told of versions that come and go, in one line each.

    Attributes:
        has_ended: Whether it has been stopped, and no thread of it goes on.

    Raises:
        UserError: If there is no such folder, ``host`` needs a token, no request can bear
            ``token``, or both ports are the same.

    Example:
        >>> with Server(Path("savedmodels"), rest_port=0, grpc_port=0) as server:
        ...     zoo.Client(server.rest_url, "pets").predict(["photo.jpg"])
    """

    def __init__(
        self,
        root: Path,
        *,
        host: str = "127.0.0.1",
        rest_port: int = 8501,
        grpc_port: int = 8500,
        token: str | None = None,
        versions: int = 1,
        poll_seconds: float = 1.0,
        limits: Limits | None = None,
        tell: Callable[[str], Any] = lambda line: None,
    ):
        token = _stripped(token)
        if not token and not is_loopback(host):
            raise UserError(
                f"whoever reaches {host} could use this server; give a --token, or $ZOO_TOKEN, "
                "that requests must bear"
            )
        if rest_port == grpc_port != 0:
            raise UserError(
                f"REST and gRPC cannot both have port {rest_port}; choose another with --rest-port "
                "or --grpc-port"
            )
        self._host, self._ports = host, (rest_port, grpc_port)
        limits = limits or Limits()
        self.repository = Repository(root, versions=versions, poll_seconds=poll_seconds, tell=tell)
        self._pool = Pool(limits)
        answering = Answering(
            self.repository, limits, PictureLimits(limits), Memory(limits.max_memory)
        )
        self._grpc = GrpcServer(answering, self._pool, token)
        self._grace = limits.timeout
        config = uvicorn.Config(
            make_app(answering, self._pool, token),
            http=bounded(limits),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.CRITICAL,
            access_log=False,
            server_header=False,
            timeout_keep_alive=int(limits.idle),
            timeout_graceful_shutdown=int(self._grace) + 1,
        )
        self._rest = uvicorn.Server(config)
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self.rest_port = self.grpc_port = 0
        self.has_ended = False

    @property
    def rest_url(self) -> str:
        """Where REST and the page are."""
        return f"http://{_spelled(self._host)}:{self.rest_port}"

    @property
    def grpc_url(self) -> str:
        """Where gRPC is, as :class:`zoo.Client` takes it."""
        return f"grpc://{_spelled(self._host)}:{self.grpc_port}"

    def start(self) -> None:
        """Takes the ports, loads the models, then answers.

        Raises:
            UserError: If a port cannot be had.
        """
        # Before the models are loaded, which takes long: so that a port in use is said at once.
        # Who asks in that while is answered after it.
        rest = self._socket = _listening(self._host, self._ports[0])
        self.rest_port = rest.getsockname()[1]
        try:
            self.grpc_port = self._grpc.bind(f"{_spelled(self._host)}:{self._ports[1]}")
        except RuntimeError:
            raise _taken(self._host, self._ports[1], "--grpc-port") from None
        self.repository.start()
        self._grpc.start()
        self._thread = threading.Thread(
            target=self._rest.run, kwargs={"sockets": [rest]}, name="rest"
        )
        self._thread.start()

    def stop(self) -> None:
        """Takes no more requests, answers those under way, and ends.

        Work that takes longer than a request may is not waited for, nor a model whose loading
        does: then :attr:`has_ended` is false, and their threads go on.
        """
        until = time.monotonic() + self._grace
        self._rest.should_exit = True
        self._grpc.stop(self._grace)
        looked = self.repository.stop(max(until - time.monotonic(), 0))
        if self._thread:
            self._thread.join()
        elif self._socket:
            self._socket.close()
        worked = self._pool.stop(max(until - time.monotonic(), 0))
        self.has_ended = looked and worked

    def __enter__(self) -> "Server":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def _stripped(token: str | None) -> str | None:
    # An empty $ZOO_TOKEN is none.
    if not token:
        return None
    # As that of a request is: a file that $ZOO_TOKEN was read from may have ended with a line.
    stripped = token.strip()
    if not (stripped and stripped.isascii() and stripped.isprintable()):
        raise UserError(
            "no request can bear such a token; give a --token, or $ZOO_TOKEN, of visible ASCII "
            "characters"
        )
    return stripped


def _spelled(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind)
    except UnicodeError as error:
        raise UserError(
            f"{host!r} is no address of this machine: a part of it is empty or too long; give one "
            "with --host"
        ) from error
    except OSError as error:
        raise UserError(f"{host!r} is no address of this machine: {error.strerror}") from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        # A port that is only bound can be bound once more, which this would fail for.
        found.listen(_BACKLOG)
        return found
    except OSError as error:
        found.close()
        raise _taken(host, port, "--rest-port") from error


def _taken(host: str, port: int, option: str) -> UserError:
    return UserError(f"port {port} of {host} cannot be had; choose another with {option}")
