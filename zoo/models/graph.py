"""Walks the graph of a functional model, and sends sizes through it.

Keras has no public way to visit the calls of a graph with other sizes than its own, so this one
module reads the private nodes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from zoo.errors import UserError

# So large that no network of this zoo shrinks it to nothing; a search that gets here gives up.
_LARGEST = 2**14
# Where no power of two works, sizes are tried one by one up to here.
_MOST_TRIED = 512


@dataclass(frozen=True)
class Call:
    """A layer, or Keras operation, and one time that a graph calls it.

    Attributes:
        operation: The layer or operation.
        args: What it is called with, specs in the place of tensors.
        kwargs: The same, by name.
        given: All specs among them.
        returned: The specs that it returns.
    """

    operation: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    given: list[keras.KerasTensor]
    returned: list[keras.KerasTensor]


class VanishedError(Exception):
    """A map that would shrink below one pixel.

    Attributes:
        layer: Name of the layer that would do it.
        size: Height and width of what it gets, as far as they are known.
        misfit: Whether it rather joins maps whose sizes do not fit.
    """

    def __init__(self, layer: str, size: tuple[int | None, int | None], misfit: bool = False):
        super().__init__(f"{layer} gets {size}")
        self.layer = layer
        self.size = size
        self.misfit = misfit


def walk(
    model: keras.Model | keras.Function,
    specs: list[keras.KerasTensor],
    visit: Callable[[Call], None] | None = None,
) -> list[keras.KerasTensor]:
    """Sends tensor specs through a model, call by call, in the order of computation.

    A functional model inside is walked through as if its layers were the outer model's.

    Args:
        model: A functional model or Keras function.
        specs: One spec, shape and type, for each input.
        visit: Called with each call. A spec is the same object wherever it is got or returned,
            so that specs can be told by identity.

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
                args, kwargs = node.arguments.fill_in(known)
                returned = _outputs(node.operation, args, kwargs, given)
                if visit is not None:
                    visit(Call(node.operation, args, kwargs, given, returned))
            known.update(zip((id(tensor) for tensor in node.outputs), returned, strict=True))
    return [known[id(tensor)] for tensor in graph.outputs]


def _outputs(
    operation: Any, args: Any, kwargs: Any, given: list[keras.KerasTensor]
) -> list[keras.KerasTensor]:
    try:
        returned = keras.tree.flatten(operation.compute_output_spec(*args, **kwargs))
    except ValueError as error:
        # Keras says the same of a map that vanishes and of every other misfit.
        misfit = len(given) > 1
        raise VanishedError(operation.name, _size(given[0]), misfit) from error
    if any(size is not None and size < 1 for spec in returned for size in spec.shape[1:]):
        raise VanishedError(operation.name, _size(given[0]))
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

    Every layer is asked what it makes of a size, from 1x1 up: first squares, then less height
    and then less width. A model of one fixed size, as with a flatten head, is taken for its
    architecture: the size it could have been built for. Where branches join that fit only at
    some sizes, larger inputs than the smallest need not work.

    Returns:
        Height and width, or ``None`` if the model is not on pictures or no size was found.
    """
    if any(len(tensor.shape) != 4 for tensor in model.inputs):
        return None

    def least(size: Callable[[int], tuple[int, int]], known: int | None = None) -> int | None:
        misfits: dict[int, bool] = {}

        def works(n: int) -> bool:
            try:
                shapes_at(model, size(n))
            except VanishedError as error:
                misfits[n] = error.misfit
                return False
            return True

        found = _least(works, known)
        if not any(misfits.values()):
            return found
        # A search by halves could have passed the smallest: every size stands for itself, but
        # for those below one whose maps vanish.
        start = max((n for n, misfit in misfits.items() if not misfit), default=0) + 1
        rest = (n for n in range(start, found or _MOST_TRIED) if n not in misfits)
        return next((n for n in rest if works(n)), found)

    known = max((size or 0 for tensor in model.inputs for size in tensor.shape[1:3]), default=0)
    side = least(lambda n: (n, n), known)
    if side is None:
        return None
    height = least(lambda n: (n, side), side) or side
    width = least(lambda n: (height, n), side) or side
    return height, width


def _least(works: Callable[[int], bool], known: int | None = None) -> int | None:
    """The least n that works, by doubling and halving: what works for n does so for n + 1.

    ``known`` is a size that works most likely, and is tried when doubling gets there.
    """
    low, high = 0, 1
    while not works(high):
        if known and high < known <= 2 * high and works(known):
            low, high = high, known
            break
        low, high = high, 2 * high
        if high > _LARGEST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle) else (middle, high)
    return high
