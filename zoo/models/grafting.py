"""Takes a network of ``keras.applications`` apart and builds it anew as an encoder."""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras

from zoo.errors import UserError
from zoo.models.strides import large_like

_STRIDES = (2, 4, 8, 16, 32)


class _Call(NamedTuple):
    """One call of an operation in the network; its tensors are specs of a large input.

    Attributes:
        operation: The layer or operation of the network that is called.
        args: What it is called with: specs and constants.
        kwargs: The same by name.
        output: The spec that it returns.
        parents: Positions of the calls that made what it gets, the network's input being 0.
    """

    operation: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: keras.KerasTensor
    parents: frozenset[int]


def graft(
    application: Callable[..., keras.Model],
    image: keras.KerasTensor,
    /,
    *,
    unknown_size: int | None = None,
    **options: Any,
) -> list[keras.KerasTensor]:
    """Builds a network of ``keras.applications`` on a picture that is scaled already.

    The network's own scaling layers and its head are left out. Every layer's name begins with
    ``stage1_``, ``stage2_`` ..., the number of the first map that needs it, and goes on with the
    published name; automatic names are numbered within the network.

    Args:
        application: A function of ``keras.applications``.
        image: Float [n, h, w, c]; h and w may be unknown, c is any.
        unknown_size: For a network that Keras builds for known sizes only, the height and width
            it is built for where those of ``image`` are unknown.
        **options: Passed to ``application``.

    Returns:
        Maps [n, h / s, w / s, filters] of strides s = 2, 4, 8, 16 and 32, or as many of them as
        there are: at each stride the last tensor that all paths pass through, or where there is
        none the last concatenation; at the coarsest the network's output.

    Raises:
        UserError: If Keras refuses the options.
        ValueError: If ``image`` is so small that a map would vanish.

    Example:
        >>> image = keras.Input((224, 224, 3))
        >>> [tuple(map.shape) for map in graft(keras.applications.VGG16, image)][-1]
        (None, 7, 7, 512)
    """
    try:
        original = application(
            include_top=False, weights=None, input_shape=_alike(image, unknown_size), **options
        )
    except ValueError as error:
        raise UserError(
            f"encoder {_called(application, options)} cannot be built ({_line(error)}); "
            "give other values"
        ) from error
    source, calls = _calls(original)
    taps = _taps(source, calls)
    names = _names(calls, taps, original.name)
    built: dict[int, Any] = {id(source): image}
    clones: dict[int, Any] = {}
    for call in calls:
        key = id(call.operation)
        if key not in clones:
            config = call.operation.get_config() | {"name": names[key]}
            clones[key] = type(call.operation).from_config(config)
        given: Any = keras.tree.map_structure(
            lambda value: built.get(id(value), value), (call.args, call.kwargs)
        )
        built[id(call.output)] = clones[key](*given[0], **given[1])
    return [built[id(calls[tap - 1].output)] for tap in taps]


def imagenet_weights(
    application: Callable[..., keras.Model], size: int, bgr: bool, /, **options: Any
) -> dict[str, list[Any]]:
    """Returns the published ImageNet weights for an encoder that :func:`graft` builds.

    Keras finds the file in its cache or downloads it, and checks its hash if one is published.

    Args:
        application: A function of ``keras.applications``.
        size: Usual height and width of its input.
        bgr: Whether it was trained on pictures in blue, green, red.
        **options: Passed to ``application``.

    Returns:
        NumPy arrays of each layer that has any, by the layer's name; for red, green, blue.

    Raises:
        UserError: If no weights are published for the options, or the file cannot be had or read.
    """
    try:
        # Keras reports its download on standard output, which is for results.
        with contextlib.redirect_stdout(sys.stderr):
            original = application(
                include_top=False, weights="imagenet", input_shape=(size, size, 3), **options
            )
    except Exception as error:  # a failed download is a bare Exception in Keras
        raise UserError(
            f"the ImageNet weights of encoder {_called(application, options)} cannot be loaded "
            f"({_line(error)}); connect to the network, or put the published file into "
            f"{_cache()}, and delete a damaged one there"
        ) from error
    return weights_of(original, bgr=bgr)


def weights_of(original: keras.Model, *, bgr: bool = False) -> dict[str, list[Any]]:
    """Returns the weights of a network of ``keras.applications`` as :func:`graft` names them.

    Args:
        original: The network, built without its head.
        bgr: Whether it takes pictures in blue, green, red; its first kernel is turned around.

    Returns:
        NumPy arrays of each layer that has any, by the layer's name; its own scaling left out.
    """
    source, calls = _calls(original)
    names = _names(calls, _taps(source, calls), original.name)
    found = {
        names[id(call.operation)]: call.operation.get_weights()
        for call in calls
        if isinstance(call.operation, keras.Layer) and call.operation.weights
    }
    if bgr:
        kernel, *others = found[first := next(iter(found))]
        found[first] = [kernel[:, :, ::-1], *others]
    return found


