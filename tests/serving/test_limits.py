"""What strangers can take of the server: nothing without a bound."""

import gzip
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace

import grpc
import httpx
import pytest
from fixture_models import half_plus, slow
from test_grpc import refusal, request_of, stall

from zoo.serving.limits import Limits
from zoo.serving.server import Server

LIMITS = Limits(
    threads=1,
    queue=1,
    timeout=2.0,
    max_body=10_000,
    max_memory=25_000,
    max_connections=40,
    idle=2.0,
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp("small")
    half_plus(root / "hp2" / "1")
    slow(root / "slow" / "1")
    with Server(root, rest_port=0, grpc_port=0, limits=LIMITS) as server:
        # The first call of a model takes longer than others.
        wait_until_free(server)
        yield server


def ask(server, model="hp2", x=2):
    body = f'{{"instances": [{x}]}}'
    return httpx.post(f"{server.rest_url}/v1/models/{model}:predict", content=body, timeout=30)


def head(*lines, length):
    first = "POST /v1/models/hp2:predict HTTP/1.1\r\nHost: localhost\r\n"
    return (first + "".join(lines) + f"Content-Length: {length}\r\n\r\n").encode()


def connect(server):
    return socket.create_connection(("127.0.0.1", server.rest_port), timeout=20)


def received(opened):
    """Everything until the server closes."""
    data = b""
    while chunk := opened.recv(65536):
        data += chunk
    return data


def test_a_request_that_takes_too_long(small):
    """It is told so; the work ends some time later."""
    response = ask(small, "slow", 60_000)
    assert response.status_code == 504
    assert response.json() == {"error": "The request was not answered within 2 s"}
    wait_until_free(small)


def test_a_request_that_waits_too_long(small):
    release = threading.Event()
    busy = small._pool.submit(release.wait, 120)
    try:
        wait_until(busy.running, 60)
        response = ask(small)
        with grpc.insecure_channel(small.grpc_url.removeprefix("grpc://")) as channel:
            code, message = refusal(channel, request_of("hp2", x=[1.0]))
    finally:
        release.set()
    assert response.status_code == 504
    assert response.json() == {"error": "The request was not answered within 2 s"}
    assert (code, message) == ("DEADLINE_EXCEEDED", "The request was not answered within 2 s")
    wait_until_free(small)


def test_a_body_that_comes_slowly_leaves_less_time_for_the_answer(models):
    """Three of its six seconds; the rest, and not six more, are for the work."""
    limits = replace(LIMITS, timeout=6.0)
    with Server(models / "hp2", rest_port=0, grpc_port=0, limits=limits) as small:
        ask_slowly(small)


def ask_slowly(small):
    release = threading.Event()
    busy = small._pool.submit(release.wait, 120)
    body = b'{"instances": [2]}'
    try:
        wait_until(busy.running, 60)
        with connect(small) as opened:
            started = time.monotonic()
            opened.sendall(head("Connection: close\r\n", length=len(body)) + body[:1])
            time.sleep(3)
            opened.sendall(body[1:])
            answer = received(opened)
            took = time.monotonic() - started
    finally:
        release.set()
    assert answer.startswith(b"HTTP/1.1 504 ")
    assert took < 8.9


def wait_until_free(server):
    wait_until(lambda: ask(server).status_code == 200, 120)


def test_more_requests_than_may_wait(tmp_path):
    """While the one thread is busy one request waits, and the others are told to come later."""
    half_plus(tmp_path / "hp2" / "1")
    # Long enough that nothing here ends for want of time, however busy the machine is.
    patient = replace(LIMITS, timeout=60.0)
    with ExitStack() as stack:
        server = stack.enter_context(Server(tmp_path, rest_port=0, grpc_port=0, limits=patient))
        asking = stack.enter_context(ThreadPoolExecutor(5))
        release = threading.Event()
        stack.callback(release.set)
        busy = server._pool.submit(release.wait, 60)
        wait_until(busy.running, 20)
        asked = [asking.submit(ask, server) for _ in range(5)]
        wait_until(lambda: sum(future.done() for future in asked) == 4, 40)
        address = server.grpc_url.removeprefix("grpc://")
        channel = stack.enter_context(grpc.insecure_channel(address))
        code, message = refusal(channel, request_of("hp2", x=[1.0]))
        release.set()
        answers = [future.result() for future in asked]
        after = ask(server)
    assert code == "UNAVAILABLE"
    assert "try again later" in message
    assert sorted(answer.status_code for answer in answers) == [200, 429, 429, 429, 429]
    [refused, *_] = [answer for answer in answers if answer.status_code == 429]
    assert "as many requests as it takes" in refused.json()["error"]
    assert after.json() == {"predictions": [3.0]}


def test_a_stated_length_is_refused_at_once(small):
    """Not a byte of the 2 GB is waited for, nor the client asked to go on."""
    for lines in ((), ("Expect: 100-continue\r\n",)):
        with connect(small) as opened:
            opened.sendall(head(*lines, length=2_000_000_000))
            answer = received(opened)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"longer than 0.01 MB" in answer


def test_a_body_without_a_length_is_refused_when_it_is_too_long(small):
    def chunks():
        for _ in range(1000):
            yield b" " * 1000

    try:
        url = f"{small.rest_url}/v1/models/hp2:predict"
        response = httpx.post(url, content=chunks(), timeout=60)
        assert response.status_code == 413
    except (httpx.NetworkError, httpx.RemoteProtocolError):
        # The server closed while this side was still sending.
        pass
    wait_until_free(small)


def test_a_short_body_of_very_many_values(small):
    """Of 500 bytes of gzip 9,000 of JSON, of these 3,000 lists: ten times that of memory."""
    url = f"{small.rest_url}/v1/models/hp2:predict"
    body = b'{"instances": [' + b"[]," * 2_900 + b"[]]}"
    for sent, headers in ((body, {}), (gzip.compress(body), {"content-encoding": "gzip"})):
        response = httpx.post(url, content=sent, headers=headers, timeout=30)
        assert response.status_code == 400
        assert response.json()["error"] == (
            "The request takes more than 0.025 MB of memory (--max-memory)"
        )
    assert small._grpc._memory._held == 0
    wait_until_free(small)


def test_a_slow_client(small):
    """A byte now and then: it has as long as any request, and no longer."""
    with connect(small) as opened:
        started = time.monotonic()
        opened.sendall(head(length=9_000))
        answer = b""
        opened.settimeout(0.1)
        while not answer:
            assert time.monotonic() - started < 60
            opened.sendall(b" ")
            try:
                answer = opened.recv(65536)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - started > 1.5


@pytest.mark.parametrize("first", [b"", b"POST /v1/models/hp2:predict HTTP/1.1\r\nX: "])
def test_a_connection_without_a_request_is_closed(small, first):
    started = time.monotonic()
    with connect(small) as opened:
        opened.sendall(first)
        opened.settimeout(0.2)
        while not closed_by_now(opened, first[-1:]):
            assert time.monotonic() - started < 60
    assert time.monotonic() - started > 1.5


def closed_by_now(opened, more):
    """Sends one byte more, if there is one, and looks whether the server is gone."""
    try:
        opened.sendall(more)
        return opened.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_an_answer_that_nobody_reads(small):
    """16 MB of answers are more than the sockets hold; the connection ends all the same."""
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    page = len(httpx.get(small.rest_url, timeout=60).content)
    with connect(small) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        opened.settimeout(0.5)
        with suppress(TimeoutError, ConnectionError):
            opened.sendall(request * (16 * 10**6 // page))
        wait_until(lambda: small_connections(small) == 0, 120)
    wait_until_free(small)


def small_connections(server):
    return len(server._rest.server_state.connections)


def wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_idle_connections_are_bounded(small):
    """500 of them leave room for a request: beyond 40, each new one closes the idlest."""
    with ExitStack() as stack:
        for _ in range(500):
            stack.enter_context(connect(small))
        wait_until_free(small)
        assert small_connections(small) <= LIMITS.max_connections
        wait_until(lambda: small_connections(small) == 0, 120)


def test_idle_grpc_connections_leave_room(small):
    with ExitStack() as stack:
        for _ in range(100):
            opened = socket.create_connection(("127.0.0.1", small.grpc_port), timeout=20)
            stack.enter_context(opened)
        address = small.grpc_url.removeprefix("grpc://")
        channel = stack.enter_context(grpc.insecure_channel(address))
        assert refusal(channel, request_of("nobody"))[0] == "NOT_FOUND"


def test_calls_whose_message_does_not_come_keep_nobody_waiting(small):
    """They cost no thread; more than there may be connections, the longest waiting goes."""
    address, until = small.grpc_url.removeprefix("grpc://"), threading.Event()
    own = [("grpc.use_local_subchannel_pool", 1)]
    with ExitStack() as stack:
        stack.callback(until.set)
        channels = [stack.enter_context(grpc.insecure_channel(address, own)) for _ in range(5)]
        stalled = [stall(channel, until) for channel in channels for _ in range(12)]
        wait_until(lambda: sum(call.done() for call in stalled) >= 20, 20)
        # Sooner it might be one of those that go.
        last = stall(channels[0], until)
        started = time.monotonic()
        channel = stack.enter_context(grpc.insecure_channel(address, own))
        assert refusal(channel, request_of("nobody"))[0] == "NOT_FOUND"
        assert time.monotonic() - started < LIMITS.timeout
        error = last.exception(60)
        assert error.code().name == "DEADLINE_EXCEEDED"
        assert error.details() == "The request's message did not come within 2 s"


@pytest.mark.parametrize("sent", [b"\x16\x03\x01 hello\r\n\r\n", b"GET\r\n\r\n", b"\x00" * 70_000])
def test_what_is_no_http(small, sent):
    with connect(small) as opened:
        opened.sendall(sent)
        try:
            answer = received(opened)
        except ConnectionError:
            answer = b""
    assert not answer or answer.startswith(b"HTTP/1.1 4")
    wait_until_free(small)


def test_a_body_too_long_for_grpc(small):
    with grpc.insecure_channel(small.grpc_url.removeprefix("grpc://")) as channel:
        assert refusal(channel, request_of("hp2", x=[0.0] * 5_000))[0] == "RESOURCE_EXHAUSTED"
