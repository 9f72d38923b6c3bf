"""Heads for one object: its class and its box.

Boxes are float32 [n, 4]: x_min, y_min, x_max, y_max as fractions of the model's input, and
0 <= x_min <= x_max <= 1, 0 <= y_min <= y_max <= 1 whatever the weights.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras

from zoo.models import blocks, checks
from zoo.models.heads import vector
from zoo.models.strides import output_strides
from zoo.models.style import Perceptron, Style

_STYLE = Style()
_PERCEPTRON = Perceptron()

# The axes of height and width; Keras takes several although its signature names one.
POSITIONS: Any = (1, 2)


def _pooled(
    pool: Callable[..., keras.KerasTensor],
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    classes: int,
    only: str | None = None,
    perceptron: Perceptron = _PERCEPTRON,
) -> dict[str, keras.KerasTensor]:
    """Dense layers on one vector of the coarsest map.

    Strung out it knows positions and needs a fixed size. Averages and maxima take any size, but
    positions are pooled away: what is left of them is what zero padding at the borders lets the
    maps know.

    Args:
        pool: From the map to the vector; see :mod:`zoo.models.heads.vector`.
        features: Feature maps, fine to coarse.
        image: The model's input; not used.
        classes: Number of classes.
        only: ``"class"`` or ``"box"`` to answer that alone.
        perceptron: See :class:`zoo.models.style.Perceptron`.

    Returns:
        ``{"class": logits float32 [n, classes], "box": float32 [n, 4]}``.

    Raises:
        UserError: If the map is strung out and the input's height or width is unknown, or if
            ``only`` is none of the answers.
    """
    return _chosen(_answers(pool(features[-1], perceptron), classes), only)


flatten = partial(_pooled, vector.flattened)
average = partial(_pooled, vector.averaged)
max = partial(_pooled, vector.maximal)
average_max = partial(_pooled, vector.averaged_and_maximal)


def spatial(
    features: Sequence[keras.KerasTensor],
    image: keras.KerasTensor,
    /,
    *,
    classes: int,
    only: str | None = None,
    hidden: int | Sequence[int] = 0,
    style: Style = _STYLE,
) -> dict[str, keras.KerasTensor]:
    """Soft-argmax: each edge is the mean position under a heat map of its own; any size.

    The expected coordinate under a softmax over all positions is Levine et al.'s spatial softmax
    (2016, arXiv:1504.00702). The heat maps lie on the second coarsest map, to which the coarsest
    one is brought up and added, for a finer grid that still sees far. Coordinates run from 0 at
    the first position to 1 at the last, so that a box can reach the borders. The class comes from
    the coarsest map, averaged over all positions and over those that an attention map weighs.

    Args:
        features: Feature maps, fine to coarse.
        image: The model's input.
        classes: Number of classes.
        only: ``"class"`` or ``"box"`` to answer that alone.
        hidden: Units of dense layers before the class's; see
            :class:`zoo.models.style.Perceptron`.
        style: See :class:`zoo.models.style.Style`; its dropout is of those layers.

    Returns:
        ``{"class": logits float32 [n, classes], "box": float32 [n, 4]}``.

    Raises:
        UserError: For a value that no head can be built from.
    """
    x = _fine_and_far(features, image, style)
    left_right = _expected(x, axis=2, name="edges_x")
    top_bottom = _expected(x, axis=1, name="edges_y")
    # The two heat maps of an axis have no order of their own: the smaller one is the first edge.
    corners = [
        reduce(edges, axis=1, keepdims=True)
        for reduce in (keras.ops.min, keras.ops.max)
        for edges in (left_right, top_bottom)
    ]
    box = keras.layers.Concatenate(dtype="float32", name="box")(corners)
    if classes == 1:
        return _chosen({"class": _certain(box), "box": box}, only)

    perceptron = Perceptron(
        hidden=hidden, dropout=style.dropout, block_activation=style.block_activation
    )
    coarsest = features[-1]
    attention = _heat(coarsest, 1, "attention")
    attended = keras.layers.Multiply(dtype="float32", name="attended")([coarsest, attention])
    pooled = keras.layers.Concatenate(dtype="float32", name="pooled")(
        [keras.ops.sum(attended, axis=(1, 2)), vector.averaged(coarsest, _PERCEPTRON)]
    )
    logits = vector.class_logits(vector.dense(pooled, perceptron), classes)
    return _chosen({"class": logits, "box": box}, only)


def _chosen(
    answers: dict[str, keras.KerasTensor], only: str | None
) -> dict[str, keras.KerasTensor]:
    checks.one_of("only", only, (*answers, None))
    return answers if only is None else {only: answers[only]}


def _fine_and_far(
    features: Sequence[keras.KerasTensor], image: keras.KerasTensor, style: Style
) -> keras.KerasTensor:
    x = features[-1]
    fine = features[-2:][0]
    if len(features) > 1:
        finer, coarser = output_strides(image, features)[-2:]
        x = blocks.upsample(x, fine, fine.shape[-1], coarser // finer, style=style, name="locate")
        x = keras.layers.Concatenate(name="locate_concat")([fine, x])
    return blocks.convolution(x, fine.shape[-1], 3, style=style, name="locate")


def _expected(x: keras.KerasTensor, axis: int, name: str) -> Any:
    """Two heat maps on [n, h, w, c] and their mean coordinate along an axis: [n, 2] in 0..1."""
    along: Any = keras.ops.sum(_heat(x, 2, name), axis=3 - axis)
    # A running count of ones is the one ramp that needs no size known in advance.
    count: Any = keras.ops.cumsum(keras.ops.ones_like(along), axis=1)
    length: Any = keras.ops.max(count, axis=1, keepdims=True)
    steps: Any = keras.ops.maximum(length - 1.0, 1.0)
    return keras.ops.clip(keras.ops.sum(along * ((count - 1.0) / steps), axis=1), 0.0, 1.0)


def _heat(x: keras.KerasTensor, maps: int, name: str) -> keras.KerasTensor:
    """So many maps [n, h, w, maps] that each add up to 1 over all positions."""
    # The softmax would cancel a bias.
    x = keras.layers.Conv2D(maps, 1, use_bias=False, dtype="float32", name=name)(x)
    return keras.layers.Softmax(POSITIONS, dtype="float32", name=f"{name}_map")(x)


def _answers(x: keras.KerasTensor, classes: int) -> dict[str, keras.KerasTensor]:
    """Class and box from a vector [n, c].

    A box is its size s, a fraction, and the position p of its first corner in the room 1 - s that
    the size leaves: from p (1 - s) to p (1 - s) + s.
    """
    size = keras.layers.Dense(2, activation="sigmoid", dtype="float32", name="box_size")(x)
    position = keras.layers.Dense(2, activation="sigmoid", dtype="float32", name="box_position")(x)
    room = keras.layers.Rescaling(-1.0, offset=1.0, dtype="float32", name="box_room")(size)
    first = keras.layers.Multiply(dtype="float32", name="box_first")([position, room])
    # Never above 1: 1 - s is at most 2^-25 off, which the sum rounds away.
    last = keras.layers.Add(dtype="float32", name="box_last")([first, size])
    box = keras.layers.Concatenate(dtype="float32", name="box")([first, last])
    logits = _certain(box) if classes == 1 else vector.class_logits(x, classes)
    return {"class": logits, "box": box}


def _certain(box: Any) -> Any:
    """The logit 0 for the only class there is, [n, 1]: nothing to learn, so no weights."""
    return keras.ops.zeros_like(box[:, :1])
