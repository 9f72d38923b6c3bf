"""Does the exported model answer as the Keras model does, wherever it is loaded?"""

import io
import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zoo.errors import CheckError
from zoo.export.replay import CARD, GOLDEN, RUNTIMES
from zoo.export.tolerance import TOLERANCES, Tolerance

_WHERE = {"tensorflow": "Python's TensorFlow", "c_api": "TensorFlow's C API, as servers load it"}
SECONDS = 1800
"""How long a fresh process may take: large models on a busy machine take minutes."""
# What a model says that is no number.
_TEXTS = ("classes", "error", "label")


@dataclass(frozen=True)
class Verification:
    """What a verification saw.

    Attributes:
        pictures: How many encoded pictures were answered for.
        score: Largest difference of a score or a share, 0 to 1.
        box: Largest difference of a box edge, in pixels.
        mask: Largest share of a mask's pixels whose class differs.
        warmup: How many warm-up records were replayed.
        runtimes: Where the model was loaded, each time in a fresh process.
    """

    pictures: int
    score: float
    box: float
    mask: float
    warmup: int = 0
    runtimes: tuple[str, ...] = tuple(RUNTIMES)


def answer_in_fresh_process(version: Path, runtime: str) -> dict[str, Any]:
    """Returns what :func:`answer_again` gives in a process that knows nothing of this one.

    Args:
        version: The folder of the SavedModel.
        runtime: One of ``RUNTIMES``.

    Raises:
        CheckError: If the model does not load there, or does not answer.
    """
    try:
        process = subprocess.run(
            [sys.executable, "-m", "zoo.export.replay", runtime, str(version)],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise CheckError(f"it does not answer in a fresh process within {SECONDS} s") from error
    if process.returncode:
        if process.returncode < 0:
            reason = f"the process died of {signal.Signals(-process.returncode).name}"
        else:
            reason = (process.stderr.strip().splitlines() or ["no message"])[-1]
        raise CheckError(f"it does not load in a fresh process: {reason}")
    answered = json.loads(process.stdout.splitlines()[-1])
    if "failed" in answered:
        raise CheckError(answered["failed"])
    return answered


def compare(version: Path) -> Verification:
    """Reloads a SavedModel in fresh processes and compares its answers with the Keras model's.

    Once by Python's TensorFlow, once through the C API, the loader of TensorFlow Serving:
    every signature on the golden requests, in batches of 1, of 3 and of all, and empty; and
    each warm-up record.

    Args:
        version: The folder, with its card, golden answers and warm-up records.

    Raises:
        CheckError: If the model does not load, an output is missing or has no batch
            dimension, a warm-up record fails, or an answer is further from the Keras
            model's than ``TOLERANCES``.
    """
    expected = json.loads((version / GOLDEN / "answers.json").read_text(encoding="utf-8"))
    card = json.loads((version / CARD).read_text(encoding="utf-8"))
    tolerance = TOLERANCES[card["precision"]]
    with ThreadPoolExecutor(len(RUNTIMES)) as pool:
        check = partial(_check, version, expected, tolerance)
        distances, warmups = zip(*pool.map(check, RUNTIMES), strict=True)
    return Verification(
        pictures=len(list((version / GOLDEN).glob("*.bin"))),
        warmup=min(warmups),
        **{name: max(one[name] for one in distances) for name in vars(tolerance)},
    )


def _check(
    version: Path, expected: dict[str, Any], tolerance: Tolerance, runtime: str
) -> tuple[dict[str, float], int]:
    """Returns the largest distances in a runtime, and how many warm-up records it answered."""
    limits = vars(tolerance)
    worst = dict.fromkeys(limits, 0.0)
    try:
        said = answer_in_fresh_process(version, runtime)
        for key, outputs in said["answers"].items():
            signature = key.partition("/")[0]
            for name, distance in _distances(expected[signature], outputs, key, tolerance).items():
                worst[name] = max(worst[name], distance)
                if not distance <= limits[name]:
                    raise CheckError(
                        f"{key} answers otherwise than the Keras model: {name} differs by "
                        f"{distance:.3g}, allowed is {limits[name]:g}"
                    )
    except CheckError as error:
        raise CheckError(
            f"the SavedModel fails in {_WHERE[runtime]}: {error}; it was not published"
        ) from error
    return worst, said["warmup"]


def _distances(
    expected: dict[str, Any], outputs: dict[str, Any], key: str, tolerance: Tolerance
) -> dict[str, float]:
    if expected.keys() != outputs.keys():
        raise CheckError(f"{key} answers {sorted(outputs)}, expected {sorted(expected)}")
    distances: dict[str, float] = {}
    for name, value in expected.items():
        if name in _TEXTS:
            if value != outputs[name] and not (
                name == "label" and _level(expected, outputs[name], tolerance)
            ):
                raise CheckError(f"{key} has other {name}: {outputs[name]}")
        elif name == "mask_bytes":
            pairs = zip(value, outputs[name], strict=True)
            distances["mask"] = max((_mask_distance(a, b) for a, b in pairs), default=0.0)
        elif name == "mask":
            distances["mask"] = float(np.mean(np.asarray(value) != np.asarray(outputs[name])))
        else:
            # NaN marks the row of the picture that is none, and must be there in both.
            a, b = np.asarray(value, float), np.asarray(outputs[name], float)
            if a.shape != b.shape or (np.isnan(a) != np.isnan(b)).any():
                raise CheckError(f"{key} answers {name} in another shape")
            kind = "box" if name == "box" else "score"
            distance = float(np.nanmax(np.abs(a - b), initial=0.0))
            distances[kind] = max(distances.get(kind, 0.0), distance)
    return distances


def _level(expected: dict[str, Any], labels: list[str], tolerance: Tolerance) -> bool:
    """Whether other labels than expected are of classes that were likeliest within tolerance."""
    for row, label in enumerate(labels):
        classes, probabilities = expected["classes"][row], expected["probabilities"][row]
        if label == expected["label"][row]:
            continue
        if not {label, expected["label"][row]} <= set(classes):
            return False
        # Both probabilities may be off, towards each other.
        gap = max(probabilities) - probabilities[classes.index(label)]
        if not gap <= 2 * tolerance.score:
            return False
    return True


def _mask_distance(expected: str, answered: str) -> float:
    if not expected or not answered:
        return float(expected != answered)
    a, b = (
        np.asarray(Image.open(io.BytesIO(text.encode("latin-1")))) for text in (expected, answered)
    )
    return float(np.mean(a != b)) if a.shape == b.shape else 1.0
