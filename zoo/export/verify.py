"""Does the exported model answer as the Keras model does, wherever it is loaded?"""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from zoo.errors import CheckError
from zoo.export.distances import Sizes, distances, golden_sizes
from zoo.export.replay import CARD, GOLDEN, RUNTIMES
from zoo.export.tolerance import TOLERANCES, Tolerance

_WHERE = {"tensorflow": "Python's TensorFlow", "c_api": "TensorFlow's C API, as servers load it"}
SECONDS = 1800
"""How long a fresh process may take: large models on a busy machine take minutes."""


@dataclass(frozen=True)
class Verification:
    """What a verification saw.

    Attributes:
        pictures: How many encoded pictures were answered for.
        score: Largest difference of a score, 0 to 1.
        box: Largest difference of a box edge, in pixels of the model's input.
        mask: Largest share of a mask's pixels whose class differs, or difference of a share.
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
    sizes = golden_sizes(version, card["signatures"], card["preprocessing"]["size"])
    with ThreadPoolExecutor(len(RUNTIMES)) as pool:
        check = partial(_check, version, expected, tolerance, sizes)
        found, warmups = zip(*pool.map(check, RUNTIMES), strict=True)
    return Verification(
        pictures=len(list((version / GOLDEN).glob("*.bin"))),
        warmup=min(warmups),
        **{name: max(one[name] for one in found) for name in vars(tolerance)},
    )


def _check(
    version: Path,
    expected: dict[str, Any],
    tolerance: Tolerance,
    sizes: dict[str, Sizes],
    runtime: str,
) -> tuple[dict[str, float], int]:
    """Returns the largest distances in a runtime, and how many warm-up records it answered."""
    limits = vars(tolerance)
    worst = dict.fromkeys(limits, 0.0)
    try:
        said = answer_in_fresh_process(version, runtime)
        for key, outputs in said["answers"].items():
            signature = key.partition("/")[0]
            given = (expected[signature], outputs, key, tolerance, sizes[signature])
            for name, distance in distances(*given).items():
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
