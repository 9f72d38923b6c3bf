"""How fast batches come, for benchmarks in any interpreter: imports nothing."""

import time
from collections.abc import Iterator

WARM_UP = 1.0


def rate(batches: Iterator[int], seconds: float) -> float:
    """Returns pictures a second.

    Args:
        batches: Yields the number of pictures of each batch, for ever.
        seconds: How long to count, once what was prepared ahead is used up.
    """
    end = time.perf_counter() + WARM_UP
    while time.perf_counter() < end:
        next(batches)
    pictures, began = 0, time.perf_counter()
    while (now := time.perf_counter()) < began + seconds:
        pictures += next(batches)
    return pictures / (now - began)
