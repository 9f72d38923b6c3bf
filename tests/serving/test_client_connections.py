"""Connections of a client that end before there is an answer, and what none can carry."""

import socket
import struct
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

import zoo
from zoo.client.rest import RestTransport
from zoo.errors import ServerError, UserError


def test_a_request_that_the_server_does_not_read_to_its_end():
    """Its refusal is lost where it closes with more on the way."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse():
            opened, _ = listening.accept()
            opened.recv(1)
            # Closed at once, and the rest thrown away: what is under way is answered by a reset.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            opened.close()

        with ThreadPoolExecutor(1) as pool:
            pool.submit(refuse)
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            transport = RestTransport(url, "m", None, None, 60)
            with pytest.raises(ServerError, match=r"the connection to .* ended while") as caught:
                transport.predict("serving_default", {"x": np.zeros(2_000_000)}, {})
            transport.close()
    assert caught.value.code == "UNAVAILABLE"
    assert "perhaps a request of 9.5 MiB is more than it takes" in str(caught.value)
    assert "zoo serve" not in str(caught.value)


def test_a_connection_that_ends_without_an_answer(monkeypatch):
    class Transport(httpx.BaseTransport):
        def handle_request(self, request):
            raise httpx.ReadError("reset", request=request)

    real = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **kw: real(**kw, transport=Transport()))
    with (
        zoo.Client("http://here", "m") as client,
        pytest.raises(ServerError, match=r"the connection to http://here ended .* \(reset\)$"),
    ):
        client.versions()


@pytest.mark.parametrize("scheme", ["http", "grpc"])
@pytest.mark.parametrize("token", ["", " \n", "schlüssel", "two\nlines"])
def test_a_token_that_no_request_can_bear(scheme, token):
    with pytest.raises(UserError, match="the token is empty or holds what is no printable ASCII"):
        zoo.Client(f"{scheme}://localhost:8501", "m", token=token)
