"""Does a network answer in another runtime as the Keras model does?"""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.errors import CheckError
from zoo.export.golden import Picture, as_file, golden_pictures
from zoo.export.runtimes.answers import Expected, Network, farthest
from zoo.export.runtimes.program import refuses
from zoo.export.runtimes.replay import BATCHES, FILES, PIXELS, outputs_file
from zoo.export.tolerance import Tolerance
from zoo.inference import Predictor

SECONDS = 300
"""How long a runtime may take: OpenVINO 2026.4 compiles some quantized networks for ever."""

Outputs = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Agreement:
    """How far a model's outputs lie from the Keras model's, at most.

    Attributes:
        pictures: For how many it was asked, in batches of each of ``batches``.
        score: Of a probability, 0 to 1; ``None`` where the model answers none.
        box: Of a box edge, in pixels of the model's input; ``None`` where it answers none.
        mask: Share of a mask's pixels whose class differs, in the model's input; ``None`` where it
            answers none.
        batches: The sizes of batch that were tried.
        files: About how many files ``predict.py`` was asked.
        answers: How far its answers lay from the zoo's, as ``score``, ``box`` and ``mask``.
    """

    pictures: int
    score: float | None = None
    box: float | None = None
    mask: float | None = None
    batches: tuple[int, ...] = BATCHES
    files: int = 0
    answers: dict[str, float] = field(default_factory=dict)


class Requests:
    """What is asked of each format, and what the Keras model answers; made once for all.

    Args:
        predictor: The Keras model and everything around it.
        pictures: Of the data the model is for, encoded or uint8 [h, w, c]; at least one can be
            read.

    Attributes:
        pixels: float32 [n, H, W, c], the pictures fitted; at least as many as a batch holds.
        outputs: Of the Keras model for them, by name.
        files: Name and content of each picture as ``predict.py`` takes it; of encoded ones there
            are more, made of the first: other sizes and kinds, and on its side by EXIF; what
            ``predict.py`` refuses to read is not among them.
    """

    def __init__(self, predictor: Predictor, pictures: Sequence[Picture]):
        self.size = predictor.preprocessing.size
        fitted = []
        readable: list[Picture] = []
        for picture in pictures:
            try:
                prepared = predictor.preprocessing.prepare({"image": tf.constant(picture)})
            except tf.errors.OpError:
                continue
            fitted.append(prepared["image"].numpy().astype(np.float32))
            readable.append(as_file(picture, predictor.reads_bytes))
        if not fitted:
            raise CheckError(
                "there is no picture that can be read to verify with; `zoo check` names what is "
                "wrong with the data"
            )
        count = max(len(fitted), *BATCHES)
        self.pixels = np.stack([fitted[number % len(fitted)] for number in range(count)])
        answered = predictor.outputs(tf.constant(self.pixels))
        self.outputs = {name: value.numpy() for name, value in answered.items()}
        self.pictures = len(readable)
        if predictor.reads_bytes:
            encoded = [data for data in readable if isinstance(data, bytes)]
            files = golden_pictures(encoded, predictor.preprocessing)
            values = predictor.preprocessing.values
            readable = [data for data in files if not refuses(data, values)]
        kind = "bin" if predictor.reads_bytes else "npy"
        self.files = [(f"{FILES}{at:02d}.{kind}", data) for at, data in enumerate(readable)]
        self._predictor = predictor

    def expected(self, network: Network) -> dict[str, Expected]:
        """Returns what the zoo says of each file, by name, around another runtime's network."""
        return {name: Expected.of(self._predictor, data, network) for name, data in self.files}

    def write(self, folder: Path) -> None:
        """Writes what :mod:`zoo.export.runtimes.replay` reads."""
        np.save(folder / PIXELS, self.pixels)
        for name, picture in self.files:
            if isinstance(picture, bytes):
                (folder / name).write_bytes(picture)
            else:
                np.save(folder / name, picture)


