"""One way to answer for pictures, for `serving_latency.py`; a process for each.

Reads one JSON value a line: first which way, then what to answer and for how long. With a folder as
argument, in PyTorch's interpreter, writes its network as ONNX instead.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

SIZE = 128


def letterbox(data):
    """Decodes a JPEG and fits it to the input; returns pixels, its size, and where it lies."""
    import cv2

    picture = cv2.cvtColor(
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
    )
    height, width = picture.shape[:2]
    scale = min(SIZE / height, SIZE / width)
    high, wide = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (SIZE - high) // 2, (SIZE - wide) // 2
    pixels = np.zeros((SIZE, SIZE, 3), np.float32)
    part = (slice(top, top + high), slice(left, left + wide))
    pixels[part] = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA)
    return pixels, (height, width), part


def mask_file(probabilities, size, part):
    """Returns a mask of the picture's own size as PNG."""
    import cv2

    height, width = size
    restored = cv2.resize(probabilities[part], (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.imencode(".png", restored.argmax(-1).astype(np.uint8))[1].tobytes()


def peer(task, predict):
    """Returns what answers for pixels and for bytes with a network alone.

    What surrounds it is what a program without the served graph would do, and no more: OpenCV's
    calls, no EXIF, no checks.
    """

    def of_pixels(pixels):
        probabilities = predict(pixels)
        return probabilities.argmax(-1) if task == "segmentation" else probabilities

    def of_bytes(pictures):
        found = [letterbox(data) for data in pictures]
        probabilities = predict(np.stack([pixels for pixels, _, _ in found]))
        if task == "classification":
            return probabilities
        rows = zip(probabilities, found, strict=True)
        return [mask_file(one, size, part) for one, (_, size, part) in rows]

    return {"pixels": of_pixels, "bytes": of_bytes, "probabilities": predict}


def c_api(task, folder, precision):
    """TensorFlow's C API: the loader and the kernels of TensorFlow Serving."""
    from zoo.export.c_api import Session

    session = Session(folder / precision)
    inner, outer = _asked(task)

    def of_pixels(pixels):
        return session.run("pixels", {"image": pixels}, [inner])[inner]

    def of_bytes(pictures):
        return session.run("serving_default", {"image_bytes": pictures}, [outer])[outer]

    return {"pixels": of_pixels, "bytes": of_bytes}


def python(task, folder, precision):
    """The SavedModel loaded by Python TensorFlow; a call answers with all outputs."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder / precision))
    inner, outer = _asked(task)

    def of_pixels(pixels):
        return loaded.signatures["pixels"](image=tf.constant(pixels))[inner].numpy()

    def of_bytes(pictures):
        return loaded.signatures["serving_default"](image_bytes=tf.constant(pictures))[
            outer
        ].numpy()

    return {"pixels": of_pixels, "bytes": of_bytes}


def _asked(task):
    if task == "segmentation":
        return "mask", "mask_bytes"
    return "probabilities", "probabilities"


def openvino(task, folder, precision):
    """OpenVINO, told its precision and to be quick rather than busy."""
    import openvino as ov

    hint = {"float32": "f32", "bfloat16": "bf16"}[precision]
    options = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    model = ov.Core().compile_model(folder / "model.xml", "CPU", options)
    request = model.create_infer_request()
    return peer(task, lambda pixels: request.infer([pixels])[0].copy())


def onnxruntime(task, folder, precision):
    """ONNX Runtime as it comes."""
    import onnxruntime as ort

    session = ort.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return peer(task, lambda pixels: session.run(None, {name: pixels})[0])


def litert(task, folder, precision):
    """LiteRT, with as many threads as there are cores."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(folder / "model.tflite"), num_threads=os.cpu_count())
    (given,), (said,) = interpreter.get_input_details(), interpreter.get_output_details()
    shape = None

    def predict(pixels):
        nonlocal shape
        if shape != pixels.shape:
            shape = pixels.shape
            interpreter.resize_tensor_input(given["index"], shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(given["index"], pixels)
        interpreter.invoke()
        return interpreter.get_tensor(said["index"])

    return peer(task, predict)


def keras(task, folder, precision):
    """`predict_on_batch` of the Keras model."""
    from keras.models import load_model

    from zoo.models import FitSize

    model = load_model(folder / "model.keras", custom_objects={"FitSize": FitSize}, compile=False)
    key = "mask" if task == "segmentation" else "class"
    return peer(task, lambda pixels: model.predict_on_batch(pixels)[key])


def torch(task, folder, precision):
    """Plain PyTorch, the same network node by node with the same weights, channels last."""
    import torch as library

    module = torch_module(folder)

    def predict(pixels):
        with library.inference_mode():
            return module(library.from_numpy(pixels)).numpy()

    return peer(task, predict)


def torch_module(folder):
    """Returns the network in PyTorch, from float32 [n, h, w, c] to probabilities, as Keras'."""
    import torch as library
    from train_step_torch import Network

    graph = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
    network = Network(graph).to(memory_format=library.channels_last).eval()
    kinds = {node["name"]: node["kind"] for node in graph}
    with np.load(folder / "weights.npz") as weights:
        copy_weights(network, kinds, weights)

    class Probabilities(library.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, pixels):
            said = library.softmax(self.network(pixels.permute(0, 3, 1, 2)), 1)
            return said.permute(0, 2, 3, 1) if said.ndim == 4 else said

    return Probabilities().eval()


def write_onnx(folder):
    """Writes the PyTorch network as ONNX, where Keras has no exporter at hand."""
    import torch as library

    library.onnx.export(
        torch_module(folder),
        (library.from_numpy(np.load(folder / "pixels.npy")),),
        str(folder / "model.onnx"),
        dynamo=False,
        input_names=["image"],
        output_names=["probabilities"],
        dynamic_axes={"image": {0: "n"}, "probabilities": {0: "n"}},
    )


def copy_weights(network, kinds, weights):
    """Copies Keras' weights, whose axes lie otherwise, into the modules of the same names."""
    import torch as library

    axes = {"Conv2D": (3, 2, 0, 1), "Conv2DTranspose": (3, 2, 0, 1), "Dense": (1, 0)}
    names = {
        "kernel": "weight",
        "bias": "bias",
        "gamma": "weight",
        "beta": "bias",
        "moving_mean": "running_mean",
        "moving_variance": "running_var",
    }
    for key in weights.files:
        layer, _, name = key.rpartition("/")
        value = weights[key]
        value = value.transpose(axes[kinds[layer]]) if name == "kernel" else value
        with library.no_grad():
            getattr(network.parts[layer], names[name]).copy_(library.from_numpy(value.copy()))


WAYS = {
    function.__name__: function
    for function in (c_api, python, openvino, onnxruntime, litert, keras, torch)
}


def main():
    """Answers until the questions end."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if sys.argv[1:]:
        write_onnx(Path(sys.argv[1]))
        return
    asked = json.loads(sys.stdin.readline())
    folder = Path(asked["folder"])
    way = WAYS[asked["way"]](asked["task"], folder, asked["precision"])
    pixels = np.load(folder / "pixels.npy")
    pictures = [(folder / f"{number}.jpg").read_bytes() for number in range(len(pixels))]
    np.save(asked["answer"], way.get("probabilities", way["pixels"])(pixels))
    print(json.dumps({"tensorflow": "tensorflow" in sys.modules}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        given = (pixels if asked["given"] == "pixels" else pictures)[: asked["batch"]]
        walls, began = [], time.perf_counter()
        busy = time.process_time()
        while (now := time.perf_counter()) < began + asked["seconds"] or len(walls) < 3:
            way[asked["given"]](given)
            walls.append(time.perf_counter() - now)
        busy = (time.process_time() - busy) / len(walls)
        said = {"wall": float(np.median(walls)), "processor": busy}
        print(json.dumps(said), file=answers, flush=True)


if __name__ == "__main__":
    main()
