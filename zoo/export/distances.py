"""How far the answers of a reloaded model lie from the Keras model's."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from zoo.errors import CheckError
from zoo.export.replay import FIRSTS, GOLDEN
from zoo.export.tolerance import Tolerance
from zoo.preprocess import upright_size

# What a model says that is no number.
_TEXTS = ("classes", "error", "label")


@dataclass(frozen=True)
class Sizes:
    """How large the pictures are that a signature is asked about.

    Attributes:
        scale: float64 [n]: how many of a picture's pixels one of the model's input is wide, at
            least 1.
        pixels: float64 [n]: how many a picture has.
    """

    scale: np.ndarray
    pixels: np.ndarray

    @classmethod
    def of(cls, sizes: Sequence[Sequence[int]], target: Sequence[int]) -> "Sizes":
        """Takes heights and widths of the pictures, and those of the model's input."""
        pictures = np.asarray(sizes, np.float64).reshape(-1, 2)
        scale = (pictures / np.asarray(target)).max(axis=1, initial=1.0)
        return cls(scale, pictures.prod(axis=1))


def golden_sizes(
    version: Path, signatures: Mapping[str, str], target: Sequence[int]
) -> dict[str, Sizes]:
    """Returns by signature the sizes of the golden requests that it is asked.

    Args:
        version: The folder of the SavedModel.
        signatures: The name of each one's input.
        target: Height and width of the model's input.
    """
    folder = version / GOLDEN
    firsts = json.loads((folder / FIRSTS).read_text(encoding="utf-8"))
    count, height, width, _ = np.load(folder / "pixels.npy", mmap_mode="r").shape
    sizes: dict[str, list[Any]] = {
        "image_bytes": [
            upright_size(tf.constant(path.read_bytes())).numpy()
            for path in sorted(folder.glob("*.bin"))
        ],
        "image": [(height, width)] * count,
    }
    return {name: Sizes.of(sizes[key][firsts[name] :], target) for name, key in signatures.items()}


def distances(
    expected: dict[str, Any],
    outputs: dict[str, Any],
    key: str,
    tolerance: Tolerance,
    sizes: Sizes,
) -> dict[str, float]:
    """Returns the largest distance of each kind that a tolerance has.

    Args:
        expected: The Keras model's outputs as plain values, n rows each.
        outputs: The same of the reloaded one.
        key: What they are of, for messages.
        tolerance: Within which classes count as equally likely, and masks as small.
        sizes: Of the n pictures.

    Raises:
        CheckError: If outputs are missing, have another shape or say another word.
    """
    if expected.keys() != outputs.keys():
        raise CheckError(f"{key} answers {sorted(outputs)}, expected {sorted(expected)}")
    counts = {"box": 1 / sizes.scale, "mask": np.minimum(1.0, sizes.pixels / tolerance.few)}
    found: dict[str, float] = {}
    for name, value in expected.items():
        if name in _TEXTS:
            if value != outputs[name] and not (
                name == "label" and _level(expected, outputs[name], tolerance)
            ):
                raise CheckError(f"{key} has other {name}: {outputs[name]}")
            continue
        what = f"{key} answers {name}"
        if name in ("mask_bytes", "mask"):
            pairs = zip(value, outputs[name], strict=True)
            kind, off = "mask", [_masks_apart(*pair, what) for pair in pairs]
        else:
            kind = {"box": "box", "fraction": "mask"}.get(name, "score")
            off = _numbers_apart(value, outputs[name], what)
        off = np.multiply(off, counts.get(kind, 1.0))
        found[kind] = max(found.get(kind, 0.0), float(np.max(off, initial=0.0)))
    return found


def _numbers_apart(expected: Any, answered: Any, what: str) -> np.ndarray:
    """Returns the largest difference of each row."""
    # NaN marks the row of the picture that is none, and must be there in both.
    a, b = np.asarray(expected, float), np.asarray(answered, float)
    if a.shape != b.shape or (np.isnan(a) != np.isnan(b)).any():
        raise CheckError(f"{what} in another shape")
    return np.nan_to_num(np.abs(a - b)).reshape(len(a), -1).max(axis=1, initial=0.0)


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


def _masks_apart(expected: Any, answered: Any, what: str) -> float:
    """Returns the share of pixels of which two masks, PNGs as text or ids, say another class."""
    a, b = (_ids(mask) for mask in (expected, answered))
    if a.shape != b.shape:
        raise CheckError(f"{what} in another size")
    return float(np.mean(a != b)) if a.size else 0.0


def _ids(mask: Any) -> np.ndarray:
    if not isinstance(mask, str):
        return np.asarray(mask)
    # Of what is no picture there is none.
    data = io.BytesIO(mask.encode("latin-1"))
    return np.asarray(Image.open(data)) if mask else np.zeros([0, 0])
