"""What requests under way hold of memory together, and the bound on it."""

import threading

from zoo.serving.limits import MEGABYTE
from zoo.serving.status import BusyError, invalid


class Memory:
    """The bytes that requests hold; whoever takes more than there are is told to come later.

    Args:
        most: Of all requests together.
    """

    def __init__(self, most: int):
        self.most = most
        self._held = 0
        self._lock = threading.Lock()

    def hold(self, beside: int = 0) -> "Hold":
        """Returns what one request holds: nothing yet; all of it goes at the end of its block.

        Args:
            beside: Bytes that are held for the same request already.
        """
        return Hold(self, beside)

    def change(self, size: int) -> None:
        """Takes bytes, or gives them back.

        Raises:
            BusyError: If there are not so many left.
        """
        with self._lock:
            if size > 0 and self._held + size > self.most:
                raise BusyError("The server holds as much as it takes; try again later")
            self._held += size


class Hold:
    """What one request holds; a context manager."""

    def __init__(self, memory: Memory, beside: int):
        self._memory, self._beside, self._size = memory, beside, 0

    def add(self, size: int) -> None:
        """Holds so many bytes more.

        Raises:
            BusyError: If others hold too many.
            ServingError: INVALID_ARGUMENT, if this one alone does.
        """
        if self._beside + self._size + size > self._memory.most:
            most = self._memory.most / MEGABYTE
            raise invalid(f"The request takes more than {most:,g} MB of memory (--max-memory)")
        self._memory.change(size)
        self._size += size

    def __enter__(self) -> "Hold":
        return self

    def __exit__(self, *error: object) -> None:
        self._memory.change(-self._size)
        self._size = 0
