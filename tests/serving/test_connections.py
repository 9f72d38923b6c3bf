"""Connections that are in use are not idle, however short their requests are."""

import time
from contextlib import ExitStack

import pytest
from fixture_models import half_plus
from test_limits import LIMITS, connect, small_connections, wait_until

from zoo.serving.server import Server

REQUEST = b"GET /v1/models/hp2 HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    half_plus(root / "hp2" / "1")
    with Server(root, rest_port=0, grpc_port=0, limits=LIMITS) as server:
        yield server


def ask(opened):
    """Asks once more; an answer ends with the end of its JSON."""
    opened.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"]}"):
        chunk = opened.recv(65536)
        assert chunk, "the server has closed"
        answer += chunk
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_connection_in_use_stays_open(served):
    """Asked ten times in each of its idle seconds, and closed when it is asked no more."""
    with connect(served) as opened:
        ended = time.monotonic() + 3 * LIMITS.idle
        while time.monotonic() < ended:
            ask(opened)
            time.sleep(0.1)
        assert opened.recv(1) == b""


def test_a_connection_in_use_does_not_make_room(served):
    """It is the oldest of those that are too many; all the others have never asked."""
    with ExitStack() as stack:
        used = stack.enter_context(connect(served))
        ask(used)
        for _ in range(LIMITS.max_connections - 1):
            stack.enter_context(connect(served))
        wait_until(lambda: small_connections(served) == LIMITS.max_connections, 20)
        ask(used)
        more = [stack.enter_context(connect(served)) for _ in range(LIMITS.max_connections // 2)]
        # The last is answered when the server has come to all of them.
        ask(more[-1])
        ask(used)
