"""Ctrl-C and SIGTERM: noticed at once; while a run trains obeyed after the step."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def terminable() -> AbstractContextManager[None]:
    """Makes SIGTERM end what is under way as Ctrl-C does, by ``KeyboardInterrupt``.

    Example:
        >>> with terminable():
        ...     signal.raise_signal(signal.SIGTERM)
        Traceback (most recent call last):
        KeyboardInterrupt
    """
    return _handled(_end, signal.SIGTERM)


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _handled(
    handler: Callable[[int, FrameType | None], None], *signals: signal.Signals
) -> Iterator[None]:
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


class Interrupt:
    """Notices a first signal, so that the run can be saved; a second one ends it at once.

    A context manager. Signals reach the main thread alone: in any other nothing is changed.

    Attributes:
        noticed: Whether the run is to end after this step.

    Example:
        >>> with Interrupt() as interrupt:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     interrupt.noticed
        True
    """

    def __init__(self):
        self.noticed = False
        self._handled = _handled(self._note, *_SIGNALS)

    def __enter__(self) -> "Interrupt":
        self._handled.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._handled.__exit__(*error)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.noticed:
            raise KeyboardInterrupt
        self.noticed = True
