"""The queue before the threads, and the memory that requests hold together."""

import gzip
import select
import threading
import time
import weakref
from contextlib import ExitStack
from dataclasses import replace

import grpc
import pytest
from fixture_models import NUMBERS, half_plus, types
from test_grpc import predict, proto, refusal, request_of
from test_limits import LIMITS, ask, connect, head, wait_until

from zoo.serving import answering
from zoo.serving.bodies import inflate
from zoo.serving.limits import Pool
from zoo.serving.server import Server
from zoo.serving.status import BusyError


class Body:
    """Something that a weak reference can watch."""


def test_what_is_no_longer_waited_for_lets_go_of_its_body_at_once():
    """While the one thread is stuck, nothing gathers before it but what has a place."""
    pool, release = Pool(LIMITS), threading.Event()
    try:
        busy = pool.submit(release.wait, 60)
        wait_until(busy.running, 20)
        for _ in range(3):
            body = Body()
            seen = weakref.ref(body)
            waiting = pool.submit(id, body)
            del body
            with pytest.raises(BusyError):
                pool.submit(id, None)
            assert waiting.cancel()
            assert seen() is None
        last = pool.submit(id, None)
        release.set()
        assert last.result(20) == id(None)
    finally:
        release.set()
        pool.stop(20)


def test_a_pool_that_stops_begins_nothing_more():
    pool, release = Pool(LIMITS), threading.Event()
    busy = pool.submit(release.wait, 60)
    wait_until(busy.running, 20)
    waiting = pool.submit(id, None)
    stopping = threading.Thread(target=pool.stop, args=[20])
    stopping.start()
    wait_until(waiting.cancelled, 20)
    release.set()
    stopping.join(20)
    assert busy.result() is True


def test_a_pool_that_stops_does_not_wait_for_ever():
    pool, release = Pool(LIMITS), threading.Event()
    busy = pool.submit(release.wait, 60)
    wait_until(busy.running, 20)
    started = time.monotonic()
    assert not pool.stop(0.2)
    assert 0.1 < time.monotonic() - started < 10
    release.set()
    assert busy.result(20) is True
    assert pool.stop(20)


def test_what_a_body_inflates_to_is_held():
    told = []
    assert inflate(gzip.compress(bytes(100_000)), 10**6, told.append) == bytes(100_000)
    assert sum(told) == 100_000


def test_grpc_messages_are_held_as_bodies_are(tmp_path):
    half_plus(tmp_path / "hp2" / "1")
    limits = replace(LIMITS, timeout=60.0, threads=3)
    with ExitStack() as stack:
        server = stack.enter_context(Server(tmp_path, rest_port=0, grpc_port=0, limits=limits))
        opened = stack.enter_context(connect(server))
        opened.sendall(head(length=9_500) + b" " * 9_000)
        memory = server._grpc._memory
        wait_until(lambda: memory._held == 9_000, 20)
        address = server.grpc_url.removeprefix("grpc://")
        channel = stack.enter_context(grpc.insecure_channel(address))
        code, message = refusal(channel, request_of("hp2", x=[0.0] * 1_400))
        assert (code, "holds as much as it takes" in message) == ("UNAVAILABLE", True)
        code, message = refusal(channel, request_of("hp2", x=[0.0] * 2_200))
        assert (code, "takes more than 0.025 MB of memory" in message) == ("INVALID_ARGUMENT", True)
        opened.close()
        wait_until(lambda: memory._held == 0, 20)
        assert refusal(channel, request_of("nobody", x=[0.0] * 1_400))[0] == "NOT_FOUND"


def test_what_shapes_take_is_held_before_a_tensor_is_made(tmp_path, monkeypatch):
    """Ten inputs, each within a body's 10,000 bytes, and together more than the 25,000."""
    types(tmp_path / "types" / "1")

    def request_for(count):
        request = request_of("types")
        for name in NUMBERS:
            request.inputs[name].CopyFrom(proto(name, [count]))
        return request

    with ExitStack() as stack:
        # A first answer may take longer than others.
        limits = replace(LIMITS, timeout=60.0)
        server = stack.enter_context(Server(tmp_path, rest_port=0, grpc_port=0, limits=limits))
        address = server.grpc_url.removeprefix("grpc://")
        channel = stack.enter_context(grpc.insecure_channel(address))
        made = []
        monkeypatch.setattr(answering, "read_proto", made.append)
        # 4 + 8 + 1 + 1 + 2 + 4 + 4 + 8 + 8 + 1 bytes a row.
        code, message = refusal(channel, request_for(700))
        assert (code, "takes more than 0.025 MB of memory" in message) == ("INVALID_ARGUMENT", True)
        assert not made
        monkeypatch.undo()
        wait_until(lambda: server._grpc._memory._held == 0, 20)
        assert len(predict(channel, request_for(300)).outputs) == len(NUMBERS)


def test_bodies_have_a_bound_together(tmp_path):
    """Three of 9,000 bytes, of 25,000 that are held: the third is told to come later."""
    half_plus(tmp_path / "hp2" / "1")
    patient = replace(LIMITS, timeout=60.0)
    with ExitStack() as stack:
        server = stack.enter_context(Server(tmp_path, rest_port=0, grpc_port=0, limits=patient))
        opened = [stack.enter_context(connect(server)) for _ in range(3)]
        for one in opened:
            one.sendall(head(length=9_500) + b" " * 9_000)
        # The third to be read, whichever that is; the others are waited for.
        [refused, *_], _, _ = select.select(opened, [], [], 60)
        assert refused.recv(65536).startswith(b"HTTP/1.1 429 ")
        assert ask(server).status_code == 200
