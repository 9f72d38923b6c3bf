"""Requests by REST."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np

from zoo.amounts import in_bytes
from zoo.client.signature import (
    OtherOutputsError,
    Signature,
    Tensor,
    VersionState,
    read_signatures,
)
from zoo.errors import ServerError

_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class RestTransport:
    """Speaks REST with a server; see :class:`zoo.client.signature.Transport`."""

    def __init__(self, url: str, name: str, version: int | None, token: str | None, timeout: float):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url, self._name, self._timeout = url, name, timeout
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout)
        self._path = f"/v1/models/{quote(name, safe='')}"
        if version is not None:
            self._path += f"/versions/{version}"

    def predict(
        self, signature: str, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, Tensor]
    ) -> dict[str, np.ndarray]:
        """Sends arrays in columnar format, and returns arrays of the types that are declared."""
        columns = {name: _plain(array) for name, array in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": columns})
        answered = self._ask("POST", f"{self._path}:predict", body.encode())["outputs"]
        names = _names(answered)
        if names is None and len(outputs) == 1:
            # The value stands alone, and does not say what it is called.
            names, answered = set(outputs), {next(iter(outputs)): answered}
        if names != set(outputs):
            raise OtherOutputsError(
                f"{self._url} answers for {signature} of {self._name!r} with other outputs than "
                "it says that there are; perhaps a version has just changed: ask again",
                "ABORTED",
            )
        return {name: _array(value, outputs[name].dtype) for name, value in answered.items()}

    def signatures(self) -> dict[str, Signature]:
        """Asks for the signatures."""
        plain = self._ask("GET", f"{self._path}/metadata")
        return read_signatures(plain["metadata"]["signature_def"]["signature_def"])

    def versions(self) -> list[VersionState]:
        """Asks for the versions."""
        rows = self._ask("GET", self._path)["model_version_status"]
        return [
            VersionState(int(row["version"]), row["state"], row["status"].get("error_message", ""))
            for row in rows
        ]

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def _ask(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, content=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            message = f"no server answers at {self._url} ({error}); start one with `zoo serve`"
            raise ServerError(message, "UNAVAILABLE") from error
        except httpx.TimeoutException as error:
            message = f"{self._url} did not answer within {self._timeout:g} s"
            raise ServerError(message, "DEADLINE_EXCEEDED") from error
        except httpx.HTTPError as error:
            raise ServerError(self._ended(error, body), "UNAVAILABLE") from error
        try:
            # A string output that is no UTF-8 is sent as it is.
            plain = json.loads(response.content.decode("utf-8", "surrogateescape"))
        except ValueError:
            plain = None
        if not isinstance(plain, dict):
            raise ServerError(
                f"{self._url} answers HTTP {response.status_code} and no JSON; is this the REST "
                "port of a model server?",
                "UNKNOWN",
            )
        if response.status_code != 200:
            said = plain.get("error", f"HTTP {response.status_code}")
            raise ServerError(
                f"{self._url} refused the request to {self._name!r}: {said}",
                _CODES.get(response.status_code, "INTERNAL"),
            )
        return plain

    def _ended(self, error: httpx.HTTPError, body: bytes | None) -> str:
        # Who refuses what is too long may close before all is sent: then his answer is lost.
        hint = ""
        if body:
            size = in_bytes(len(body))
            hint = f"; perhaps a request of {size} is more than it takes: send less at a time"
        return f"the connection to {self._url} ended while it was asked ({error}){hint}"


def _names(answered: Any) -> set[str] | None:
    """Returns the names in an answer; ``None`` where the value of a single output stands alone."""
    # Bytes, too, are written as an object.
    named = isinstance(answered, dict) and set(answered) != {"b64"}
    return set(answered) if named else None


def _plain(array: np.ndarray) -> Any:
    if array.dtype != object:
        return array.tolist()
    wrapped = np.empty(array.shape, object)
    for place, value in np.ndenumerate(array):
        wrapped[place] = {"b64": base64.b64encode(value).decode()}
    return wrapped.tolist()


def _array(value: Any, dtype: str) -> np.ndarray:
    if dtype != "object":
        return np.array(value, dtype or None)
    found, shape = _strings(value)
    array = np.empty(len(found), object)
    array[:] = found
    return array.reshape(shape)


def _strings(value: Any) -> tuple[list[bytes], tuple[int, ...]]:
    if isinstance(value, list):
        rows = [_strings(row) for row in value]
        inner = rows[0][1] if rows else ()
        return [data for found, _ in rows for data in found], (len(rows), *inner)
    if isinstance(value, dict):
        return [base64.b64decode(value["b64"])], ()
    return [value.encode("utf-8", "surrogateescape")], ()
