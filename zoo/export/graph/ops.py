"""Which ops a SavedModel needs, and whether a server has them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.errors import CheckError
from zoo.export.c_library import registered_ops
from zoo.export.messages import read_meta_graph

# Registered by the wheel's library, but answered by the Python process around it, or by a
# compiler that TensorFlow Serving switches off when it starts.
_PYTHON = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
_COMPILED = "_XlaMustCompile"


def served_ops(version: Path) -> list[str]:
    """Lists the ops of a SavedModel and refuses what TensorFlow Serving cannot run.

    Args:
        version: The folder that holds ``saved_model.pb``.

    Returns:
        Names of op types, sorted; the functions of the graph are not among them.

    Raises:
        CheckError: If an op is none that TensorFlow itself registers, calls Python, needs XLA,
            or is a product of graph optimization, which other releases need not know.

    Example:
        >>> served_ops(Path("savedmodels/pets/1"))[:3]
        ['AddV2', 'AsString', 'BiasAdd']
    """
    graph = read_meta_graph(version).graph_def
    functions = {function.signature.name for function in graph.library.function}
    found = {node.op for node in _nodes(graph)} - functions
    known = registered_ops()
    refused = {name: reason for name in found if (reason := _reason(name, known))}
    attributes = [node.attr for node in _nodes(graph)]
    attributes += [function.attr for function in graph.library.function]
    if any(attribute[_COMPILED].b for attribute in attributes if _COMPILED in attribute):
        refused["a function with jit_compile=True"] = "needs XLA"
    if refused:
        told = "; ".join(f"{name} {reason}" for name, reason in sorted(refused.items()))
        raise CheckError(f"the exported graph is none that TensorFlow Serving can run: {told}")
    return sorted(found)


def _nodes(graph: Any) -> Iterator[Any]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _reason(name: str, known: frozenset[str]) -> str:
    if name in _PYTHON:
        return "calls Python"
    if name.startswith("Xla"):
        return "needs XLA"
    if name.startswith("_"):
        return "is a product of graph optimization"
    return "" if name in known else "is no op of TensorFlow's own"
