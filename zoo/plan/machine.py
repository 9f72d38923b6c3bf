"""How busy other work keeps the machine while a plan is timed on it."""

import psutil

_BUSY = 0.25
"""Of the cores: so much done by others makes steps look slower than a second run would."""

_IDLE = ("idle", "iowait")
# What runs in a virtual machine is part of "user" and "nice" already.
_COUNTED = ("guest", "guest_nice")


class Others:
    """What processes other than this one do from now on.

    Example:
        >>> others = Others()
        >>> isinstance(others.sentence(), str)
        True
    """

    def __init__(self):
        self._process = psutil.Process()
        self._begun = self._now()

    def sentence(self) -> str:
        """Returns what to say if they made what was timed look slow, else nothing."""
        (busy, all_), (busy_before, all_before) = self._now(), self._begun
        cores = len(self._cores())
        share = (busy - busy_before) / max(all_ - all_before, 1e-9)
        if share <= _BUSY:
            return ""
        return (
            f"other work kept {share * cores:.1f} of {cores} cores of this machine busy: training "
            "seemed slower than it will be, and epochs are planned for that; plan again when it is "
            "quiet"
        )

    def _now(self) -> tuple[float, float]:
        """Returns seconds of the cores so far: those of other processes, and all."""
        times = psutil.cpu_times(percpu=True)
        cores = [times[core]._asdict() for core in self._cores() if core < len(times)]
        spent = [{name: s for name, s in core.items() if name not in _COUNTED} for core in cores]
        all_ = sum(sum(core.values()) for core in spent)
        idle = sum(core.get(name, 0.0) for core in spent for name in _IDLE)
        own = self._process.cpu_times()
        return all_ - idle - own.user - own.system, all_

    def _cores(self) -> list[int]:
        """Returns the numbers of the cores that this process may run on."""
        # Not on macOS.
        if hasattr(self._process, "cpu_affinity"):
            return self._process.cpu_affinity()
        return list(range(psutil.cpu_count() or 1))
