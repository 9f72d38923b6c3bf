"""LiteRT (TensorFlow Lite): converted by TensorFlow, run by ai-edge-litert.

TensorFlow's own interpreter of these files is deprecated in favour of that one.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.export.runtimes.contract import Calibration, Format, Network
from zoo.export.runtimes.exact import Node, nodes_from

_FILE = "model.tflite"


def write(traced: Any, folder: Path, calibration: Calibration | None) -> None:
    """Writes ``model.tflite``; see :class:`zoo.export.runtimes.contract.Format`."""
    import tensorflow as tf

    concrete = traced.answer.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], traced)
    with warnings.catch_warnings():
        # Calibrating runs the deprecated interpreter.
        warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter is deprecated")
        if calibration is None:
            data = converter.convert()
        elif traced.exact:
            data = _quantized_in_part(converter, calibration, traced.exact)
        else:
            # What has no kernel in whole numbers stays in float32.
            converter.target_spec.supported_ops = [
                tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
                tf.lite.OpsSet.TFLITE_BUILTINS,
            ]
            data = _calibrated(converter, calibration).convert()
    (folder / _FILE).write_bytes(data)


def _calibrated(converter: Any, calibration: Calibration) -> Any:
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ({"image": one} for one in calibration)
    return converter


def _quantized_in_part(converter: Any, calibration: Calibration, exact: tuple[str, ...]) -> bytes:
    """The converter takes no list of what to leave; what it comes with for debugging does."""
    import tensorflow as tf

    debugging: Any = tf.lite.experimental
    plain = converter.convert()
    options = debugging.QuantizationDebugOptions(denylisted_nodes=nodes_from(exact, _nodes(plain)))
    return debugging.QuantizationDebugger(
        converter=_calibrated(converter, calibration),
        debug_dataset=lambda: iter(()),
        debug_options=options,
    ).get_nondebug_quantized_model()


def _nodes(model: bytes) -> Iterator[Node]:
    from tensorflow.lite.tools import flatbuffer_utils

    read: Any = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
    (graph,) = read.subgraphs
    for operator in graph.operators:
        first = graph.tensors[operator.outputs[0]]
        yield first.name.decode(), operator.inputs, operator.outputs


def load(path: Path) -> Network:
    """Loads the model; returns a function from float32 [n, H, W, c] to its outputs by name."""
    import os

    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(path), num_threads=os.cpu_count()).get_signature_runner()
    return lambda image: runner(image=image)


FORMAT = Format(
    name="litert",
    title="LiteRT",
    files=(_FILE,),
    runtime="ai-edge-litert",
    modules=("ai_edge_litert",),
    int8_modules=(),
    write=write,
    load=load,
)
