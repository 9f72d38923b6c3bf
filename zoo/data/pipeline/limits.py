"""What preparing batches may take of the machine."""

import os

import tensorflow as tf

AHEAD_BYTES = 2**30
"""The memory that batches prepared ahead may take; tf.data would take half of all there is."""


def threads_of(asked: int | None) -> int:
    """Returns how many threads prepare batches.

    Args:
        asked: What the recipe says; None for as many as there are cores to run on.
    """
    if asked is not None:
        return asked
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def limited(data: tf.data.Dataset, threads: int | None) -> tf.data.Dataset:
    """Gives a data set threads of its own, and a limit to what tuning may take.

    What comes out does not depend on either.

    Args:
        data: Any data set.
        threads: As `threads_of` takes it.
    """
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads_of(threads)
    options.autotune.ram_budget = AHEAD_BYTES
    return data.with_options(options)
