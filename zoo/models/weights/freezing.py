"""Freezing: layers that training leaves as they are, by the stage that they belong to.

The names of an encoder's layers begin with ``stem`` or with ``stage1_``, ``stage2_`` ..., and no
other layer's do.
"""

import re
from typing import Any

import keras

from zoo.errors import UserError


def stage_of(name: str) -> int | None:
    """Returns the stage that a layer belongs to, 0 for the stem; ``None`` outside the encoder."""
    found = re.match(r"stem|stage(\d+)_", name)
    return None if found is None else int(found[1] or 0)


def freeze(model: keras.Model, what: Any) -> None:
    """Freezes the encoder of a model, or its first stages, besides what is frozen already.

    Training then leaves every weight of these layers as it is. Batch normalization among them
    keeps its moving statistics too and normalises by those, as it does when asked for an answer;
    dropout still drops. A model that was compiled must be compiled anew.

    Args:
        model: A model of this zoo.
        what: ``"encoder"``, or a number N for the stem and the stages 1 to N.

    Raises:
        UserError: If it is neither, or the encoder has fewer stages.

    Example:
        >>> model = keras.models.load_model("runs/old/model.keras")
        >>> zoo.freeze(model, 2)
    """
    if what != "encoder" and (isinstance(what, bool) or not isinstance(what, int) or what < 1):
        raise UserError(
            f"freeze={what!r} is unknown; give 'encoder', or the number of stages from 1 on"
        )
    stages = {
        layer.name: stage for layer in model.layers if (stage := stage_of(layer.name)) is not None
    }
    count = max(stages.values(), default=0)
    if not stages:
        raise UserError(
            f"model {model.name!r} has no layers to freeze, whose names begin with 'stem' or "
            "'stage1_'; build it with zoo.build"
        )
    if what != "encoder" and what > count:
        raise UserError(
            f"freeze={what} asks for more stages than the encoder's {count}; give a number up to "
            f"{count}, or 'encoder' for all"
        )
    for layer in model.layers:
        stage = stages.get(layer.name)
        if stage is not None and (what == "encoder" or stage <= what):
            layer.trainable = False


def thaw(model: keras.Model) -> None:
    """Makes every layer of a model trainable again.

    A model that was compiled must be compiled anew.

    Example:
        >>> model = zoo.build("classification", classes=3, input_shape=(64, 64, 3), freeze=2)
        >>> zoo.thaw(model)
    """
    # Setting it on the model alone does not reach the layers of a functional one.
    for layer in (model, *model.layers):
        layer.trainable = True
