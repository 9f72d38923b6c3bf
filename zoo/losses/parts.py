"""Sums over a batch of which several devices have a part each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Adder = Callable[[list[Any]], list[Any]]
"""From tensors of this device to the sums of these over all devices."""

_adder: ContextVar[Adder | None] = ContextVar("adder", default=None)


def batch_sums(*sums: Any) -> list[Any]:
    """Returns sums over a part of a batch as sums over the batch; where it is whole, as they are.

    A loss that is a ratio of sums, as a mean over the pixels that count, is no mean of its parts'
    ratios.

    Args:
        *sums: float tensors.
    """
    add = _adder.get()
    return list(sums) if add is None else add(list(sums))


@contextmanager
def added_by(add: Adder | None) -> Iterator[None]:
    """Says how sums over the parts of a batch are added up.

    Args:
        add: Differentiable; ``None`` where the batch is whole.

    Example:
        >>> with added_by(lambda sums: [2 * value for value in sums]):
        ...     batch_sums(1.0, 2.0)
        [2.0, 4.0]
    """
    token = _adder.set(add)
    try:
        yield
    finally:
        _adder.reset(token)
