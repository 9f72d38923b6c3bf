"""What preparing batches may take of the machine."""

import math
import os

import tensorflow as tf

from zoo.data.untuned import untuned

AHEAD_BYTES = 2**30
"""The memory that batches prepared ahead may take."""

_AHEAD_A_THREAD = 4


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
    """Gives a data set threads of its own, and takes tf.data's tuning away.

    What comes out does not depend on either.

    Args:
        data: Any data set.
        threads: As `threads_of` takes it.
    """
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads_of(threads)
    return untuned(data.with_options(options))


def ahead(data: tf.data.Dataset, batch_size: int, threads: int | None) -> tf.data.Dataset:
    """Prepares some batches of a data set ahead, as many as fit into `AHEAD_BYTES`; at least one.

    Args:
        data: Of batches.
        batch_size: Examples in a batch.
        threads: As `threads_of` takes it; each may have four batches ready.
    """
    specs = tf.nest.flatten(data.element_spec)
    each = sum(math.prod(spec.shape[1:]) * spec.dtype.size for spec in specs) * batch_size
    most = _AHEAD_A_THREAD * threads_of(threads)
    return data.prefetch(max(1, min(most, AHEAD_BYTES // max(each, 1))))
