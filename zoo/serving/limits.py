"""What bounds the work and the memory that strangers' requests can take."""

import functools
import os
import resource
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from zoo.serving.status import BusyError, ServingError
from zoo.values import MAX_PIXELS

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")

MEGABYTE = 10**6
# NumPy has 64, but of strings that have more than 32 TensorFlow overruns its memory there and back.
MOST_DIMENSIONS = 32


def processors() -> int:
    """Returns how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def _connections() -> int:
    # Half of the files that a process may open: the models want some too.
    return min(1000, max(16, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2))


@dataclass(frozen=True)
class Limits:
    """The bounds of a server.

    Attributes:
        threads: How many requests are answered at a time.
        queue: How many more may wait for that.
        timeout: Seconds for a request, from its head to its answer, its body's coming included.
        max_body: Bytes of a request's body, as sent and after gzip.
        max_batch: Pictures or strings of a request.
        max_pixels: Of each encoded picture, as its header says.
        max_memory: Bytes that the pictures of a request may take decoded, and their masks while
            they are made; and bytes that all requests may hold together in their bodies and
            what is read from these.
        max_connections: Open at a time to the REST port; a new one closes the idlest. Likewise
            calls of gRPC whose message has not come.
        idle: Seconds until a connection is closed on which nothing goes on.
    """

    threads: int = field(default_factory=processors)
    queue: int = 128
    timeout: float = 30.0
    max_body: int = 100 * MEGABYTE
    max_batch: int = 1024
    max_pixels: int = MAX_PIXELS
    max_memory: int = 3000 * MEGABYTE
    max_connections: int = field(default_factory=_connections)
    idle: float = 30.0


class Pool:
    """Threads that answer requests, and a bounded queue before them.

    What is cancelled while it waits is gone at once, with its arguments: an executor's own queue
    would keep both until a thread comes to them.
    """

    def __init__(self, limits: Limits):
        self._executor = ThreadPoolExecutor(limits.threads, "answer")
        self._places = threading.Semaphore(limits.threads + limits.queue)
        self._lock = threading.Lock()
        self._waiting: dict[Future[Any], Callable[[], Any]] = {}
        self._under_way: set[Future[Any]] = set()
        self._idle = limits.threads

    def submit(
        self, function: Callable[_Given, _Result], *args: _Given.args, **kwargs: _Given.kwargs
    ) -> "Future[_Result]":
        """Has a function called by one of the threads.

        Raises:
            BusyError: If too many wait already.
        """
        if not self._places.acquire(blocking=False):
            raise BusyError("The server has as many requests as it takes; try again later")
        future: Future[_Result] = Future()
        with self._lock:
            self._waiting[future] = functools.partial(function, *args, **kwargs)
        future.add_done_callback(self._leave)
        with self._lock:
            if self._idle:
                self._executor.submit(self._work)
                self._idle -= 1
        return future

    def _work(self) -> None:
        while found := self._next():
            _call(*found)
            # Else the last request would be held while none comes after it.
            del found

    def _next(self) -> "tuple[Future[Any], Callable[[], Any]] | None":
        with self._lock:
            for future in self._waiting:
                self._under_way.add(future)
                return future, self._waiting.pop(future)
            self._idle += 1
            return None

    def _leave(self, future: "Future[Any]") -> None:
        with self._lock:
            self._waiting.pop(future, None)
            self._under_way.discard(future)
        self._places.release()

    def stop(self, seconds: float) -> bool:
        """Lets the threads finish what they do; what waits is not begun.

        Args:
            seconds: How long that is waited for.

        Returns:
            Whether they have finished. A thread cannot be ended from outside.
        """
        with self._lock:
            waiting, under_way = list(self._waiting), set(self._under_way)
        for future in waiting:
            future.cancel()
        has_ended = not wait(under_way, seconds).not_done
        self._executor.shutdown(wait=has_ended)
        return has_ended


def _call(future: "Future[Any]", function: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except ServingError as error:
        # What it says, not where: the frames of its traceback hold the request and the model, and
        # a future of asyncio's holds itself until the collector comes by.
        future.set_exception(error.bare())
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
