"""Processes of a comparison: small ones, which import nothing."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from zoo.comparison import pool
from zoo.data import memory
from zoo.errors import UserError


@pytest.mark.parametrize(
    ("code", "said", "reason"),
    [
        (2, "epoch 1\nError: the loss is no number\n", "the loss is no number"),
        (1, "Traceback ...\n  x\nValueError: 7\n\n", "crashed: ValueError: 7"),
        (3, "", "crashed: exit code 3"),
        (-9, "epoch 1\n", "ended by SIGKILL, as happens for lack of memory"),
        (-11, "", "ended by SIGSEGV"),
    ],
)
def test_why(code, said, reason):
    assert pool.why(code, said) == reason


@pytest.fixture
def scripts(monkeypatch, tmp_path):
    """Starts a process that runs a script instead."""

    def start(script, lock=-1):
        monkeypatch.setattr(pool, "_COMMAND", [sys.executable, "-c", script])
        return pool.start({"number": 7}, 2, tmp_path / "run", lock)

    return start


def end(process):
    while process.poll() is None:
        time.sleep(0.01)
    return process.poll()


def test_a_process_gets_its_job_and_its_threads(scripts, tmp_path):
    script = (
        "import os, sys, json; print(json.loads(sys.stdin.readline()));"
        "print(os.environ['TF_NUM_INTRAOP_THREADS'], os.environ['KERAS_BACKEND'])"
    )
    assert end(scripts(script)) == 0
    assert end(scripts(script)) == 0
    log = (tmp_path / "run" / "log.txt").read_text()
    # Going on adds to what was said before.
    assert log == "{'number': 7}\n2 tensorflow\n" * 2


def test_how_it_ended(scripts):
    scripts("print('an earlier one')").join(10)
    process = scripts("import os; os.kill(os.getpid(), 9)")
    end(process)
    assert process.failure() == "ended by SIGKILL, as happens for lack of memory"
    process = scripts("import sys; sys.exit(3)")
    end(process)
    assert process.failure() == "crashed: exit code 3"


def test_it_notices_that_it_shall_stop(scripts):
    process = scripts("import sys; sys.stdin.read()")
    assert process.poll() is None
    process.stop()
    process.join(60)
    assert process.poll() == 0


def test_it_is_stopped_if_it_does_not_notice(scripts):
    process = scripts("import time; time.sleep(60)")
    process.stop()
    process.join(0.1)
    assert process.poll() == -signal.SIGKILL


def test_asking(monkeypatch):
    answer = "import sys, json; job = json.loads(sys.stdin.readline());"
    script = "open(job['answer'], 'w').write('[1]')"
    monkeypatch.setattr(pool, "_COMMAND", [sys.executable, "-c", answer + script])
    assert pool.ask({}, 1) == [1]


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        ("print('Error: no such encoder', file=sys.stderr); sys.exit(2)", UserError, "no such"),
        ("raise KeyError('a bug')", RuntimeError, "KeyError: 'a bug'"),
    ],
)
def test_an_answer_that_does_not_come(monkeypatch, script, error, message):
    monkeypatch.setattr(pool, "_COMMAND", [sys.executable, "-c", f"import sys; {script}"])
    with pytest.raises(error, match=message):
        pool.ask({}, 1)


class Fake:
    """A process that ends when it is looked at so many times."""

    alive = 0
    most = 0

    def __init__(self, looks, code=0):
        self.looks, self.code, self.stopped = looks, code, False
        Fake.alive += 1
        Fake.most = max(Fake.most, Fake.alive)

    def poll(self):
        self.looks -= 1
        if self.looks > 0:
            return None
        Fake.alive -= 1
        return self.code

    def failure(self):
        return f"code {self.code}"

    def stop(self):
        self.stopped = True

    def join(self, seconds):
        assert self.stopped


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(pool, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(Fake, "alive", 0)
    monkeypatch.setattr(Fake, "most", 0)


@pytest.mark.parametrize("jobs", [1, 2, 3, 9])
def test_all_run_so_many_at_a_time_whatever_becomes_of_each(jobs):
    ended = {}
    looks = [3, 1, 4, 1, 5]
    starts = [lambda n=n, code=code: Fake(n, code) for code, n in enumerate(looks)]
    pool.run_all(starts, jobs, ended.__setitem__)
    assert ended == {0: "", 1: "code 1", 2: "code 2", 3: "code 3", 4: "code 4"}
    assert Fake.most == min(jobs, 5)


def test_an_interruption_ends_those_at_work():
    started = []

    def start():
        started.append(Fake(99))
        return started[-1]

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pool.run_all([start, start, stop], 3, lambda place, failure: None)
    assert [one.stopped for one in started] == [True, True]


def test_a_folder_is_for_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "_PATIENCE_SECONDS", 0.05)
    folder = tmp_path / "new"
    with (
        pool.locked(folder),
        pytest.raises(UserError, match="another process is at work"),
        pool.locked(folder),
    ):
        pass
    with pool.locked(folder):
        pass


def test_runs_hold_on_to_the_folder(tmp_path, scripts, monkeypatch):
    with pool.locked(tmp_path) as lock:
        process = scripts("import sys; sys.stdin.read()", lock)
    monkeypatch.setattr(pool, "_PATIENCE_SECONDS", 0.05)
    with pytest.raises(UserError, match="at work"), pool.locked(tmp_path):
        pass
    process.stop()
    process.join(10)
    with pool.locked(tmp_path):
        pass


def test_jobs_for_a_machine(monkeypatch, tmp_path):
    class Machine:
        total = 16 * 2**30
        available = 10 * 2**30

    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_CGROUP_LIMITS", (str(limit),))
    monkeypatch.setattr(pool.psutil, "virtual_memory", Machine)
    monkeypatch.setattr(pool.psutil.Process, "cpu_affinity", lambda self: list(range(8)))
    # Three of 3 GiB fit in 10.
    assert pool.jobs_for(1, 0) == 3
    assert pool.jobs_for(4, 0) == 2
    assert pool.jobs_for(16, 0) == 1
    assert pool.jobs_for(1, 1) == 1
    assert os.environ.get("TF_FORCE_GPU_ALLOW_GROWTH") is None
    # A container that may take 7 GiB of the machine's, or as much as there is.
    limit.write_text(f"{7 * 2**30}\n")
    assert pool.jobs_for(1, 0) == 2
    limit.write_text("max\n")
    assert pool.jobs_for(1, 0) == 3


def test_recipes_in_the_working_folder_shadow_no_module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("zoo.py", "keras.py", "random.py"):
        Path(name).write_text("raise ImportError('a recipe')")
    # The worker's own answer: it came to read what is to be checked.
    with pytest.raises(UserError, match="the recipe lacks the field 'task'"):
        pool.ask({"check": {"only": {"data": {}, "input": {}}}}, 1)
