"""The client: pictures or arrays in, answers as arrays out."""

import io
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from zoo.answers import Answer, as_text
from zoo.client.rest import RestTransport
from zoo.client.signature import OtherOutputsError, Signature, Transport, VersionState
from zoo.errors import UserError, nearest

DEFAULT_SIGNATURE, PIXELS = "serving_default", "pixels"
# Well below what servers take: a request is a third larger as base64.
_BATCH_BYTES = 16 * 10**6


class Client:
    """Asks a served model, over REST or gRPC.

    It imports NumPy, Pillow and httpx; with ``grpc://`` also grpcio and, because TensorFlow
    Serving's messages do, TensorFlow.

    Args:
        url: ``http://localhost:8501`` (REST) or ``grpc://localhost:8500``; ``https`` and
            ``grpcs`` where the server is behind TLS.
        name: Of the model.
        version: Which one; by default the newest.
        token: That the server asks for; space around it is none of it.
        timeout: Seconds for a request.
        batch: How many encoded pictures a request carries at most.

    Raises:
        UserError: If the URL is of another kind, or the token none that a request can bear.

    Example:
        >>> with zoo.Client("http://localhost:8501", "pets") as client:
        ...     answer = client.predict(["photo.jpg"])[0]
        >>> answer.values["label"], answer.values["score"]
        (b'cat', 0.97)
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        version: int | None = None,
        token: str | None = None,
        timeout: float = 30.0,
        batch: int = 32,
    ):
        if batch < 1:
            raise UserError(f"batch is {batch}; a request carries at least one picture")
        # As the server does: a file that it was read from may have ended with a line.
        token = None if token is None else token.strip()
        if token is not None and not (token and token.isascii() and token.isprintable()):
            raise UserError(
                "the token is empty or holds what is no printable ASCII, and no request can bear "
                "it; give the server's, or None where it asks for none"
            )
        self.name, self._batch = name, batch
        self._transport = _connect(url, name, version, token, timeout)

    def predict(self, pictures: Iterable[str | Path | bytes | np.ndarray]) -> list[Answer]:
        """Answers for pictures, as :meth:`zoo.model.Model.predict` does without a server.

        Files are sent as they are: a server decodes JPEG, PNG, GIF, BMP and WebP, and numbers of
        more than 8 bits count as 0 to 255.

        Args:
            pictures: Paths of encoded pictures or of NumPy's ``.npy``, encoded bytes, or arrays
                [h, w, c] or [h, w] of 0 to 255.

        Returns:
            One answer a picture, in order: its values are NumPy's, a mask is decoded.

        Raises:
            UserError: If a path names no file, or the model does not take what is given.
            ServerError: If the server refuses, or does not answer.
        """
        answers: dict[int, Answer] = {}

        def encoded() -> Iterator[tuple[int, str, bytes]]:
            for number, picture in enumerate(pictures):
                given = _read(picture)
                kind = "bytes" if isinstance(given, bytes) else "array"
                named = isinstance(picture, str | Path)
                name = str(picture) if named else f"{kind} {number}"
                if isinstance(given, bytes):
                    yield number, name, given
                else:
                    answers.update(self._ask_pixels(number, name, given))

        # Read as they are sent: all of them may be more than fit into memory.
        for batch in _batches(encoded(), self._batch):
            numbers, names, data = zip(*batch, strict=True)
            found = self._ask(DEFAULT_SIGNATURE, "image_bytes", list(data))
            answers |= zip(numbers, _answers(found, names), strict=True)
        return [answers[number] for number in sorted(answers)]

    def _ask_pixels(self, number: int, name: str, array: np.ndarray) -> dict[int, Answer]:
        pixels = array[..., None] if array.ndim == 2 else array
        shape = self._signature(PIXELS).inputs["image"].shape
        channels = shape[-1] if shape else None
        if pixels.ndim != 3 or channels not in (None, pixels.shape[-1]):
            raise UserError(
                f"{name} has the shape {array.shape}; {self.name!r} takes [h, w, {channels}]"
            )
        [answer] = _answers(self._ask(PIXELS, "image", pixels[None]), [name])
        return {number: answer}

    def _ask(self, signature: str, name: str, value: Any) -> dict[str, np.ndarray]:
        takes = self._signature(signature).inputs
        if name not in takes:
            raise UserError(
                f"{signature} of {self.name!r} takes {', '.join(takes)}, not {name}; use call()"
            )
        return self.call({name: value}, signature)

    def call(
        self, inputs: Mapping[str, Any], signature: str = DEFAULT_SIGNATURE
    ) -> dict[str, np.ndarray]:
        """Calls a signature of any model.

        Args:
            inputs: By name: arrays, or what NumPy makes one of; strings as ``bytes`` or ``str``.
            signature: Its name.

        Returns:
            By name: arrays; strings as arrays of ``bytes`` objects.

        Raises:
            UserError: If the model has no such signature or input.
            ServerError: If the server refuses, or does not answer.

        Example:
            >>> Client("http://localhost:8501", "half_plus_two").call({"x": [2.0]})
            {'y': array([3.], dtype=float32)}
        """
        try:
            return self._call(inputs, signature)
        except OtherOutputsError:
            # A newer version answers than the one that was asked for its signatures.
            vars(self).pop("signatures", None)
            return self._call(inputs, signature)

    def _call(self, inputs: Mapping[str, Any], signature: str) -> dict[str, np.ndarray]:
        found = self._signature(signature)
        arrays = {}
        for name, value in inputs.items():
            if name not in found.inputs:
                known = nearest(name, found.inputs)
                raise UserError(f"{signature} of {self.name!r} has no input {name!r}{known}")
            arrays[name] = _array(value, found.inputs[name].dtype)
        return self._transport.predict(signature, arrays, found.outputs)

    @cached_property
    def signatures(self) -> dict[str, Signature]:
        """What the model takes and gives, by signature; asked for again where an answer differs."""
        return self._transport.signatures()

    def _signature(self, name: str) -> Signature:
        if name not in self.signatures:
            known = nearest(name, self.signatures)
            raise UserError(f"{self.name!r} has no signature {name!r}{known}")
        return self.signatures[name]

    def versions(self) -> list[VersionState]:
        """Asks for the versions of the model, newest first.

        Raises:
            ServerError: If the server knows no such model, or does not answer.
        """
        return self._transport.versions()

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _connect(
    url: str, name: str, version: int | None, token: str | None, timeout: float
) -> Transport:
    scheme, separator, address = url.partition("://")
    address = address.rstrip("/")
    if separator and address and scheme in ("http", "https") and _is_url(url):
        return RestTransport(f"{scheme}://{address}", name, version, token, timeout)
    if separator and address and scheme in ("grpc", "grpcs"):
        # Only here: TensorFlow comes with it.
        from zoo.client.grpc import GrpcTransport

        return GrpcTransport(address, name, version, token, timeout, scheme == "grpcs")
    raise UserError(f"{url!r} is no address of a server; give http://HOST:8501 or grpc://HOST:8500")


def _is_url(url: str) -> bool:
    try:
        # Whoever looks the host up encodes it so, and only once there is something to ask.
        httpx.URL(url).raw_host.decode().encode("idna")
    except (httpx.InvalidURL, UnicodeError):
        return False
    return True


def _read(picture: str | Path | bytes | np.ndarray) -> bytes | np.ndarray:
    if isinstance(picture, bytes):
        return picture
    if not isinstance(picture, str | Path):
        return np.asarray(picture)
    try:
        if Path(picture).suffix == ".npy":
            with Path(picture).open("rb") as file:
                # Not np.load, which has other errors for empty files and takes archives.
                return np.lib.format.read_array(file, allow_pickle=False)
        return Path(picture).read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"picture {str(picture)!r} cannot be read: {reason}") from error
    except ValueError as error:
        raise UserError(f"picture {str(picture)!r} cannot be read: {error}") from error


def _batches(
    encoded: Iterable[tuple[int, str, bytes]], most: int
) -> Iterator[list[tuple[int, str, bytes]]]:
    batch: list[tuple[int, str, bytes]] = []
    size = 0
    for row in encoded:
        if batch and (len(batch) == most or size + len(row[2]) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += len(row[2])
    if batch:
        yield batch


def _array(value: Any, dtype: str) -> np.ndarray:
    if dtype != "object":
        return np.asarray(value, dtype or None)
    array = np.array(value, object)
    for place, one in np.ndenumerate(array):
        array[place] = one.encode() if isinstance(one, str) else bytes(one)
    return array


def _answers(outputs: Mapping[str, np.ndarray], names: Iterable[str]) -> list[Answer]:
    answers = []
    for row, name in enumerate(names):
        values = {key: array[row] for key, array in outputs.items()}
        error = as_text(values.pop("error", ""))
        if "mask_bytes" in values and not error:
            values["mask"] = np.array(Image.open(io.BytesIO(values["mask_bytes"])))
        answers.append(Answer(name, error, values))
    return answers
