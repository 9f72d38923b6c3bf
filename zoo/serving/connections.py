"""uvicorn's connections, with an end to those on which nothing goes on."""

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from zoo.serving.limits import Limits

_LOOK_SECONDS = 0.5


class BoundedProtocol(H11Protocol):
    """A connection that is closed when its client stalls.

    uvicorn itself ends a connection that is idle between two requests. A client may as well
    never send a request's head, or never read its answer.
    """

    limits: ClassVar[Limits]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to watch; where there are too many, the one longest idle goes."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._unsent = 0
        self._timer = self.loop.call_later(_LOOK_SECONDS, self._look)
        others: set[Any] = self.connections
        while len(others) > self.limits.max_connections:
            idle = [other for other in others if not other.is_busy]
            longest = min(idle, key=lambda other: other._since)
            # It is lost only when the loop comes to it; by then there may be hundreds more.
            others.discard(longest)
            longest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the watch."""
        self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begins to count idle seconds anew, however short the request was."""
        super().on_response_complete()
        self._since = self.loop.time()

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered, which has a time limit of its own."""
        return self.cycle is not None and not self.cycle.response_complete

    def _look(self) -> None:
        now, unsent = self.loop.time(), self.transport.get_write_buffer_size()
        if (self.is_busy and not unsent) or unsent != self._unsent:
            self._since = now
        self._unsent = unsent
        if now - self._since > self.limits.idle:
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(_LOOK_SECONDS, self._look)


def bounded(limits: Limits) -> type[BoundedProtocol]:
    """Returns the protocol with its limits, as uvicorn wants it: a class."""
    return type("Connection", (BoundedProtocol,), {"limits": limits})
