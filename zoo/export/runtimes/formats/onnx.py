"""ONNX: converted by tf2onnx, run by ONNX Runtime, quantized by ONNX Runtime's own tools."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from zoo.export.runtimes.contract import Calibration, Format, Network
from zoo.export.runtimes.exact import nodes_from

_FILE = "model.onnx"
# The latest that tf2onnx writes.
_OPSET = 18


def write(traced: Any, folder: Path, calibration: Calibration | None) -> None:
    """Writes ``model.onnx``; see :class:`zoo.export.runtimes.contract.Format`."""
    import onnx
    import tf2onnx  # pyright: ignore[reportMissingImports]

    model, _ = tf2onnx.convert.from_function(
        traced.answer,
        input_signature=traced.answer.input_signature,
        opset=_OPSET,
        custom_op_handlers={"Erfc": (_erfc, [])},
    )
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    if calibration is None:
        onnx.save(model, str(folder / _FILE))
    else:
        _quantize(model, folder / _FILE, calibration, traced.exact)


def _erfc(graph: Any, node: Any, *_: Any) -> None:
    """Writes erfc(x), of which tf2onnx knows nothing and gelu is made, as 1 - erf(x)."""
    from tf2onnx.utils import make_name  # pyright: ignore[reportMissingImports]

    (erf,) = node.output
    node.type = "Erf"
    one = graph.make_const(make_name("one"), np.float32(1.0))
    graph.insert_new_node_on_output("Sub", erf, make_name("erfc"), [one.output[0], erf])


def _quantize(model: Any, path: Path, calibration: Calibration, exact: tuple[str, ...]) -> None:
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self._left = iter(calibration)

        def get_next(self) -> Any:
            picture = next(self._left, None)
            return None if picture is None else {"image": picture}

    with tempfile.TemporaryDirectory() as aside:
        plain, ready = Path(aside, "plain.onnx"), Path(aside, "ready.onnx")
        plain.write_bytes(model.SerializeToString())
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        nodes = [(node.name, node.input, node.output) for node in onnx.load(ready).graph.node]
        quantization.quantize_static(
            str(ready),
            str(path),
            Reader(),
            per_channel=True,
            nodes_to_exclude=nodes_from(exact, nodes) if exact else [],
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )


def load(path: Path) -> Network:
    """Loads the model; returns a function from float32 [n, H, W, c] to its outputs by name."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda image: dict(zip(names, session.run(names, {"image": image}), strict=True))


FORMAT = Format(
    name="onnx",
    title="ONNX",
    files=(_FILE,),
    runtime="onnxruntime",
    modules=("onnx", "tf2onnx", "onnxruntime"),
    int8_modules=(),
    write=write,
    load=load,
)
