"""Writes what servers load: the answering functions around a folded and frozen network."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from zoo.errors import UserError
from zoo.export.graph.fold import fold
from zoo.export.graph.freeze import freeze
from zoo.export.graph.ops import served_ops
from zoo.export.graph.tiled import TILED, tiled
from zoo.inference import Predictor


@dataclass(frozen=True)
class Graph:
    """What one may want to know of a graph that was written.

    Attributes:
        precision: Of the network's computations; what goes in and comes out is float32.
        overlap: Of the tiles of the signature ``tiled``; ``None`` where there is none.
        weights: ``"constants"`` of the graph, or ``"variables"`` where they are too large to be.
        ops: Names of all op types in it.
    """

    precision: str
    overlap: float | None
    weights: str
    ops: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns the same for a model card."""
        return {**asdict(self), "ops": list(self.ops)}


def write_graph(
    predictor: Predictor,
    folder: Path,
    network: keras.Model | None = None,
    overlap: float | None = None,
) -> Graph:
    """Writes a SavedModel that answers as a predictor does, prepared for a server.

    Normalization is folded and weights are constants; all signatures share them. The folder
    ``variables`` is there all the same: where it is missing a server takes the version for torn.

    Args:
        predictor: The model and everything around it.
        folder: Where the SavedModel goes.
        network: The same model built for another precision, if that is to be served.
        overlap: For a signature ``tiled`` besides, how much of a tile its neighbour shares; see
            :func:`zoo.export.graph.tiled.tiled`.

    Returns:
        What was written.

    Raises:
        UserError: If the folder cannot be written to, or the model cannot be asked for tiles.
        CheckError: If the graph has ops that no server runs.
    """
    folded = fold(network or predictor.model)
    preprocessing = predictor.preprocessing
    frozen = freeze(folded, preprocessing.size, preprocessing.channels)
    served = predictor.served_by(frozen.answer)
    module = _Read(frozen.variables)
    functions = dict(served.signatures)
    if overlap is not None:
        functions[TILED] = tiled(served, overlap)
    signatures = {name: function.get_concrete_function() for name, function in functions.items()}
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    try:
        tf.saved_model.save(module, str(folder), signatures=signatures, options=options)
    except tf.errors.OpError as error:
        raise UserError(f"the model cannot be written to {folder.parent}: {error}") from error
    return Graph(
        precision=precision_of(folded),
        overlap=overlap,
        weights="variables" if frozen.variables else "constants",
        ops=tuple(served_ops(folder)),
    )


class _Read(tf.Module):
    """Holds the variables that functions read: only what a module holds is saved with them."""

    def __init__(self, variables: Sequence[tf.Variable]):
        super().__init__(name="served")
        self.variables_read = list(variables)


def precision_of(model: keras.Model) -> str:
    """Returns ``"bfloat16"`` if a layer of a model computes in it, or else ``"float32"``."""
    low = any(layer.compute_dtype == "bfloat16" for layer in model.layers)
    return "bfloat16" if low else "float32"