def answer_in_fresh_process(folder: Path, requests: Path) -> None:
    """Does what :func:`zoo.export.runtimes.replay.answer_again` does, in a process of its own.

    Args:
        folder: Of the model, its card and ``predict.py``.
        requests: Where the requests are, and the answers go.

    Raises:
        CheckError: If the model does not load there, or does not answer.
    """
    try:
        process = subprocess.run(
            [sys.executable, "-m", "zoo.export.runtimes.replay", str(folder), str(requests)],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise CheckError(
            f"it does not answer in a fresh process, within {SECONDS} seconds"
        ) from error
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        raise CheckError(f"it does not answer in a fresh process, which died of {name}")
    if process.returncode:
        reason = (process.stderr.strip().splitlines() or ["no message"])[-1]
        raise CheckError(f"it does not answer in a fresh process: {reason}")


def verify(
    folder: Path,
    requests: Requests,
    tolerance: Tolerance,
    answers: Tolerance,
    load: Callable[[], Network],
) -> Agreement:
    """Runs a model in a fresh process and compares its outputs with the Keras model's.

    And what ``predict.py`` says of files, in pixels of the pictures, with what the zoo says around
    the same network.

    Args:
        folder: Of the model, its card and ``predict.py``.
        requests: What is asked.
        tolerance: By what the outputs may differ.
        answers: By what answers for files may.
        load: Loads the network in this process, once it is known to answer in another.

    Raises:
        CheckError: If the model does not load or answer there, its outputs are others, or they
            lie further from the Keras model's, or the answers from the zoo's, than they may.
    """
    with tempfile.TemporaryDirectory() as aside:
        place = Path(aside)
        requests.write(place)
        answer_in_fresh_process(folder, place)
        worst: dict[str, Any] = {}
        for batch in BATCHES:
            with np.load(place / outputs_file(batch)) as said:
                found = differences(requests.outputs, dict(said), requests.size)
            for name, distance in found.items():
                if not distance <= vars(tolerance)[name]:
                    raise CheckError(
                        f"in batches of {batch} it answers otherwise than the Keras model: {name} "
                        f"differs by {distance:.3g}, allowed is {vars(tolerance)[name]:g}"
                    )
                worst[name] = max(worst.get(name, 0.0), distance)
        found = farthest(requests.expected(load()), place, answers)
    return Agreement(requests.pictures, **worst, files=len(requests.files), answers=found)


def differences(expected: Outputs, said: Outputs, size: tuple[int, int]) -> dict[str, float]:
    """Returns how far outputs lie apart: ``score``, ``box`` and ``mask`` as in a tolerance.

    Args:
        expected: ``class`` [n, k], ``box`` [n, 4] in fractions of the input, ``mask``
            [n, h, w, k], as far as the model has them.
        said: The same of another runtime.
        size: Height and width of the input.

    Raises:
        CheckError: If outputs are missing, or of another shape or type.

    Example:
        >>> one, other = {"class": np.float32([[0.5, 0.5]])}, {"class": np.float32([[0.25, 0.75]])}
        >>> differences(one, other, (8, 8))
        {'score': 0.25}
    """
    if expected.keys() != said.keys():
        raise CheckError(f"it answers {sorted(said)}, expected {sorted(expected)}")
    height, width = size
    found = {}
    for name, value in expected.items():
        other = said[name]
        if other.shape != value.shape or other.dtype != np.float32:
            raise CheckError(
                f"it answers {name} as {other.dtype} {list(other.shape)}, expected float32 "
                f"{list(value.shape)}"
            )
        if name == "mask":
            found["mask"] = float(np.mean(np.argmax(value, -1) != np.argmax(other, -1)))
        elif name == "box":
            edges = np.abs(value - other) * np.array([width, height, width, height])
            found["box"] = float(np.max(edges))
        else:
            found["score"] = float(np.max(np.abs(value - other)))
    return found
