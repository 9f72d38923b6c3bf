"""Walks the graph of a functional model, and sends sizes through it.

Keras has no public way to visit the calls of a graph with other sizes than its own, so this one
module reads the private nodes.
"""

from collections.abc import Callable
from typing import Any

import keras

from zoo.errors import UserError

# So large that no network of this zoo shrinks it to nothing; a search that gets here gives up.
_LARGEST = 2**14


class VanishedError(Exception):
    """A map that would shrink below one pixel.

    Attributes:
        layer: Name of the layer that would do it.
        size: Height and width of what it gets, as far as they are known.
    """

    def __init__(self, layer: str, size: tuple[int | None, int | None]):
        super().__init__(f"{layer} gets {size}")
        self.layer = layer
        self.size = size


def walk(
    model: keras.Model | keras.Function,
    specs: list[keras.KerasTensor],
    visit: Callable[[Any, list[keras.KerasTensor], list[keras.KerasTensor]], None] | None = None,
) -> list[keras.KerasTensor]:
    """Sends tensor specs through a model, call by call, in the order of computation.

    A functional model inside is walked through as if its layers were the outer model's.

    Args:
        model: A functional model or Keras function.
        specs: One spec, shape and type, for each input.
        visit: Called with each operation, the specs it gets and the specs it returns. The
            objects are the same from one call to the next, so that they can be told by identity.

    Returns:
        One spec for each output.

    Raises:
        VanishedError: If a layer cannot take a map so small.
    """
    graph = getattr(model, "_functional", None) or model
    known = dict(zip((id(tensor) for tensor in graph.inputs), specs, strict=True))
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if node.is_input:
                continue
            given = [known[id(tensor)] for tensor in node.input_tensors]
            if hasattr(node.operation, "_nodes_by_depth") or hasattr(node.operation, "_functional"):
                returned = walk(node.operation, given, visit)
            else:
                returned = _outputs(node, known, given)
                if visit is not None:
                    visit(node.operation, given, returned)
            known.update(zip((id(tensor) for tensor in node.outputs), returned, strict=True))
    return [known[id(tensor)] for tensor in graph.outputs]


def _outputs(
    node: Any, known: dict[Any, keras.KerasTensor], given: list[keras.KerasTensor]
) -> list[keras.KerasTensor]:
    args, kwargs = node.arguments.fill_in(known)
    try:
        returned = keras.tree.flatten(node.operation.compute_output_spec(*args, **kwargs))
    except ValueError as error:
        # Keras says the same of a map that vanishes and of every other misfit.
        raise VanishedError(node.operation.name, _size(given[0])) from error
    if any(size is not None and size < 1 for spec in returned for size in spec.shape[1:]):
        raise VanishedError(node.operation.name, _size(given[0]))
    # Some layers return the very spec they got; each call shall have its own.
    return [keras.KerasTensor(spec.shape, dtype=spec.dtype) for spec in returned]


def _size(spec: keras.KerasTensor) -> tuple[int | None, int | None]:
    return tuple(spec.shape[1:3]) if len(spec.shape) == 4 else (None, None)


def input_specs(
    model: keras.Model, size: tuple[int | None, int | None] | None = None
) -> list[keras.KerasTensor]:
    """Returns a spec for each input of a model, with another height and width if given.

    Args:
        model: A model whose inputs are [n, height, width, channels].
        size: Height and width.

    Raises:
        UserError: If the model is not functional, or if a size is given and an input is no
            picture.
    """
    graph = getattr(model, "_functional", None) or model
    if not hasattr(graph, "_nodes_by_depth"):
        raise UserError(
            f"model {model.name!r} has no graph to describe; only functional models have one"
        )
    specs = []
    for tensor in graph.inputs:
        shape = tuple(tensor.shape)
        if size is not None:
            if len(shape) != 4:
                raise UserError(f"input {tensor.name!r} has shape {shape}, it has no size to set")
            shape = (None, *size, shape[3])
        specs.append(keras.KerasTensor(shape, dtype=tensor.dtype))
    return specs


def shapes_at(
    model: keras.Model, size: tuple[int | None, int | None]
) -> list[tuple[int | None, ...]]:
    """Returns the shapes of a model's outputs for an input of another size.

    Args:
        model: A functional model on pictures.
        size: Height and width of the input.

    Raises:
        VanishedError: If a map would shrink below one pixel.
    """
    return [tuple(spec.shape) for spec in walk(model, input_specs(model, size))]


def smallest_input(model: keras.Model) -> tuple[int, int] | None:
    """Returns the smallest height and width for which a model can be built as it is.

    Every layer is asked what it makes of a size, from 1x1 up. A model of one fixed size, as with
    a flatten head, is taken for its architecture: the size it could have been built for.

    Returns:
        Height and width, or ``None`` if the model is not on pictures or no size was found.
    """
    if any(len(tensor.shape) != 4 for tensor in model.inputs):
        return None

    def works(size: tuple[int, int]) -> bool:
        try:
            shapes_at(model, size)
        except VanishedError:
            return False
        return True

    side = _least(lambda n: works((n, n)))
    if side is None:
        return None
    height = _least(lambda n: works((n, side)), side) or side
    width = _least(lambda n: works((height, n)), side) or side
    return height, width


def _least(works: Callable[[int], bool], known: int | None = None) -> int | None:
    """The least n that works, by doubling and halving: what works for n does so for n + 1."""
    high = known or 1
    while known is None and not works(high):
        high *= 2
        if high > _LARGEST:
            return None
    low = 0 if known else high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle) else (middle, high)
    return high
