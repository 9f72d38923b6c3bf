"""Pictures in, answers out: the one path that evaluation, ``zoo predict`` and serving share.

:class:`Predictor` holds the network between the preprocessing that brings a picture to
the network and the task that brings its answer back to the picture. Exporting saves
these very functions, so that what was evaluated is what is served.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.answers import Answer
from zoo.asking import predict
from zoo.preprocess import CHANNELS, Preprocessing, picture_errors, read_batch
from zoo.tasks import Task


class Predictor:
    """A network with everything around it that turns pictures into answers.

    Args:
        model: Probabilities out, as :func:`zoo.build` makes it.
        task: Of the model.
        preprocessing: The one the model was trained with.
        class_names: Of the data set.
        on_error: ``"row"``: a picture that cannot be read has its own row's ``error``
            and NaN scores and fails nobody else's; ``"fail"``: the request fails with
            INVALID_ARGUMENT.
        network: What computes the model's outputs, from float32 [n, h, w, c], where it is
            another than the model itself: the same one, prepared for a server.

    Example:
        >>> predictor = zoo.load("runs/quickstart")
        >>> predictor.predict(["photo.jpg"])[0].values["label"]
    """

    def __init__(
        self,
        model: keras.Model,
        task: Task,
        preprocessing: Preprocessing,
        class_names: Sequence[str],
        on_error: str = "row",
        network: Callable[[tf.Tensor], Mapping[str, tf.Tensor]] | None = None,
    ):
        self.model = model
        self.task = task
        self.preprocessing = preprocessing
        self.class_names = tuple(class_names)
        self.on_error = on_error
        self._network = network or functools.partial(model, training=False)
        height, width = preprocessing.size
        channels = preprocessing.channels
        if self.reads_bytes:
            self.from_bytes = tf.function(
                self._from_bytes,
                input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")],
                autograph=False,
            )
        self.from_pixels = tf.function(
            self._from_pixels,
            input_signature=[tf.TensorSpec([None, None, None, channels], tf.float32, "image")],
            autograph=False,
        )
        self._blank = {
            "pixels": tf.zeros([height, width, channels], tf.float32),
            "size": tf.ones([2], tf.int32),
        }

    def save_network(self, path: Path) -> None:
        """Writes the model alone as a ``.keras`` file."""
        self.model.save(path)

    def served_by(self, network: Callable[[tf.Tensor], Mapping[str, tf.Tensor]]) -> "Predictor":
        """Returns the same around another function that computes the model's outputs."""
        return Predictor(
            self.model, self.task, self.preprocessing, self.class_names, self.on_error, network
        )

    @property
    def reads_bytes(self) -> bool:
        """Whether an encoded picture can carry the model's channels."""
        return self.preprocessing.channels in CHANNELS

    def _from_bytes(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        def prepare(data: tf.Tensor) -> dict[str, tf.Tensor]:
            pixels, size = self.preprocessing.read(data)
            return {"pixels": pixels, "size": size}

        rows, ok = read_batch(image_bytes, prepare, self._blank)
        outputs = self.outputs(rows["pixels"])
        answer = self.task.answer(outputs, rows["size"], self.preprocessing, self.class_names)
        return self.marked(answer, ok, image_bytes)

    def outputs(self, pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the model's outputs for float32 [n, H, W, channels] of its input's size."""
        return _answers(self._network, pixels)

    def marked(
        self, answer: Mapping[str, tf.Tensor], ok: tf.Tensor, image_bytes: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Says of which pictures there is no answer, or fails for them; see ``on_error``.

        Args:
            answer: Of the task, n rows.
            ok: bool [n], which pictures were read.
            image_bytes: string [n], the pictures.

        Returns:
            The same with ``error``; rows of pictures that were not read are empty.
        """
        errors = picture_errors(image_bytes, ok)
        if self.on_error == "fail":
            text = tf.strings.reduce_join(
                tf.boolean_mask(errors, tf.logical_not(ok)), separator="; "
            )
            tf.debugging.Assert(tf.reduce_all(ok), [tf.constant("a picture"), text])
        answer = {name: _blank_rows(value, ok, name) for name, value in answer.items()}
        return {**answer, "error": errors}

    def _from_pixels(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        count = tf.shape(image)[0]
        outputs = self.outputs(self.preprocessing.fit_images(image))
        size = tf.shape(image)[1:3]
        answer = self.task.answer_pixels(outputs, size, self.preprocessing, self.class_names)
        return {**answer, "error": tf.fill([count], "")}

    @property
    def signatures(self) -> dict[str, Callable[..., dict[str, tf.Tensor]]]:
        """The served functions by signature name."""
        default = self.from_bytes if self.reads_bytes else self.from_pixels
        return {"serving_default": default, "pixels": self.from_pixels}

    def predict(
        self,
        pictures: Iterable[str | Path | bytes | np.ndarray],
        on_picture: Callable[[], Any] = lambda: None,
    ) -> list[Answer]:
        """Answers for pictures, as the served model does.

        Args:
            pictures: Paths, of TIFF and NumPy files too, encoded bytes, or arrays [h, w, c] or
                [h, w] of 0 to 255.
            on_picture: Called after each picture.

        Returns:
            One answer a picture, in order. A file that is no picture has its ``error``.

        Raises:
            UserError: If a path names no file, or an array has the wrong channels.
        """
        return predict(self.signatures, pictures, self.preprocessing, on_picture)


def _answers(
    network: Callable[[tf.Tensor], Mapping[str, tf.Tensor]], pixels: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Returns what a network answers to float32 [n, h, w, c], n = 0 included."""
    count = tf.shape(pixels)[0]
    # With AVX-512, TensorFlow 2.21's convolutions return an empty batch in the shape of their
    # input: an empty batch gets a picture, whose answer is cut off again.
    more = tf.cast(count == 0, tf.int32)
    margins: Any = [[0, more], [0, 0], [0, 0], [0, 0]]
    some = tf.ensure_shape(tf.pad(pixels, margins), pixels.shape)
    return {key: value[:count] for key, value in network(some).items()}


def _blank_rows(values: tf.Tensor, ok: tf.Tensor, name: str) -> tf.Tensor:
    """Empties the rows of pictures that could not be read; class names stay."""
    if name == "classes":
        return values
    blank = tf.constant("") if values.dtype == tf.string else tf.constant(np.nan, values.dtype)
    shape = tf.concat([tf.shape(ok), tf.ones([values.shape.rank - 1], tf.int32)], 0)
    return tf.where(tf.reshape(ok, shape), values, blank)
