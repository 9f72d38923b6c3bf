"""A few validation pictures with what the network makes of them, epoch by epoch."""

from functools import partial
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
        image = self._truths[0]["image"]
        # A partial function, so that several runs in a process do not pass for one that is
        # traced again and again.
        self._answers = tf.function(
            partial(self._answer),
            input_signature=[tf.TensorSpec(image.shape, image.dtype)],
            autograph=False,
        )

    def draw(self, epoch: int) -> Image.Image:
        """Draws what the network answers now above what is true, RGB.

        Args:
            epoch: How many are finished.
        """
        # Several whole pictures at once may take more memory than a step of training.
        answers = [
            {key: np.asarray(value) for key, value in self._answers(truth["image"]).items()}
            | {"image": truth["image"]}
            for truth in self._truths
        ]
        sections = [
            Section("answers", f"after epoch {epoch}", [answers]),
            Section("truth", "", [self._truths]),
        ]
        return contact_sheet(sections, self._class_names, side=_SIDE)

    def _answer(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers for one picture, in a graph: called eagerly, Keras keeps all feature maps."""
        outputs = self._network(tf.cast(image, tf.float32)[tf.newaxis], training=False)
        values = {key: tf.cast(output[0], tf.float32) for key, output in outputs.items()}
        return {
            key: tf.clip_by_value(value, 0.0, 1.0) if key == "box" else tf.argmax(value, -1)
            for key, value in values.items()
        }
