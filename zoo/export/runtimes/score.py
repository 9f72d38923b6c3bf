"""What a format costs of a model's score, and what it gains in time."""

import functools
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.data import DataSet
from zoo.errors import CheckError
from zoo.evaluation.evaluate import evaluate
from zoo.export.runtimes.contract import Network
from zoo.export.tolerance import SCORES
from zoo.inference import Predictor
from zoo.training.watch import Watch

SPLIT = "test"

_WARM_UP = 3
_CALLS = 200
_SECONDS = 1.0

Signatures = Mapping[str, Callable[..., dict[str, tf.Tensor]]]


@dataclass(frozen=True)
class Scored:
    """How good and how fast a model is in a runtime.

    Attributes:
        pictures: Of the test split, which it answered for.
        scores: By name.
        milliseconds: For one fitted picture at a time, median.
    """

    pictures: int
    scores: dict[str, float]
    milliseconds: float


class Scorer:
    """Measures one model in several runtimes on the same pictures.

    Args:
        predictor: The Keras model and everything around it.
        dataset: Of the model.
        watch: Told what goes on.

    Attributes:
        dataset: The same.
        name: Of the score that counts, the task's.
    """

    def __init__(self, predictor: Predictor, dataset: DataSet, watch: Watch):
        self._predictor = predictor
        self.dataset = dataset
        self._watch = watch
        self.name = predictor.task.score
        self._network: Network | None = None
        # One function for all networks: each has to be traced.
        self._served = predictor.served_by(self._in_graph)

    @functools.cached_property
    def original(self) -> Scored:
        """What the Keras model itself scores, its network compiled to a graph."""
        network = tf.function(self._predictor.outputs, autograph=False)
        return self.signatures(
            self._predictor.signatures, "keras", lambda pixels: network(tf.constant(pixels))
        )

    def network(self, network: Network, title: str) -> Scored:
        """Measures a network in its runtime, with the zoo's own preprocessing around it.

        Args:
            network: From float32 [n, H, W, c] to the outputs by name.
            title: What to call it meanwhile.
        """
        self._network = network
        return self.signatures(self._served.signatures, title, network)

    def savedmodel(self, folder: Path) -> Scored:
        """Measures a SavedModel.

        Args:
            folder: Of ``saved_model.pb``, published or not.
        """
        loaded = tf.saved_model.load(str(folder))
        pixels = loaded.signatures["pixels"]
        return self.signatures(
            loaded.signatures, "SavedModel", lambda image: pixels(image=tf.constant(image))
        )

    def signatures(self, signatures: Signatures, title: str, once: Callable[[Any], Any]) -> Scored:
        """Measures served functions.

        Args:
            signatures: By name.
            title: What to call it meanwhile.
            once: What is timed: called with float32 [1, H, W, c].
        """
        predictor, split = self._predictor, self.dataset.splits.get(SPLIT)
        with self._watch.bar(f"scoring {title}", split.length if split else None) as bar:
            result = evaluate(
                signatures,
                predictor.task,
                predictor.preprocessing,
                predictor.class_names,
                self.dataset,
                SPLIT,
                bar.advance,
            )
        return Scored(result.pictures, result.scores, self._milliseconds(once))

    def _in_graph(self, pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs: Any = self._predictor.model.output

        def call(pixels: np.ndarray) -> list[np.ndarray]:
            assert self._network is not None
            said = self._network(pixels)
            return [said[name] for name in outputs]

        values = tf.numpy_function(call, [pixels], [tf.float32] * len(outputs))
        return {
            name: tf.ensure_shape(value, output.shape)
            for (name, output), value in zip(outputs.items(), values, strict=True)
        }

    def _milliseconds(self, once: Callable[[Any], Any]) -> float:
        size, channels = self._predictor.preprocessing.size, self._predictor.preprocessing.channels
        shape = (1, *size, channels)
        pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)
        for _ in range(_WARM_UP):
            once(pixels)
        took, begin = [], time.perf_counter()
        while len(took) < _CALLS and time.perf_counter() - begin < _SECONDS:
            start = time.perf_counter()
            once(pixels)
            took.append(time.perf_counter() - start)
        return round(1000 * statistics.median(took), 3)


def judge(name: str, original: Scored, other: Scored, precision: str) -> None:
    """Makes sure that a score lies no further below the Keras model's than it may.

    Args:
        name: Of the score.
        original: Of the Keras model.
        other: Of the same in another runtime.
        precision: Of that.

    Raises:
        CheckError: If it does.
    """
    lost, allowed = original.scores[name] - other.scores[name], SCORES[precision]
    # Of sums in another order, so many digits are the same.
    if not lost <= allowed + 1e-6:
        raise CheckError(
            f"its {name} on the {SPLIT} split is {other.scores[name]:.4f}, {100 * lost:.2f} points "
            f"below the Keras model's, allowed is {100 * allowed:g}"
        )
