"""Requests' bodies: read within bounds, and inflated within them."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import ClientDisconnect, Request

from zoo.serving.limits import MEGABYTE, Limits
from zoo.serving.memory import Memory
from zoo.serving.status import Code, ServingError, invalid

_GZIP = 16 + zlib.MAX_WBITS
_PIECE = 16 * 1024
# As many as compressors that divide make of the longest body, ten times over.
_MEMBERS = 10_000


class Bodies:
    """Reads the bodies of requests; what they hold together is bounded."""

    def __init__(self, limits: Limits, memory: Memory):
        self._limits, self._memory = limits, memory

    @asynccontextmanager
    async def read(self, request: Request, deadline: float) -> AsyncIterator[bytes]:
        """Reads a body and holds it.

        Args:
            request: Whose it is.
            deadline: By the event loop's clock, when it has to be there.

        Raises:
            ServingError: With 413 if it is longer than allowed (at once, if its length is
                stated), with 408 if it does not come in time.
            BusyError: If too much is held already.
        """
        stated = request.headers.get("content-length", "")
        if stated.isdecimal() and int(stated) > self._limits.max_body:
            raise self._too_long()
        body = bytearray()
        with self._memory.hold() as held:
            try:
                async with asyncio.timeout_at(deadline):
                    async for chunk in request.stream():
                        body += chunk
                        if len(body) > self._limits.max_body:
                            raise self._too_long()
                        held.add(len(chunk))
            except TimeoutError:
                raise ServingError(
                    Code.DEADLINE_EXCEEDED,
                    f"The request's body did not come within {self._limits.timeout:g} s",
                    http=408,
                ) from None
            except ClientDisconnect:
                raise ServingError(Code.CANCELLED, "The client has gone") from None
            yield bytes(body)

    def _too_long(self) -> ServingError:
        return ServingError(
            Code.RESOURCE_EXHAUSTED,
            f"The request's body is longer than {self._limits.max_body / MEGABYTE:g} MB",
            http=413,
        )


def inflate(body: bytes, most: int, told: Callable[[int], Any] = lambda size: None) -> bytes:
    """Returns what a gzip body holds.

    Args:
        body: One gzip member, or several.
        most: Bytes that it may hold.
        told: Of how many bytes more there are, as they come; may raise.

    Raises:
        ServingError: INVALID_ARGUMENT, if it is no gzip, holds more, or is of so many members
            that it was made to take long.
    """
    found, rest, members = bytearray(), memoryview(body), 0
    member = None
    while rest:
        if member is None:
            member, members = zlib.decompressobj(_GZIP), members + 1
            if members > _MEMBERS:
                raise invalid(f"The gzip request body is of more than {_MEMBERS:,} members")
        # Piece by piece: of what follows a member's end each call makes a copy.
        piece = rest[:_PIECE]
        try:
            part = member.decompress(piece, most + 1 - len(found))
        except zlib.error:
            raise invalid("Failed to uncompress the gzip request body") from None
        found += part
        told(len(part))
        if len(found) > most:
            raise invalid(f"The gzip request body holds more than {most / MEGABYTE:g} MB")
        rest = rest[len(piece) - len(member.unused_data) :]
        if member.eof:
            member = None
    if member is not None:
        raise invalid("Failed to uncompress the gzip request body")
    return bytes(found)
