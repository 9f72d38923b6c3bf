"""A few validation pictures with what the network makes of them, epoch by epoch."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from PIL import Image

from zoo.tasks.sheet import Section, contact_sheet

if TYPE_CHECKING:
    from zoo.training.session import Session

_PICTURES = 8
_SIDE = 128


class Samples:
    """The first validation pictures; always the same ones, so that epochs can be compared.

    Args:
        session: The run's.
    """

    def __init__(self, session: "Session"):
        self._network = session.loop.network
        self._class_names = session.class_names
        batches: Any = session.validation_batches().unbatch().take(_PICTURES)
        self._truths = [
            {key: value for key, value in example.items() if key != "index"}
            for example in batches.as_numpy_iterator()
        ]

    def draw(self, epoch: int) -> Image.Image:
        """Draws what the network answers now above what is true, RGB.

        Args:
            epoch: How many are finished.
        """
        images = tf.cast(np.stack([truth["image"] for truth in self._truths]), tf.float32)
        outputs: Mapping[str, Any] = self._network(images, training=False)
        answers = []
        for place, truth in enumerate(self._truths):
            answer = {"image": truth["image"]}
            for key, output in outputs.items():
                value = np.asarray(tf.cast(output[place], tf.float32))
                answer[key] = np.clip(value, 0.0, 1.0) if key == "box" else np.argmax(value, -1)
            answers.append(answer)
        sections = [
            Section("answers", f"after epoch {epoch}", [answers]),
            Section("truth", "", [self._truths]),
        ]
        return contact_sheet(sections, self._class_names, side=_SIDE)
