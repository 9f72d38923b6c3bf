"""Receptive field and stride found by experiment: one input pixel at a time is changed."""

from collections.abc import Callable

import keras
import numpy as np
from backends import compiled, in_float64

from zoo.models.graph import smallest_input

# What keeps its value where every kernel is positive and there is nothing to subtract.
_ONES = ("gamma", "scale", "moving_variance", "variance")


def counting(model: keras.Model) -> keras.Model:
    """Returns a model of the same layers in float64 that counts paths.

    Every kernel is the same positive number and every bias 0, so that on a picture of zeros a
    lone pixel gets through to all that can see it, whatever maximum or ReLU lies between; nothing
    can cancel. Float64 has room for what hundreds of layers multiply. Normalizations must be
    batch or none, and the input not scaled: a background of zeros must stay zero.
    """

    def of_float64(layer):
        if not isinstance(layer, keras.layers.Layer):
            return layer.__class__.from_config(layer.get_config())
        return layer.__class__.from_config({**layer.get_config(), "dtype": "float64"})

    copy = keras.models.clone_model(model, clone_function=of_float64)
    for weight in copy.weights:
        shape = tuple(weight.shape)
        if weight.name.endswith("kernel"):
            # Of all that is summed over but the window, so that numbers stay moderate.
            weight.assign(np.full(shape, 1 / shape[-2]))
        else:
            weight.assign(np.full(shape, float(weight.name in _ONES)))
    return copy


def seen_spans(
    build: Callable[[tuple[int, int, int]], keras.Model], length: int, *, across: bool, batch=256
) -> list[tuple[int, int] | None]:
    """Returns the first and last input pixel that each position of a map answers to.

    Args:
        build: Returns a model from a picture of a shape to one map.
        length: Of the picture along the axis that is looked at; the map's middle is taken
            along the other.
        across: Look along the width, else along the height.
        batch: Pictures computed at a time.

    Returns:
        For each position of the map along the axis, or ``None`` if it answers to none.
    """
    # As thin a picture as it can be: one pixel, where nothing takes away from the borders.
    thin = smallest_input(build((None, None, 1)))[0 if across else 1]
    shape = (thin, length, 1) if across else (length, thin, 1)
    model = counting(build(shape))
    answer, middle = compiled(model), thin // 2
    answers = []
    for start in range(0, length, batch):
        places = np.arange(start, min(start + batch, length))
        pictures = np.zeros((len(places), *shape))
        index = (middle, places) if across else (places, middle)
        pictures[np.arange(len(places)), index[0], index[1]] = 1
        maps = np.asarray(answer(pictures)).sum(-1)
        answers.append(maps[:, maps.shape[1] // 2] if across else maps[:, :, maps.shape[2] // 2])
    table = np.concatenate(answers) > 0  # input pixel, position
    found = [np.flatnonzero(column) for column in table.T]
    return [(int(seen[0]), int(seen[-1])) if len(seen) else None for seen in found]


def field_and_stride(
    build: Callable[[tuple[int, int, int]], keras.Model], length: int, *, across: bool = True
) -> tuple[int, float]:
    """Returns the receptive field of positions that no border cuts, and the stride.

    Args:
        build: As for :func:`seen_spans`.
        length: Of the picture; so large that some positions see neither border.
        across: Look along the width, else along the height.
    """
    with in_float64():
        spans = seen_spans(build, length, across=across)
    whole = [
        (position, *span)
        for position, span in enumerate(spans)
        if span and span[0] > 0 and span[1] < length - 1
    ]
    assert len(whole) > 1, f"a length of {length} leaves too few positions away from the borders"
    # Positions of an enlarged map differ, and repeat after a power of two.
    first = whole[0]
    last = whole[(len(whole) - 1) // 32 * 32 or -1]
    stride = (last[1] - first[1]) / (last[0] - first[0])
    return max(high - low + 1 for _, low, high in whole), stride
