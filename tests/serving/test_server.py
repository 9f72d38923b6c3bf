"""How a server begins: its ports, its address and its token."""

import pytest

import zoo
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


@pytest.mark.parametrize("host", ["192.168.1..5", ".local", f"{'a' * 64}.example.com"])
def test_an_address_that_is_none(models, host):
    assert refusal(models, host=host, rest_port=0, grpc_port=0, token="secret") == (
        f"{host!r} is no address of this machine: a part of it is empty or too long; give one "
        "with --host"
    )


@pytest.mark.parametrize("token", [" ", "\n", "gehé!m", "a\x00b", "a\nb", "\udce9"])
def test_a_token_that_no_request_can_bear(models, token):
    assert "no request can bear such a token" in refusal(models, token=token)


def test_a_token_with_space_around_it(models):
    with Server(models / "hp2", rest_port=0, grpc_port=0, token=" a b\n") as server:
        for transport in (server.rest_url, server.grpc_url):
            with zoo.Client(transport, "hp2", token="a b") as client:
                assert client.versions()


def test_an_empty_token_is_none(models):
    assert "could use this server" in refusal(models, host="0.0.0.0", token="")
