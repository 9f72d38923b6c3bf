"""One version of a model, loaded: its signatures, and how they are called."""

import weakref
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from zoo.export.c_api import Session, SessionError
from zoo.serving.limits import MOST_DIMENSIONS
from zoo.serving.messages import SavedModel
from zoo.serving.status import Code, ServingError, invalid
from zoo.serving.tensors import dtype_name
from zoo.serving.warmup import warm_up

DEFAULT_SIGNATURE = "serving_default"
_TAG = "serve"
_VARIABLES = ("VarHandleOp", "VariableV2")
# As models of the zoo call them, which is all that has pictures and masks.
_MASKS = "mask_bytes"
_OF_THE_GRAPH = "[["


class Servable:
    """A loaded SavedModel.

    Args:
        path: ``savedmodels/NAME/N``.

    Attributes:
        signature_defs: By name, as the file has them; with TensorFlow's own of a TF2 model.

    Raises:
        OSError: If there is none, or a part of it is missing.
        ValueError: If it is damaged, or has no graph for serving.
        SessionError: If TensorFlow cannot load it.
        ServingError: If one of its warm-up records is not answered.
    """

    def __init__(self, path: Path):
        self.path = path
        graph = _meta_graph(path)
        _check_variables(graph, path)
        self.signature_defs = dict(graph.signature_def)
        # As TensorFlow Serving loads it. What Python's `tf.saved_model.load` calls is never all
        # let go of again: a server would grow by megabytes with each version.
        self._session = Session(path)
        # When the last request under way has been answered.
        weakref.finalize(self, self._session.close).atexit = False
        warm_up(path, self.run)

    def input_dtypes(self, signature: str) -> dict[str, str]:
        """Returns the type of each input, ``float32``, ``string`` ..., in the order of names.

        Args:
            signature: ``""`` for the default.

        Raises:
            ServingError: FAILED_PRECONDITION, if there is no such signature.
        """
        inputs = self._signature(signature).inputs
        return {name: tf.dtypes.as_dtype(inputs[name].dtype).name for name in sorted(inputs)}

    def answers_masks(self, signature: str) -> bool:
        """Returns whether a signature answers pictures with masks of their own sizes.

        Raises:
            ServingError: As :meth:`input_dtypes`.
        """
        return _MASKS in self._signature(signature).outputs

    def _signature(self, name: str) -> Any:
        found = self.signature_defs.get(name or DEFAULT_SIGNATURE)
        if found is None or (name or DEFAULT_SIGNATURE) not in self._session.signatures:
            raise ServingError(
                Code.FAILED_PRECONDITION,
                f'Serving signature key "{name or DEFAULT_SIGNATURE}" not found.',
            )
        return found

    def check(
        self, signature: str, dtypes: Mapping[str, tf.DType], only: Collection[str] = ()
    ) -> None:
        """Looks whether a request fits a signature, before it has tensors.

        Args:
            signature: ``""`` for the default.
            dtypes: By input.
            only: The outputs wanted; all if there are none.

        Raises:
            ServingError: FAILED_PRECONDITION if there is no such signature, INVALID_ARGUMENT if
                inputs or ``only`` do not fit it.
        """
        definition = self._signature(signature)
        _check_inputs(definition, dtypes)
        _check_outputs(definition, only)

    def run(
        self,
        signature: str,
        tensors: Mapping[str, np.ndarray],
        only: Collection[str] = (),
    ) -> dict[str, np.ndarray]:
        """Calls a signature.

        Declared shapes are not checked, as TensorFlow Serving does not: a wrong one fails in
        an operation, or does not.

        Args:
            signature: ``""`` for the default.
            tensors: By input; of the signature's types.
            only: The outputs wanted; all if there are none.

        Returns:
            By output; strings as arrays of ``bytes`` objects.

        Raises:
            ServingError: As :meth:`check`, else what TensorFlow says.
        """
        self.check(signature, {name: _dtype(value) for name, value in tensors.items()}, only)
        # Always in one order, and all outputs: TensorFlow prepares, and keeps, a graph for each
        # choice of them, which is a client's.
        given = {name: tensors[name] for name in sorted(tensors)}
        try:
            outputs = self._session.run(signature or DEFAULT_SIGNATURE, given)
        except SessionError as error:
            raise ServingError(Code(error.code), _first_line(error.message)) from error
        except ValueError as error:
            raise invalid(str(error)) from error
        return {name: _bounded(outputs[name]) for name in (only or outputs)}


def _meta_graph(path: Path) -> Any:
    saved = SavedModel()
    try:
        saved.ParseFromString((path / "saved_model.pb").read_bytes())
    except DecodeError as error:
        raise ValueError(f"Can't parse {path / 'saved_model.pb'} as a SavedModel") from error
    for graph in saved.meta_graphs:
        if set(graph.meta_info_def.tags) == {_TAG}:
            return graph
    raise ValueError(f"Could not find meta graph def matching supplied tags: {{ {_TAG} }}")


def _check_variables(graph: Any, path: Path) -> None:
    # The loader takes a graph without their files for one that needs none, and every request
    # would fail.
    index = path / "variables" / "variables.index"
    restored = graph.saver_def.restore_op_name and any(
        node.op in _VARIABLES for node in graph.graph_def.node
    )
    if restored and not index.is_file():
        raise FileNotFoundError(f"{index} is not there, which the graph's variables are read from")


def _check_inputs(definition: Any, dtypes: Mapping[str, tf.DType]) -> None:
    extra, missing = dtypes.keys() - definition.inputs.keys(), definition.inputs.keys() - dtypes
    if extra or missing:
        raise invalid(
            "input keys do not match model signature. "
            f"Sent extra: {_set(extra)}. Missing but required: {_set(missing)}."
        )
    for place, name in enumerate(sorted(definition.inputs)):
        expected = tf.dtypes.as_dtype(definition.inputs[name].dtype)
        given = dtypes[name]
        if given != expected:
            raise invalid(
                f"Expects arg[{place}] to be {dtype_name(expected.name)} but "
                f"{dtype_name(given.name)} is provided"
            )


def _check_outputs(definition: Any, only: Collection[str]) -> None:
    seen = set()
    for name in only:
        if name not in definition.outputs:
            raise invalid(f"output tensor alias not found in signature: {name}")
        if name in seen:
            raise invalid(f"duplicate output tensor alias: {name}")
        seen.add(name)


def _dtype(value: np.ndarray) -> tf.DType:
    return tf.string if value.dtype == object else tf.dtypes.as_dtype(value.dtype)


def _bounded(value: np.ndarray) -> np.ndarray:
    if value.ndim > MOST_DIMENSIONS:
        raise invalid(
            f"An output has {value.ndim} dimensions; {MOST_DIMENSIONS} can be sent at most"
        )
    return value


def _set(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"


def _first_line(message: str) -> str:
    """Returns what TensorFlow says first, without where in the graph that was."""
    lines = [line.strip() for line in message.splitlines()]
    useful = [line for line in lines if line and not line.startswith(_OF_THE_GRAPH)]
    return useful[0] if useful else "no message"
