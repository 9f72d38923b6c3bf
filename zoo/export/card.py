"""The model card: what one must know of a published model, beside it as plain values.

Nothing here imports TensorFlow, so that a listing of what is published need not.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import zoo
from zoo.errors import UserError
from zoo.export.replay import CARD

# Which scores count pictures: so many of so many.
_SHARES = ("accuracy", "top_5_accuracy", "top_3_accuracy", "iou_50")
# Of the normal distribution: 95 % lie within so many standard deviations.
_Z = 1.96


def write_card(version: Path, card: dict[str, Any]) -> None:
    """Writes the card of a version.

    Args:
        version: The folder of the SavedModel.
        card: Plain values.
    """
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    (version / CARD).write_text(text, encoding="utf-8")


def read_card(version: Path) -> dict[str, Any]:
    """Reads the model card of a published version.

    Raises:
        UserError: If there is none, or it is damaged.
    """
    path = version / CARD
    if not path.is_file():
        raise UserError(f"{version} has no {CARD}; `zoo export` writes models with one")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); publish the model again") from error


def intervals_of(scores: Mapping[str, float], pictures: int) -> dict[str, list[float]]:
    """Returns 95 % confidence intervals of those scores that are shares of pictures.

    Wilson's score interval (Wilson 1927), which holds near 0 and 1 and for few pictures too:
    the shares p with |p - share| <= z sqrt(p (1 - p) / n), z = 1.96.

    Args:
        scores: By name.
        pictures: On how many they were measured.

    Returns:
        Lower and upper end by the score's name. A mean over pictures or classes has none here.

    Example:
        >>> intervals_of({"accuracy": 0.5}, 16)
        {'accuracy': [0.28, 0.72]}
    """
    square = _Z * _Z
    found = {}
    for name in _SHARES:
        share = scores.get(name, math.nan)
        if math.isnan(share) or not pictures:
            continue
        middle = (share + square / (2 * pictures)) / (1 + square / pictures)
        spread = math.sqrt(share * (1 - share) / pictures + square / (4 * pictures**2))
        reach = _Z * spread / (1 + square / pictures)
        found[name] = [round(max(0.0, middle - reach), 4), round(min(1.0, middle + reach), 4)]
    return found


def facts(*packages: str) -> dict[str, Any]:
    """Returns when and by which versions a model is published.

    Args:
        *packages: Distributions to name besides TensorFlow and Keras.
    """
    named = ("tensorflow", "keras", *packages)
    return {
        "published": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "zoo": zoo.__version__,
            **{name: metadata.version(name) for name in named},
        },
    }


def smallest_server() -> str:
    """Returns which server will do for a SavedModel written here.

    TensorFlow promises that a release loads what earlier ones wrote, and no more than that.
    """
    writer = metadata.version("tensorflow")
    return f"TensorFlow Serving {'.'.join(writer.split('.')[:2])}"
