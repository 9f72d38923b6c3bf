"""Does the exported model answer as the Keras model does, from the same bytes?"""

import io
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from zoo.errors import CheckError
from zoo.export.tolerance import TOLERANCES, Tolerance
from zoo.inference import Predictor

GOLDEN = "golden"
_BATCHES = (1, 3)


@dataclass(frozen=True)
class Verification:
    """What a verification saw.

    Attributes:
        pictures: How many encoded pictures were answered for.
        score: Largest difference of a score or a share, 0 to 1.
        box: Largest difference of a box edge, in pixels.
        mask: Largest share of a mask's pixels whose class differs.
    """

    pictures: int
    score: float
    box: float
    mask: float


def golden_pictures(pictures: Sequence[bytes], predictor: Predictor) -> list[bytes]:
    """Returns pictures to verify with: real ones, one of another size, one that is none.

    Args:
        pictures: Encoded pictures of the data the model is for; may be empty.
        predictor: Says how many channels a picture has.
    """
    if not predictor.reads_bytes:
        return []
    height, width = predictor.preprocessing.size
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[predictor.preprocessing.channels]
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (height, width, 4), np.uint8)
    made = Image.fromarray(noise, "RGBA").convert(mode)
    if pictures:
        made = Image.open(io.BytesIO(pictures[0])).convert(mode)
    # Not a multiple of anything, so that fitting and the way back are both at work.
    other = made.resize((width + width // 2 + 1, height + height // 3 + 2))
    stream = io.BytesIO()
    other.save(stream, "PNG")
    # Where a bad picture fails the request nothing would be answered.
    none = [b"not a picture"] if predictor.on_error == "row" else []
    return [*pictures, stream.getvalue(), *none]


def write_golden(folder: Path, pictures: Sequence[bytes], predictor: Predictor) -> None:
    """Writes pictures and the Keras model's answers for them.

    Args:
        folder: Made here: ``00.bin`` ... and ``answers.json``.
        pictures: Encoded.
        predictor: Answers for them.
    """
    folder.mkdir(parents=True)
    for number, data in enumerate(pictures):
        (folder / f"{number:02d}.bin").write_bytes(data)
    answers: dict[str, Any] = {}
    if predictor.reads_bytes:
        outputs = predictor.from_bytes(tf.constant(list(pictures), tf.string))
        answers["serving_default"] = to_plain(outputs)
    answers["pixels"] = to_plain(predictor.from_pixels(golden_pixels(predictor.preprocessing)))
    (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")


def golden_pixels(preprocessing) -> tf.Tensor:
    """Returns pixels float32 [2, h, w, c], always the same, of another size than the model's."""
    height, width = preprocessing.size
    shape = (2, height + 3, width + width // 2, preprocessing.channels)
    return tf.constant(np.random.default_rng(1).integers(0, 256, shape), tf.float32)


def to_plain(outputs) -> dict[str, Any]:
    """Turns a signature's outputs into plain values; bytes become Latin-1 text."""
    return {name: _plain(value.numpy()) for name, value in outputs.items()}


def _plain(array: np.ndarray) -> Any:
    if array.dtype == object:
        return np.vectorize(lambda value: value.decode("latin-1"), otypes=[object])(array).tolist()
    return array.tolist()


def answer_again(version: Path) -> dict[str, Any]:
    """Answers for the golden pictures of a version by the SavedModel alone.

    Args:
        version: The folder of the SavedModel.

    Returns:
        By signature and batch size, the outputs as plain values.
    """
    from zoo.preprocess import Preprocessing

    card = json.loads((version / "model_card.json").read_text(encoding="utf-8"))
    preprocessing = Preprocessing.from_json(card["preprocessing"])
    loaded = tf.saved_model.load(str(version))
    pictures = [
        path.read_bytes() for path in sorted((version / "assets.extra" / GOLDEN).glob("*.bin"))
    ]
    results: dict[str, Any] = {}
    if pictures:
        serve = loaded.signatures["serving_default"]
        for size in (*_BATCHES, len(pictures)):
            rows = []
            for start in range(0, len(pictures), size):
                batch = tf.constant(pictures[start : start + size], tf.string)
                rows.append(to_plain(serve(image_bytes=batch)))
            results[f"serving_default/{size}"] = {
                key: [row for part in rows for row in part[key]] for key in rows[0]
            }
        empty = serve(image_bytes=tf.constant([], tf.string))
        results["empty"] = {key: list(value.shape) for key, value in empty.items()}
    pixels = golden_pixels(preprocessing)
    results["pixels/2"] = to_plain(loaded.signatures["pixels"](image=pixels))
    return results


def answer_in_fresh_process(version: Path) -> dict[str, Any]:
    """Returns what :func:`answer_again` gives in a process that knows nothing of this one.

    Raises:
        CheckError: If the model does not load there, or does not answer.
    """
    process = subprocess.run(
        [sys.executable, "-m", "zoo.export.verify", str(version)],
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        last = (process.stderr.strip().splitlines() or ["no message"])[-1]
        raise CheckError(f"the exported model does not load in a fresh process: {last}")
    return json.loads(process.stdout.splitlines()[-1])


def compare(version: Path) -> Verification:
    """Reloads a SavedModel in a fresh process and compares its answers with the Keras model's.

    Args:
        version: The folder, with its golden answers.

    Raises:
        CheckError: If the fresh process fails, an output is missing or has no batch
            dimension, or an answer is further from the Keras model's than the tolerance.
    """
    results = answer_in_fresh_process(version)
    folder = version / "assets.extra" / GOLDEN
    expected = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    card = json.loads((version / "model_card.json").read_text(encoding="utf-8"))
    tolerance = TOLERANCES[card["precision"]]
    if any(shape[0] for shape in results.pop("empty", {}).values()):
        raise CheckError("the exported model answers an empty request with rows")
    worst = {"score": 0.0, "box": 0.0, "mask": 0.0}
    for key, outputs in results.items():
        signature = key.partition("/")[0]
        for name, distance in _distances(expected[signature], outputs, key, tolerance).items():
            worst[name] = max(worst[name], distance)
    for name, limit in vars(tolerance).items():
        if not worst[name] <= limit:
            raise CheckError(
                f"the exported model answers otherwise than the Keras model: {name} differs by "
                f"{worst[name]:.3g}, allowed is {limit:g}; nothing was published"
            )
    return Verification(pictures=len(list(folder.glob("*.bin"))), **worst)


def _distances(
    expected: dict[str, Any], outputs: dict[str, Any], key: str, tolerance: Tolerance
) -> dict[str, float]:
    if expected.keys() != outputs.keys():
        raise CheckError(
            f"{key} of the exported model answers {sorted(outputs)}, expected {sorted(expected)}"
        )
    distances: dict[str, float] = {}
    for name, value in expected.items():
        if name in ("classes", "error", "label"):
            if value != outputs[name] and not (
                name == "label" and _level(expected, outputs[name], tolerance)
            ):
                raise CheckError(f"{key} of the exported model has other {name}: {outputs[name]}")
        elif name == "mask_bytes":
            pairs = zip(value, outputs[name], strict=True)
            distances["mask"] = max((_mask_distance(a, b) for a, b in pairs), default=0.0)
        elif name == "mask":
            distances["mask"] = float(np.mean(np.asarray(value) != np.asarray(outputs[name])))
        else:
            # NaN marks the row of the picture that is none, and must be there in both.
            a, b = np.asarray(value, float), np.asarray(outputs[name], float)
            if a.shape != b.shape or (np.isnan(a) != np.isnan(b)).any():
                raise CheckError(f"{key} of the exported model answers {name} in another shape")
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
        if label not in classes:
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


if __name__ == "__main__":
    print(json.dumps(answer_again(Path(sys.argv[1]))))
