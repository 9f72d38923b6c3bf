"""How several workers are started and told of each other, and end together."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest

from zoo.errors import UserError, WorkerLostError
from zoo.training import tf_config, workers

ROOT = Path(__file__).parents[2]
SECONDS = 15


# What workers do in these tests takes no TensorFlow: each runs a line of Python.
def given(monkeypatch, code):
    me = f"me = json.loads(os.environ[{tf_config.CONFIG!r}])['task']['index']"
    monkeypatch.setattr(workers, "_COMMAND", f"import json, os, signal, sys, time; {me}\n{code}")


def test_workers_are_told_who_they_are_and_end_well(monkeypatch, tmp_path, capfd):
    given(
        monkeypatch,
        "open(f'{sys.argv[1]}/{me}', 'w').write(os.environ['TF_CONFIG']); print('this is', me)",
    )
    workers.run(3, [str(tmp_path)])
    found = [json.loads((tmp_path / str(worker)).read_text()) for worker in range(3)]
    assert [one["task"] for one in found] == [{"type": "worker", "index": at} for at in range(3)]
    addresses = found[0]["cluster"]["worker"]
    assert all(one["cluster"]["worker"] == addresses for one in found)
    assert len(set(addresses)) == 3
    assert capfd.readouterr().out == "this is 0\n"


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("sys.exit(2)", SystemExit, "2"),
        ("sys.exit(3) if me == 0 else time.sleep(60)", SystemExit, "1"),
        ("sys.exit(130)", SystemExit, "130"),
        (
            "print('Error: no such file') if me else time.sleep(60); sys.exit(2)",
            UserError,
            "worker 1: no such file",
        ),
        (
            "print('ValueError: bug') if me else time.sleep(60); sys.exit(1)",
            WorkerLostError,
            "worker 1 crashed: ValueError: bug; the others were ended",
        ),
        (
            "os.kill(os.getpid(), 9) if me == 1 else time.sleep(60)",
            WorkerLostError,
            "worker 1 ended by SIGKILL, as happens for lack of memory; the others were ended",
        ),
        (
            "os.kill(os.getpid(), 9) if me == 0 else time.sleep(60)",
            WorkerLostError,
            "worker 0 ended by SIGKILL, as happens for lack of memory; the others were ended",
        ),
    ],
)
def test_all_end_if_one_does(monkeypatch, code, error, said):
    # Where both end by themselves neither may be ended for being a little late.
    monkeypatch.setattr(workers, "_GRACE_SECONDS", 0.5 if "sleep" in code else 60)
    given(monkeypatch, code)
    with pytest.raises(error) as raised:
        workers.run(2, [])
    assert str(raised.value) == said
    assert not psutil.Process().children()


@pytest.mark.parametrize(
    ("number", "ended"),
    # A run that is done when it comes is not broken off by it.
    [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGTERM, 0)],
)
def test_signals_are_passed_on_and_what_is_under_way_may_end(monkeypatch, tmp_path, number, ended):
    given(
        monkeypatch,
        "both = [signal.SIGINT, signal.SIGTERM]\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, both)\n"
        "open(f'{sys.argv[1]}/{me}', 'w').close()\n"
        "came = signal.sigwait(both)\n"
        f"open(f'{{sys.argv[1]}}/saved{{me}}', 'w').write(str(int(came))); sys.exit({ended})",
    )
    pid = os.getpid()
    sender = subprocess.Popen(
        [sys.executable, "-c",
         "import os, sys, time\n"
         f"while len(os.listdir({str(tmp_path)!r})) < 2: time.sleep(0.02)\n"
         f"time.sleep(0.3); os.kill({pid}, {int(number)})"],
    )  # fmt: skip
    with pytest.raises(SystemExit) if ended else nullcontext() as raised:
        workers.run(2, [str(tmp_path)])
    sender.wait()
    assert raised is None or raised.value.code == ended
    assert [(tmp_path / f"saved{worker}").read_text() for worker in (0, 1)] == [
        str(int(number))
    ] * 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_no_worker_outlives_the_one_that_started_it(tmp_path):
    code = (
        f"import os, time; open(os.path.join({str(tmp_path)!r}, str(os.getpid())), 'w').close(); "
        "time.sleep(60)"
    )
    script = f"from zoo.training import workers\nworkers._COMMAND = {code!r}\nworkers.run(2, [])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, "-c", script], env=environment)
    while len(list(tmp_path.iterdir())) < 2:
        assert parent.poll() is None
        time.sleep(0.02)
    children = [psutil.Process(int(path.name)) for path in tmp_path.iterdir()]
    parent.kill()
    parent.wait()
    assert not psutil.wait_procs(children, timeout=SECONDS)[1]


def test_a_recipe_of_the_name_of_a_package_hides_none(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "psutil.py").write_text("raise SystemExit(3)")
    given(monkeypatch, "import psutil")
    workers.run(2, [])


def test_ports_are_free_and_below_those_of_connections():
    for _ in range(20):
        ports = workers.free_ports(5)
        assert len(set(ports)) == 5
        assert all(port in workers._PORTS for port in ports)
