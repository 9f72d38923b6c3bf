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
from zoo.export.messages import read_meta_graph
from zoo.export.replay import CARD


def ops_of(version: Path) -> list[str]:
    """Lists the types of the operations that a SavedModel's graph and functions hold.

    Args:
        version: The folder of the SavedModel.
    """
    graph = read_meta_graph(version).graph_def
    nodes = [*graph.node, *(node for one in graph.library.function for node in one.node_def)]
    # Calls of functions stand under the functions' names.
    own = {function.signature.name for function in graph.library.function}
    return sorted({node.op for node in nodes} - own)


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


def facts() -> dict[str, Any]:
    """Returns when and by which versions a model is published, and which server will do.

    TensorFlow promises that a release loads what earlier ones wrote, and no more than that.
    """
    writer = metadata.version("tensorflow")
    return {
        "published": datetime.now(UTC).isoformat(timespec="seconds"),
        "smallest_server": f"TensorFlow Serving {'.'.join(writer.split('.')[:2])}",
        "versions": {
            "zoo": zoo.__version__,
            **{name: metadata.version(name) for name in ("tensorflow", "keras")},
        },
    }
