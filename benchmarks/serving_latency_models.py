"""Writes one network in every form that `serving_latency.py` asks; prints what there is as JSON.

python benchmarks/serving_latency_models.py TASK FOLDER [PICTURES]
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from train_step_keras import graph_of

from zoo import build, tasks
from zoo.export.graph.write import write_graph
from zoo.inference import Predictor
from zoo.preprocess import Preprocessing

SIZE = 128
BATCH = 8
NETWORKS: dict[str, dict[str, Any]] = {
    "classification": {"filters": [16, 32, 64, 128, 144], "residual": True, "classes": 10},
    "segmentation": {"filters": [16, 32, 64, 128], "decoder": "unet", "classes": 3},
}


def network(task: str, precision: str, **options: Any) -> keras.Model:
    """Returns the network, its layers before the head computing in a precision."""
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    shape = (SIZE, SIZE, 3)
    model = build(task, encoder="plain", input_shape=shape, **NETWORKS[task], **options)
    keras.config.set_dtype_policy("float32")
    return model


def spread(model: keras.Model) -> None:
    """Gives normalization statistics such as training leaves, so that folding is put to work."""
    random = np.random.default_rng(0)
    for weight in model.weights:
        name = weight.path.rpartition("/")[2]
        if name in ("gamma", "moving_variance"):
            weight.assign(random.uniform(0.6, 1.4, weight.shape))
        elif name in ("beta", "bias", "moving_mean"):
            weight.assign(random.normal(0.0, 0.1, weight.shape))


def photographs(folder: str | None) -> list[bytes]:
    """Returns JPEGs: the first of a folder, or made ones, smooth as photographs are."""
    if folder:
        found = sorted(Path(folder).rglob("*.jp*g"))[:BATCH]
        if len(found) == BATCH:
            return [path.read_bytes() for path in found]
        raise SystemExit(f"{folder} has fewer than {BATCH} JPEGs")
    random = np.random.default_rng(0)
    coarse = tf.constant(random.uniform(0, 255, (BATCH, 24, 32, 3)), tf.float32)
    smooth = tf.image.resize(coarse, [375, 500], "bicubic")
    grain = random.normal(0, 6, smooth.shape)
    pixels = tf.cast(tf.clip_by_value(smooth + grain, 0, 255), tf.uint8)
    return [tf.io.encode_jpeg(one, quality=90).numpy() for one in pixels]


def main() -> None:
    """Writes all forms, and what Keras answers to the pixels."""
    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    task, folder = sys.argv[1], Path(sys.argv[2])
    model = network(task, "float32")
    spread(model)
    classes = NETWORKS[task]["classes"]
    preprocessing = Preprocessing((SIZE, SIZE), 3)
    names = tuple(map(str, range(classes)))
    predictor = Predictor(model, tasks.get(task), preprocessing, names)
    pictures = photographs(sys.argv[3] if len(sys.argv) > 3 else None)
    for number, data in enumerate(pictures):
        (folder / f"{number}.jpg").write_bytes(data)
    pixels = np.stack([preprocessing.read(data)[0].numpy() for data in pictures])
    np.save(folder / "pixels.npy", pixels)
    key = "mask" if task == "segmentation" else "class"
    np.save(folder / "keras.npy", model.predict_on_batch(pixels)[key])
    low = network(task, "bfloat16")
    low.set_weights(model.get_weights())
    write_graph(predictor, folder / "float32")
    write_graph(predictor, folder / "bfloat16", low)
    model.save(folder / "model.keras")
    missing = {}
    for form, suffix in (("openvino", "xml"), ("onnx", "onnx"), ("litert", "tflite")):
        try:
            model.export(str(folder / f"model.{suffix}"), format=form, verbose=False)
        except (ImportError, AttributeError) as error:
            missing[form] = str(error).strip().splitlines()[0]
    logits = network(task, "float32", activation=None)
    logits.set_weights(model.get_weights())
    (folder / "graph.json").write_text(json.dumps(graph_of(logits)), encoding="utf-8")
    weights = {
        f"{layer.name}/{weight.name}": weight.numpy()
        for layer in logits.layers
        for weight in layer.weights
    }
    np.savez(folder / "weights.npz", **weights)
    print(json.dumps({"parameters": model.count_params(), "missing": missing}), file=said)


if __name__ == "__main__":
    main()
