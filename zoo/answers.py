"""What a model says about a picture, whoever asked it and however.

Needs NumPy alone: :class:`zoo.Client` imports it where there is no TensorFlow.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Answer:
    """What a model says about one picture.

    Attributes:
        name: The file's path, or ``"array 3"``.
        error: Why the picture could not be read; empty where it was.
        values: The served outputs for this picture as NumPy values, and for
            segmentation ``mask``, uint8 [h, w] in the upright picture's own size.
    """

    name: str
    error: str
    values: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Returns plain values: no mask, and scores by class name."""
        if self.error:
            return {"image": self.name, "error": self.error}
        plain: dict[str, Any] = {"image": self.name}
        classes = [as_text(name) for name in self.values["classes"]]
        for key, value in self.values.items():
            if key in ("probabilities", "fraction"):
                plain[key] = dict(zip(classes, _rounded(value), strict=True))
            elif key in ("label", "score", "box"):
                plain[key] = as_text(value) if key == "label" else _rounded(value)
        return plain


def as_text(value: Any) -> str:
    """Returns a served string, which is bytes, as text."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _rounded(value: np.ndarray) -> Any:
    return np.round(np.asarray(value, np.float64), 4).tolist()
