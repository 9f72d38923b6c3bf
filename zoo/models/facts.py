"""What each encoder costs and sees, measured once and kept, so that listing builds nothing.

``python -m zoo.models.facts`` measures all encoders anew and writes the table.
"""

import json
from pathlib import Path
from typing import Any

import keras

from zoo.models.about import about
from zoo.models.describe import describe
from zoo.models.encoders import ENCODERS
from zoo.models.graph import smallest_input
from zoo.models.menu import summary
from zoo.models.strides import output_strides

TABLE = Path(__file__).with_name("facts.json")


def measure(name: str) -> dict[str, Any]:
    """Builds an encoder at its usual size, with three channels, and returns what it costs.

    Args:
        name: A name that :func:`zoo.list_encoders` gives.

    Returns:
        Plain values: ``summary``; ``size``, the usual height and width; ``parameters``;
        ``macs``, multiply-adds at that size; ``receptive_field`` of the coarsest map, height and
        width in pixels or ``"all"``; ``strides`` of the maps; ``smallest_input``, height and
        width; ``imagenet``, whether trained weights were published; ``input_scaling``.
    """
    encoder = ENCODERS[name]
    facts = about(encoder)
    image: Any = keras.Input((facts.size, facts.size, 3), dtype="float32")
    features = encoder(image)
    found = describe(keras.Model(image, features[-1]))
    # Some networks are padded for the very size that they are built for, and for no other.
    free: Any = keras.Input((None, None, 3), dtype="float32")
    smallest = smallest_input(keras.Model(free, encoder(free)[-1]))
    return {
        "summary": summary(encoder),
        "size": facts.size,
        "parameters": found.parameters,
        "macs": found.macs,
        "receptive_field": _plain(found.receptive_field),
        "strides": output_strides(image, features),
        "smallest_input": _plain(smallest),
        "imagenet": facts.pretrained is not None,
        "input_scaling": facts.input_scaling,
    }


def known() -> dict[str, dict[str, Any]]:
    """Returns the table: the values of :func:`measure` by the encoder's name, sorted."""
    return json.loads(TABLE.read_text(encoding="utf-8"))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _write() -> None:
    facts = {}
    for name in sorted(ENCODERS):
        print(name, flush=True)
        facts[name] = measure(name)
        keras.backend.clear_session()
    lines = [f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in facts.items()]
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    _write()
