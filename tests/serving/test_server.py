"""How a server begins: its ports, its address and its token."""

import pytest

from zoo.errors import UserError
from zoo.serving.server import Server


def refusal(*args, **options):
    with pytest.raises(UserError) as caught:
        Server(*args, **options).__enter__()
    return str(caught.value)


def test_one_port_for_both(models):
    assert refusal(models, rest_port=8500) == (
        "REST and gRPC cannot both have port 8500; choose another with --rest-port or --grpc-port"
    )


def test_two_servers_that_start_together(models):
    """The second asks for the first one's ports while that loads its models."""
    said = []

    def start_second(line):
        for ports in ((first.rest_port, 0), (0, first.rest_port), (0, first.grpc_port)):
            said.append(refusal(models / "hp2", rest_port=ports[0], grpc_port=ports[1]))

    first = Server(models / "hp2", rest_port=0, grpc_port=0, tell=start_second)
    with first:
        pass
    assert said[:3] == [
        f"port {first.rest_port} of 127.0.0.1 cannot be had; choose another with --rest-port",
        f"port {first.rest_port} of 127.0.0.1 cannot be had; choose another with --grpc-port",
        f"port {first.grpc_port} of 127.0.0.1 cannot be had; choose another with --grpc-port",
    ]
