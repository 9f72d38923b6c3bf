"""What ``TF_CONFIG`` says: who trains together, and which of them a process is."""

import json
import os
from collections.abc import Sequence

from zoo.errors import UserError

CONFIG = "TF_CONFIG"
"""The environment variable, as TensorFlow names it."""

_JOBS = ("chief", "worker")
_HOST = "127.0.0.1"


def config(ports: Sequence[int], worker: int) -> str:
    """Returns the ``TF_CONFIG`` of a worker among others on this machine.

    Example:
        >>> config([20001, 20002], 1)  # doctest: +ELLIPSIS
        '{"cluster": {"worker": ["127.0.0.1:20001", ...]}, "task": {"type": "worker", "index": 1}}'
    """
    cluster = {"worker": [f"{_HOST}:{port}" for port in ports]}
    return json.dumps({"cluster": cluster, "task": {"type": "worker", "index": worker}})


def read_config(text: str) -> tuple[int, int]:
    """Reads a ``TF_CONFIG``.

    Args:
        text: JSON.

    Returns:
        Which worker this is, from 0, and how many there are. A chief is the first one.

    Raises:
        UserError: If it cannot be read, or has others than workers and one chief.

    Example:
        >>> cluster = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
        >>> read_config(json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}}))
        (1, 3)
    """
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        counts = {job: len(addresses) for job, addresses in cluster.items()}
        kind, index = task["type"], int(task["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{CONFIG} cannot be read ({type(error).__name__}: {error}); it holds JSON such as "
            '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
        ) from None
    others = sorted(job for job, count in counts.items() if count and job not in _JOBS)
    if others:
        raise UserError(
            f"{CONFIG} has tasks of type {', '.join(others)}; the zoo trains with workers, and a "
            "chief among them, alone"
        )
    if not 0 <= index < counts.get(kind, 0) or counts.get("chief", 0) > 1:
        raise UserError(f"{CONFIG} has no {kind} {index} among its tasks: {counts}; mend it")
    chiefs = counts.get("chief", 0)
    return index + (chiefs if kind == "worker" else 0), sum(counts.values())


def check_alone(what: str) -> None:
    """Checks that a process is none of several workers, which would wait for each other.

    A cluster of one is none: platforms set ``TF_CONFIG`` for a single worker too.

    Args:
        what: Cannot be done by several, as messages name it.

    Raises:
        UserError: If it is.
    """
    text = os.environ.get(CONFIG)
    there = read_config(text)[1] if text else 1
    if there > 1:
        raise UserError(
            f"{what} trains each run in one process, and {CONFIG} has {there} in a cluster; start "
            f"one worker alone, or leave {CONFIG} out"
        )


def check_count(workers: int) -> None:
    """Checks, in one of a cluster's processes, that there are as many as was asked for.

    Raises:
        UserError: If there are not.
    """
    _, there = read_config(os.environ[CONFIG])
    if there != workers:
        raise UserError(
            f"--workers {workers} starts workers on one machine, and {CONFIG} has {there} in a "
            "cluster already; leave --workers out"
        )
