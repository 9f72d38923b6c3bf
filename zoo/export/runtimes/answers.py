"""Does ``predict.py`` say of files what the zoo says: read, fitted and brought back alike?"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.answers import as_text
from zoo.errors import CheckError
from zoo.export.runtimes.replay import answer_file
from zoo.export.tolerance import PIXELS, Tolerance
from zoo.inference import Predictor

Network = Callable[[np.ndarray], Mapping[str, Any]]
"""From float32 [n, H, W, c] to a model's outputs by name."""


@dataclass(frozen=True)
class Expected:
    """What the zoo reads in a file and says of it.

    Attributes:
        pixels: [h, w, c], upright.
        values: The served outputs of the picture.
        scale: How many pixels of the picture one of the model's input is wide at least.
    """

    pixels: np.ndarray
    values: dict[str, Any]
    scale: float

    @classmethod
    def of(cls, predictor: Predictor, data: bytes | np.ndarray, network: Network) -> "Expected":
        """Asks the network that ``predict.py`` asks, with what the zoo has around it.

        So what int8 makes of a network counts for nothing here, where classes may be so nearly
        alike that it decides between them. The picture is decoded in its full size, as
        ``predict.py`` does, whereas served models may shrink JPEGs while they decode them.

        Args:
            predictor: The model and everything around it.
            data: An encoded picture, or [h, w, c].
            network: From float32 [n, H, W, c] to the model's outputs.
        """
        preprocessing = predictor.preprocessing
        pixels = preprocessing.decode(data).numpy() if isinstance(data, bytes) else data
        image = tf.constant(pixels[np.newaxis], tf.float32)
        outputs = network(preprocessing.fit_images(image).numpy())
        size, names = tf.shape(image)[1:3], predictor.class_names
        answered = predictor.task.answer_pixels(outputs, size, preprocessing, names)
        scale = np.divide(pixels.shape[:2], preprocessing.size).max()
        values = {name: value.numpy()[0] for name, value in answered.items()}
        return cls(pixels, values, max(1.0, float(scale)))


def farthest(
    expected: Mapping[str, Expected], requests: Path, tolerance: Tolerance
) -> dict[str, float]:
    """Returns how far answers for files lie from what was expected: as in a tolerance.

    Args:
        expected: By the file's name.
        requests: Where :mod:`zoo.export.runtimes.replay` has written the answers.
        tolerance: What may differ.

    Raises:
        CheckError: If a file is read as another picture, or its answer lies too far away.
    """
    worst: dict[str, float] = {}
    for name, wanted in expected.items():
        with np.load(requests / answer_file(name)) as held:
            said = {**json.loads(str(held["said"])), **{k: held[k] for k in held if k == "mask"}}
            _check_pixels(name, wanted.pixels, held["pixels"])
        for kind, distance in _distances(wanted, said, tolerance).items():
            if not distance <= vars(tolerance)[kind]:
                raise CheckError(
                    f"predict.py says otherwise of {name} than the zoo: {kind} differs by "
                    f"{distance:.3g}, allowed is {vars(tolerance)[kind]:g}"
                )
            worst[kind] = max(worst.get(kind, 0.0), distance)
    return worst


def _check_pixels(name: str, wanted: np.ndarray, found: np.ndarray) -> None:
    if found.shape != wanted.shape:
        raise CheckError(
            f"predict.py reads {name} as {list(found.shape)}, the zoo as {list(wanted.shape)}"
        )
    off = float(np.mean(np.abs(found.astype(np.float64) - wanted)))
    if not off <= PIXELS:
        raise CheckError(
            f"predict.py reads {name} otherwise than the zoo: pixels lie off by {off:.3g} on "
            f"average, allowed is {PIXELS:g}"
        )


def _distances(wanted: Expected, said: Mapping[str, Any], tolerance: Tolerance) -> dict[str, float]:
    found, values = {}, wanted.values
    if "classes" in values:
        classes = [as_text(one) for one in values["classes"]]
    if "probabilities" in values:
        probabilities = dict(zip(classes, values["probabilities"].tolist(), strict=True))
        found["score"] = max(
            *(abs(said["probabilities"][one] - value) for one, value in probabilities.items()),
            abs(said["score"] - values["score"]),
            # Two that are as likely may change places.
            (values["score"] - probabilities[said["label"]]) / 2,
        )
    if "box" in values:
        edges = np.abs(np.subtract(said["box"], values["box"]))
        found["box"] = float(edges.max() / wanted.scale)
    if "mask" in values:
        if said["mask"].shape != values["mask"].shape:
            return {"mask": 1.0}
        share = min(1.0, said["mask"].size / tolerance.few)
        fractions = [said["fraction"][one] for one in classes]
        off = np.abs(np.subtract(fractions, values["fraction"])).max()
        found["mask"] = share * float(max(np.mean(said["mask"] != values["mask"]), off))
    return found
