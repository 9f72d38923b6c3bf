"""The load on zoo serve, for half a second, not minutes: every request ends as expected."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from zoo.serving.limits import Limits
from zoo.serving.server import Server

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def serve_load(monkeypatch):
    """The module benchmarks/serve_load.py."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import serve_load

    yield serve_load
    for name in ("serve_load", "serve_load_requests"):
        sys.modules.pop(name)


def test_half_a_second_of_it(serve_load, tmp_path):
    models = tmp_path / "models"
    serve_load.half_plus_two(models / "half_plus_two" / "1")
    looked = []
    limits = replace(Limits(), max_body=2_000_000)
    with Server(models, rest_port=0, grpc_port=0, limits=limits) as server:
        address = server.grpc_url.removeprefix("grpc://")
        publishing = serve_load.publish([models / "half_plus_two"], 10.0)
        load = serve_load.load(
            server.rest_url, address, [], 2.0, 3, 3, lambda: looked.append(True), publishing
        )
        statuses, times, wrong = asyncio.run(load)
    assert wrong == []
    assert looked == [True]
    assert any(name.startswith("gRPC") for name in statuses)
    assert any(not name.startswith("gRPC") for name in statuses)
    assert times
