"""What stays in float32 where all else is quantized.

A softmax over positions gives each of hundreds of them less than the 1/256 that int8 can tell
from nothing, and a mean position under it is worth only as much as they are. So the maps that such
a softmax is taken of, and all that is computed from them, keep their precision: a few sums beside
the convolutions before them.
"""

import re
from collections.abc import Iterable
from typing import Any

Node = tuple[str, Iterable[Any], Iterable[Any]]
"""A node of a format's graph: its name, and what it reads and writes."""


def nodes_from(layers: Iterable[str], nodes: Iterable[Node]) -> list[str]:
    """Returns the names of the nodes that layers became, and of all that are computed from them.

    Args:
        layers: Names of Keras layers, which converters keep as a part of a node's name.
        nodes: Each after those whose outputs it reads.

    Example:
        >>> nodes_from(["heat"], [("a/conv", ["x"], ["y"]), ("a/heat_1/conv", ["y"], ["z"]),
        ...                       ("sum", ["z"], ["w"])])
        ['a/heat_1/conv', 'sum']
    """
    pattern = re.compile(rf"(?:^|[/;])(?:{'|'.join(map(re.escape, layers))})(?:_\d+)?(?:[/;]|$)")
    names, written = [], set()
    for name, reads, writes in nodes:
        if pattern.search(name) or not written.isdisjoint(reads):
            names.append(name)
            written.update(writes)
    return names
