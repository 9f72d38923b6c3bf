"""Processes that work for a comparison: started, waited for, and put down with it."""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import psutil

from zoo.comparison.result import LOG_FILE
from zoo.data.memory import machine_memory
from zoo.errors import UserError
from zoo.training.workers import why

# A recipe in the working folder that is called keras.py or random.py is no module of theirs: -P.
_COMMAND = [sys.executable, "-P", "-m", "zoo.comparison.worker"]
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 15.0
# What TensorFlow with a small network and its pictures takes, at most.
_MEMORY_A_JOB = 3 * 2**30


class Process:
    """A process at work.

    Args:
        job: As :func:`zoo.comparison.worker.work` takes it.
        threads: Of its arithmetic.
        log: Where what it says is added.
        lock: Of the comparison, which it holds on to as long as it lives; -1 for none.
    """

    def __init__(self, job: Mapping[str, Any], threads: int, log: Path, lock: int = -1):
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stream:
            self._begin = stream.tell()
            self._process = subprocess.Popen(
                _COMMAND,
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=_environment(threads),
                # Out of reach of the terminal's Ctrl-C, which its parent passes on.
                start_new_session=True,
                pass_fds=() if lock < 0 else (lock,),
            )
        try:
            self._stdin.write(json.dumps(job).encode() + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            # It ended before it could read; its exit code and log say why.
            pass

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def poll(self) -> int | None:
        """Returns the exit code, ``None`` while it works."""
        code = self._process.poll()
        if code is not None:
            self.stop()
        return code

    def failure(self) -> str:
        """Returns why it ended, in a sentence."""
        with self._log.open("rb") as stream:
            stream.seek(self._begin)
            said = stream.read().decode("utf-8", "replace")
        return why(self._process.returncode, said)

    def stop(self) -> None:
        """Asks it to end."""
        with suppress(BrokenPipeError):
            self._stdin.close()

    def join(self, seconds: float) -> None:
        """Waits for its end, and after so many seconds brings it about."""
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.stop()


def start(job: Mapping[str, Any], threads: int, folder: Path, lock: int) -> Process:
    """Starts training a run, whose log is kept in its folder."""
    return Process(job, threads, folder / LOG_FILE, lock)


def _environment(threads: int) -> dict[str, str]:
    return os.environ | {
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3"),
        # Other numbers of threads add up in other orders: each run of a comparison has as many.
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
        # Several on one GPU each take what they need.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }


def ask(job: Mapping[str, Any], threads: int) -> dict[str, Any]:
    """Has a process do something and returns its answer.

    Raises:
        UserError: As the process did.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        process = Process({**job, "answer": str(answer)}, threads, Path(folder) / "log.txt")
        try:
            while (code := process.poll()) is None:
                time.sleep(_POLL_SECONDS)
        except BaseException:
            process.stop()
            process.join(_PATIENCE_SECONDS)
            raise
        if code == 2:
            raise UserError(process.failure())
        if code:
            raise RuntimeError((Path(folder) / "log.txt").read_text(encoding="utf-8"))
        return json.loads(answer.read_text(encoding="utf-8"))


def run_all(
    starts: Sequence[Callable[[], Process]],
    jobs: int,
    on_end: Callable[[int, str], Any],
) -> None:
    """Runs processes, some side by side, to their end, whatever becomes of each.

    Args:
        starts: Each starts one.
        jobs: How many work side by side.
        on_end: Called with the place of each that ended, and why it failed; empty if it did not.

    Raises:
        KeyboardInterrupt: As it came; those at work have ended.
    """
    waiting = list(range(len(starts)))
    running: dict[int, Process] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                place = waiting.pop(0)
                running[place] = starts[place]()
            for place, process in list(running.items()):
                if (code := process.poll()) is not None:
                    del running[place]
                    on_end(place, process.failure() if code else "")
            if running:
                time.sleep(_POLL_SECONDS)
    finally:
        for process in running.values():
            process.stop()
        until = time.monotonic() + _PATIENCE_SECONDS
        for process in running.values():
            process.join(until - time.monotonic())


def jobs_for(threads: int, gpus: int) -> int:
    """Returns how many runs to train side by side on this machine.

    Args:
        threads: Of each.
        gpus: Where there is one, a single run fills it.
    """
    if gpus:
        return 1
    # What is free on the machine is more than a container gets.
    memory = min(machine_memory(), psutil.virtual_memory().available)
    return max(1, min(cores() // threads, memory // _MEMORY_A_JOB))


def cores() -> int:
    """Returns how many cores this process may run on."""
    return len(psutil.Process().cpu_affinity())


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Holds a folder for one comparison; its processes hold on to it as long as they live.

    Args:
        folder: Made if need be.

    Yields:
        The lock, a file descriptor.

    Raises:
        UserError: If another one does not let go of it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # Runs of a comparison that was killed need a moment to notice.
                if time.monotonic() > until:
                    raise UserError(
                        f"another process is at work on {folder}; wait for it, or choose another "
                        "--out"
                    ) from None
                time.sleep(_POLL_SECONDS)
        yield descriptor
    finally:
        os.close(descriptor)
