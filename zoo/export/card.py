"""The model card: what one must know of a published model, beside it as plain values.

Nothing here imports TensorFlow, so that a listing of what is published need not.
"""

import json
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import zoo
from zoo.errors import UserError
from zoo.export.replay import CARD
from zoo.training.files import json_object, read_as


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
    return read_as(path, json_object, "publish the model again")


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
