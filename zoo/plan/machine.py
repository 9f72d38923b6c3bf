"""How busy the machine is on which a plan is timed."""

import os


def busy() -> str:
    """Returns a sentence if other work makes what is timed here look slow, else nothing."""
    # Where there is no such number, as on Windows, nothing is said.
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    cores = os.cpu_count() or 1
    if load <= cores / 2:
        return ""
    return (
        f"other work keeps this machine busy (load {load:.1f} on {cores} cores): training seems "
        "slower than it will be, and epochs are planned for that; plan again when it is quiet"
    )
