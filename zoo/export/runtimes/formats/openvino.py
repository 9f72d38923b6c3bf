"""OpenVINO: converted and run by OpenVINO, quantized by NNCF."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.export.runtimes.contract import Calibration, Format, Network
from zoo.export.runtimes.exact import Node, nodes_from

_FILE = "model.xml"


def write(traced: Any, folder: Path, calibration: Calibration | None) -> None:
    """Writes ``model.xml`` and ``model.bin``; see :class:`zoo.export.runtimes.contract.Format`."""
    import openvino

    model = openvino.convert_model(traced.answer.get_concrete_function())
    if calibration is not None:
        import nncf  # pyright: ignore[reportMissingImports]

        left = nodes_from(traced.exact, _nodes(model)) if traced.exact else []
        # Activations that are below 0 as well as above get a range of their own on either side.
        model = nncf.quantize(
            model,
            nncf.Dataset(list(calibration)),
            subset_size=len(calibration),
            preset=nncf.QuantizationPreset.MIXED,
            ignored_scope=nncf.IgnoredScope(names=left, validate=False),
        )
    openvino.save_model(model, folder / _FILE, compress_to_fp16=False)


def _nodes(model: Any) -> Iterator[Node]:
    for node in model.get_ordered_ops():
        reads = [value.get_node().get_friendly_name() for value in node.input_values()]
        yield node.get_friendly_name(), reads, [node.get_friendly_name()]


def load(path: Path) -> Network:
    """Loads the model; returns a function from float32 [n, H, W, c] to its outputs by name."""
    import openvino

    # Left alone it computes in bfloat16 where a processor can.
    model = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda image: {output.any_name: value for output, value in model(image).items()}


FORMAT = Format(
    name="openvino",
    title="OpenVINO",
    files=(_FILE, "model.bin"),
    runtime="openvino",
    modules=("openvino",),
    int8_modules=("nncf",),
    write=write,
    load=load,
)
