"""Other work beside the timing of a plan."""

import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from zoo.plan import machine


class Core(SimpleNamespace):
    """The seconds of a core as psutil gives them."""

    def _asdict(self):
        return vars(self)


def core(user, idle, **others):
    return Core(user=user, idle=idle, guest=user, **others)


@pytest.fixture
def clock(monkeypatch):
    """Sets what psutil says: the cores' seconds, and this process' own."""
    now = {}

    class Process:
        def cpu_times(self):
            return SimpleNamespace(user=now["own"], system=0.0)

        def cpu_affinity(self):
            return now["affinity"]

    monkeypatch.setattr(psutil, "Process", Process)
    monkeypatch.setattr(psutil, "cpu_times", lambda percpu: now["cores"])

    def set_(cores, own, affinity=(0, 1)):
        now.update(cores=cores, own=own, affinity=list(affinity))

    return set_


def test_what_this_process_does_itself_is_no_other_work(clock):
    clock([core(50.0, 50.0), core(90.0, 10.0)], own=7.0)
    others = machine.Others()
    # Ten seconds later both cores were busy, but for a second, with 18.5 s of this process: others
    # had 19 - 18.5 = 0.5 of 20 s, 2.5 %.
    clock([core(60.0, 50.0), core(99.0, 11.0)], own=25.5)
    assert others.sentence() == ""


def test_other_work_is_told(clock):
    clock([core(50.0, 50.0), core(90.0, 10.0)], own=7.0)
    others = machine.Others()
    # 20 s of cores, 1 of them waiting for a disk, 10 of this process: 9 of others, 45 % of 2 cores.
    clock([core(60.0, 50.0), core(99.0, 10.0, iowait=1.0)], own=17.0)
    assert "other work kept 0.9 of 2 cores of this machine busy" in others.sentence()


def test_cores_that_this_process_may_not_use_do_not_count(clock):
    clock([core(50.0, 50.0), core(90.0, 10.0)], own=7.0, affinity=(1,))
    others = machine.Others()
    clock([core(60.0, 50.0), core(99.0, 11.0)], own=15.5, affinity=(1,))
    assert others.sentence() == ""


def test_another_process_of_this_machine_is_seen():
    others = machine.Others()
    spin = "import time\nwhile time.process_time() < 0.5: pass"
    subprocess.run([sys.executable, "-S", "-c", spin], check=True)
    before, (busy, all_) = others._begun, others._now()
    # The system counts in hundredths of a second.
    assert busy - before[0] > 0.45
    assert all_ > before[1]