def _alike(
    image: keras.KerasTensor, unknown_size: int | None
) -> tuple[int | None, int | None, int]:
    """The input shape for which Keras builds what ``image`` needs.

    Some networks pad by whether the size of a map is odd or even. Sizes that are the same modulo
    64 are so at all five strides, after a first convolution without padding too, and Keras takes
    none that is below 75.
    """
    height, width = image.shape[1:3]
    if height is None or width is None:
        return unknown_size, unknown_size, 3
    return 128 + height % 64, 128 + width % 64, 3


def _calls(original: keras.Model) -> tuple[keras.KerasTensor, list[_Call]]:
    """The network's input, and its calls in the order of computation, without scaling layers."""
    height, width = (large_like(size) for size in original.input_shape[1:3])
    source: Any = keras.Input((height, width, 3))
    calls: list[_Call] = []
    position = {id(source): 0}

    def record(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(operation, keras.Sequential):
            (x,) = args
            for layer in operation.layers:
                x = record(layer, x)
            return x
        scaling = (keras.layers.Rescaling, keras.layers.Normalization)
        if isinstance(operation, scaling) and args[0] is source:
            return source
        output = operation(*args, **kwargs)
        given = map(id, keras.tree.flatten((args, kwargs)))
        parents = frozenset(position[tensor] for tensor in given if tensor in position)
        calls.append(_Call(operation, args, kwargs, output, parents))
        position[id(output)] = len(calls)
        return output

    # Calls the network's own layers once more; only what they are called with is wanted.
    keras.models.clone_model(
        original,
        input_tensors=source,
        clone_function=lambda layer: layer,
        call_function=record,
    )
    return source, calls


def _taps(source: keras.KerasTensor, calls: list[_Call]) -> list[int]:
    """The positions, from 1, of the calls whose outputs are the feature maps."""
    last_use: dict[int, int] = {}
    for position, call in enumerate(calls, start=1):
        last_use.update(dict.fromkeys(call.parents, position))
    cuts: dict[int, int] = {}
    concatenations: dict[int, int] = {}
    farthest = last_use[0]
    for position, call in enumerate(calls, start=1):
        stride = round(source.shape[1] / call.output.shape[1]) if len(call.output.shape) == 4 else 0
        # Nothing made before is used after: whatever comes later depends on this alone.
        if farthest <= position and not isinstance(call.operation, keras.layers.ZeroPadding2D):
            cuts[stride] = position
        farthest = max(farthest, last_use.get(position, 0))
        if isinstance(call.operation, keras.layers.Concatenate):
            # The order of calls says little where paths run side by side, what goes in does.
            best = concatenations.get(stride)
            if best is None or len(_needed(calls, position)) > len(_needed(calls, best)):
                concatenations[stride] = position
    found = concatenations | cuts
    return [found[stride] for stride in _STRIDES if stride in found]


def _needed(calls: list[_Call], position: int) -> set[int]:
    """The positions of the calls that the one at ``position`` depends on, itself included."""
    found: set[int] = set()
    ahead = [position]
    while ahead:
        position = ahead.pop()
        if position not in found and position > 0:
            found.add(position)
            ahead.extend(calls[position - 1].parents)
    return found


def _names(calls: list[_Call], taps: list[int], network: str) -> dict[int, str]:
    """The name of each operation, by its identity."""
    operations = {id(call.operation): call.operation for call in calls}
    stems: dict[int, str] = {
        key: operation.name.removeprefix(f"{network}_") for key, operation in operations.items()
    }
    automatic: dict[str, list[tuple[int, int]]] = {}
    for key, operation in operations.items():
        base, _, number = operation.name.rpartition("_")
        if not number.isdigit():
            base, number = operation.name, "0"
        if base.replace("_", "") == type(operation).__name__.lower():
            automatic.setdefault(base, []).append((int(number), key))
    for base, numbered in automatic.items():
        # As Keras names them in a fresh process, whatever that process built before.
        for number, (_, key) in enumerate(sorted(numbered)):
            stems[key] = f"{base}_{number}" if number else base
    names: dict[int, str] = {}
    for stage, tap in enumerate(taps, start=1):
        for position in _needed(calls, tap):
            key = id(calls[position - 1].operation)
            names.setdefault(key, f"stage{stage}_{stems[key]}")
    return names


def _called(application: Callable[..., Any], options: Mapping[str, Any]) -> str:
    values = "".join(f" with {name}={value!r}" for name, value in options.items())
    return f"{application.__name__.lower()!r}{values}"


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _cache() -> Path:
    return Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"
