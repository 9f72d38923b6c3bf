"""OpenVINO: converted and run by OpenVINO, quantized by NNCF."""

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
        from nncf.quantization.range_estimator import (  # pyright: ignore[reportMissingImports]
            RangeEstimatorParametersSet,
        )

        exact = _exact(model) if traced.exact else []
        model = nncf.quantize(
            model,
            nncf.Dataset(list(calibration)),
            subset_size=len(calibration),
            preset=nncf.QuantizationPreset.MIXED,
            ignored_scope=nncf.IgnoredScope(names=exact, validate=False),
            # Left alone it takes the mean of the pictures' ranges, which cuts off half of them.
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
            ),
        )
    openvino.save_model(model, folder / _FILE, compress_to_fp16=False)


def _exact(model: Any) -> list[str]:
    """Returns the names of the nodes from the maps on that softmaxes over positions read.

    Converting loses the names of layers. What is left to tell these softmaxes by is that they
    alone ask whether the largest value of a map is finite.
    """
    nodes = model.get_ordered_ops()
    maps = [_before(_before(node)) for node in nodes if node.get_type_name() == "IsFinite"]
    names = [node.get_friendly_name() for node in maps]
    return nodes_from(names, map(_node, nodes)) if names else []


def _before(node: Any) -> Any:
    return node.input_value(0).get_node()


def _node(node: Any) -> Node:
    reads = [value.get_node().get_friendly_name() for value in node.input_values()]
    return node.get_friendly_name(), reads, [node.get_friendly_name()]


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
