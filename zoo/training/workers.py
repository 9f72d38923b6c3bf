"""Several workers on this machine, to try what a cluster will do: started, and ended together.

Nothing here needs TensorFlow: the process that starts the others computes nothing.
"""

import ctypes
import errno
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from zoo.errors import UserError, WorkerLostError
from zoo.training.tf_config import CONFIG, config

INTERRUPTED = 130
"""The exit code of a process that Ctrl-C or SIGTERM ended."""

_COMMAND = "import sys; sys.argv[0] = 'zoo'; from zoo.cli import main; main(prog_name='zoo')"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Below those that systems hand out for connections, which workers make while others start.
_PORTS = range(20_000, 32_000)
_TRIES = 200
_POLL_SECONDS = 0.1
# For others to come to the same end, as all do that have the same mistake before them.
_GRACE_SECONDS = 5.0
# To finish a step and save.
_SAVING_SECONDS = 120.0
_DEATH_OF_PARENT = 1  # PR_SET_PDEATHSIG
_GPUS = Path("/proc/driver/nvidia/gpus")


def why(code: int, said: str) -> str:
    """Returns why a process ended, in a sentence.

    Args:
        code: Its exit code; negative for a signal.
        said: What it said on standard error.

    Example:
        >>> why(2, "Error: the loss is no longer a number")
        'the loss is no longer a number'
    """
    if code < 0:
        lack = ", as happens for lack of memory" if -code == signal.SIGKILL else ""
        return f"ended by {signal.Signals(-code).name}{lack}"
    lines = [line for line in said.splitlines() if line.strip()]
    last = lines[-1].strip() if lines else f"exit code {code}"
    return last.removeprefix("Error: ") if code == 2 else f"crashed: {last}"


def free_ports(count: int) -> list[int]:
    """Returns ports of this machine that nobody listens on, each another one.

    Raises:
        UserError: If there are not so many.
    """
    sockets: list[socket.socket] = []
    try:
        for port in random.sample(_PORTS, _TRIES):
            if len(sockets) == count:
                break
            one = socket.socket()
            try:
                one.bind(("", port))
            except OSError as error:
                one.close()
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                continue
            # Held until all are found.
            sockets.append(one)
        if len(sockets) < count:
            raise UserError(
                f"{count} workers need {count} free ports from {_PORTS[0]} to {_PORTS[-1]}, and "
                f"{len(sockets)} were found; use fewer workers"
            )
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def run(count: int, arguments: Sequence[str]) -> None:
    """Runs a command of the zoo in several workers, to the end of them all.

    The first one's output is shown as if it was the command itself. Ctrl-C and SIGTERM are passed
    on. If one ends before its time so do all, and none outlives this process.

    Args:
        count: How many workers.
        arguments: Of the command, such as ``["train", "quickstart", "--run", "runs/trial"]``.

    Raises:
        UserError: If one of the workers but the first ended of a mistake of the user's.
        WorkerLostError: If one ended otherwise before its time.
        SystemExit: If the first one ended with an exit code, having said why; or if they
            were interrupted before they were done.
    """
    shares = _gpus(count)
    ports = free_ports(count)
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder) / f"{worker}.txt" for worker in range(count)]
        started: list[subprocess.Popen] = []
        with _signals() as came:
            try:
                for worker in range(count):
                    environment = _environment(count) | shares[worker]
                    environment[CONFIG] = config(ports, worker)
                    started.append(_start(arguments, environment, logs[worker], worker))
                first = _watch(started, came)
            finally:
                for process in started:
                    if process.poll() is None:
                        process.kill()
                    process.wait()
        if came and any(process.returncode for process in started):
            raise SystemExit(INTERRUPTED)
        if first is not None:
            said = logs[first].read_text("utf-8", "replace") if first else ""
            _tell(first, started[first].returncode, started[0].returncode, said)


def _tell(first: int, code: int, chief: int, said: str) -> None:
    """Raises what the first end before its time comes to."""
    known = code if code in (2, INTERRUPTED) else 1
    if code > 0 and (first == 0 or (code == chief and known != 1)):
        raise SystemExit(known)
    if code == 2:
        raise UserError(f"worker {first}: {why(code, said)}")
    raise WorkerLostError(f"worker {first} {why(code, said)}; the others were ended")


def _watch(started: Sequence[subprocess.Popen], came: list[int]) -> int | None:
    """Waits for the end of all; returns which one ended first before its time, if any did."""
    passed, first, until = 0, None, float("inf")
    while any(process.poll() is None for process in started) and time.monotonic() < until:
        if len(came) > passed:
            for process in started:
                if process.poll() is None:
                    process.send_signal(came[passed])
            passed += 1
            until = time.monotonic() + (_SAVING_SECONDS if passed == 1 else _GRACE_SECONDS)
        if first is None:
            codes = [process.poll() for process in started]
            first = next((place for place, code in enumerate(codes) if code), None)
            if first is not None and not came:
                code = codes[first]
                grace = _SAVING_SECONDS if code == INTERRUPTED else _GRACE_SECONDS
                until = time.monotonic() + (grace if code and code > 0 else 0.0)
        time.sleep(_POLL_SECONDS)
    if first is None:
        first = next((place for place, one in enumerate(started) if one.poll()), None)
    return first


def _start(
    arguments: Sequence[str], environment: dict[str, str], log: Path, worker: int
) -> subprocess.Popen:
    output: IO[Any] | None = None if worker == 0 else log.open("wb")
    try:
        return subprocess.Popen(
            # A recipe in the working folder may have the name of a package.
            [sys.executable, "-P", "-c", _COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output and subprocess.STDOUT,
            env=environment,
            # Out of reach of the terminal's Ctrl-C, which is passed on.
            start_new_session=True,
            preexec_fn=_dying_with(os.getpid()),
        )
    finally:
        if output is not None:
            output.close()


def _dying_with(parent: int) -> Callable[[], None]:
    """Returns what makes the system kill a process as soon as its parent is dead."""
    system = ctypes.CDLL(None)

    def prepare() -> None:
        system.prctl(_DEATH_OF_PARENT, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def _environment(count: int) -> dict[str, str]:
    cores = len(os.sched_getaffinity(0))
    threads = str(max(1, cores // count))
    return {
        "TF_NUM_INTRAOP_THREADS": threads,
        "OMP_NUM_THREADS": threads,
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
    }


def _gpus(count: int) -> list[dict[str, str]]:
    """Returns what shows each worker GPUs of its own; none, where there are none.

    Raises:
        UserError: If there are some, but not one for each.
    """
    name = "CUDA_VISIBLE_DEVICES"
    given = os.environ.get(name)
    there = [str(number) for number in range(len(list(_GPUS.iterdir())) if _GPUS.is_dir() else 0)]
    visible = there if given is None else [one for one in given.split(",") if one not in ("", "-1")]
    if not visible:
        return [{} for _ in range(count)]
    if len(visible) < count:
        raise UserError(
            f"{count} workers need {count} GPUs, and there are {len(visible)}; use fewer workers, "
            f"or set {name}=-1 to train on processors"
        )
    return [{name: ",".join(visible[worker::count])} for worker in range(count)]


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Gives a list to which each Ctrl-C or SIGTERM is added as it comes."""
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: came.append(number)) for number in _SIGNALS
    }
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
