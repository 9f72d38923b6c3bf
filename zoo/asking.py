"""Asks a model's served functions about pictures in whatever form they come."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.answers import Answer, as_text
from zoo.data.conversion import UnreadableError, picture_in
from zoo.errors import UserError
from zoo.preprocess import CHANNELS, Preprocessing, decode_mask, picture_error

BATCH = 32


def predict(
    signatures: Mapping[str, Callable[..., dict[str, tf.Tensor]]],
    pictures: Iterable[str | Path | bytes | np.ndarray],
    preprocessing: Preprocessing,
    on_picture: Callable[[], Any] = lambda: None,
) -> list[Answer]:
    """Answers for pictures by a model's two signatures, exported or not.

    Args:
        signatures: ``serving_default`` and ``pixels``, called by keyword.
        pictures: As :meth:`zoo.inference.Predictor.predict` takes them.
        preprocessing: Of the model: its channels, and its range of values.
        on_picture: Called after each picture.

    Returns:
        One answer a picture, in order. A file that is no picture has its ``error``, also where
        the model fails for all that come with it.

    Raises:
        UserError: If a path names no file, or an array has the wrong channels.
    """
    channels = preprocessing.channels
    answers: list[Answer] = []
    encoded: list[tuple[str, bytes]] = []

    def flush() -> None:
        if encoded:
            names, data = zip(*encoded, strict=True)
            answers.extend(_answers_for(signatures["serving_default"], names, data, preprocessing))
            encoded.clear()

    for number, picture in enumerate(pictures):
        kind = "array" if isinstance(picture, np.ndarray) else "bytes"
        name = str(picture) if isinstance(picture, str | Path) else f"{kind} {number}"
        given = _given(picture, preprocessing)
        if isinstance(given, bytes):
            encoded.append((name, given))
            if len(encoded) == BATCH:
                flush()
        else:
            flush()
            if isinstance(given, UnreadableError):
                answers.append(Answer(name, str(given), {}))
            else:
                pixels = _as_pixels(given, channels, number)
                answers.extend(answers_of(signatures["pixels"](image=pixels), [name]))
        on_picture()
    flush()
    return answers


def _answers_for(
    served: Callable[..., dict[str, tf.Tensor]],
    names: Sequence[str],
    data: Sequence[bytes],
    preprocessing: Preprocessing,
) -> list[Answer]:
    """Returns one answer a file, also of a model that fails for one of them for all."""
    try:
        outputs = served(image_bytes=tf.constant(list(data), tf.string))
    except tf.errors.InvalidArgumentError:
        if len(data) > 1:
            alone = [(served, [name], [one]) for name, one in zip(names, data, strict=True)]
            return [answer for one in alone for answer in _answers_for(*one, preprocessing)]
        error = _unreadable(data[0], preprocessing)
        if not error:
            raise
        return [Answer(names[0], error, {})]
    return answers_of(outputs, names)


def _unreadable(data: bytes, preprocessing: Preprocessing) -> str:
    """Returns what is wrong with a file, or ``""``."""
    try:
        preprocessing.read(data)
    except tf.errors.InvalidArgumentError:
        return as_text(picture_error(data).numpy())
    return ""


def _given(
    picture: str | Path | bytes | np.ndarray, preprocessing: Preprocessing
) -> bytes | np.ndarray | UnreadableError:
    """Returns what a model is asked about, or why a file cannot be answered for."""
    found, channels = picture, preprocessing.channels
    if isinstance(found, str | Path):
        try:
            found = picture_in(Path(found), preprocessing.values)
        except UnreadableError as error:
            return error
        except OSError as error:
            reason = error.strerror
            raise UserError(f"picture {str(picture)!r} cannot be read: {reason}") from error
    if isinstance(found, bytes):
        fits, has = channels in CHANNELS, "1, 3 or 4"
    else:
        # Who gives an array of other channels is told so.
        fits, has = found is picture or found.shape[-1] == channels, str(found.shape[-1])
    return found if fits else UnreadableError(f"has {has} channels; this model takes {channels}")


def _as_pixels(picture: np.ndarray, channels: int, number: int) -> tf.Tensor:
    array = picture[..., None] if picture.ndim == 2 else picture
    if array.ndim != 3 or array.shape[-1] != channels:
        raise UserError(
            f"array {number} has the shape {picture.shape}; this model takes [h, w, {channels}]"
        )
    return tf.constant(array[None], tf.float32)


def answers_of(outputs: Mapping[str, tf.Tensor], names: Iterable[str]) -> list[Answer]:
    """Returns one answer a picture of what a task's ``answer`` gave.

    Args:
        outputs: Served outputs, n rows each; ``error`` may be missing where all were read.
        names: Of the n pictures.
    """
    arrays = {key: value.numpy() for key, value in outputs.items()}
    answers = []
    for row, name in enumerate(names):
        values = {key: array[row] for key, array in arrays.items()}
        error = as_text(values.pop("error", ""))
        if "mask_bytes" in values and not error:
            values["mask"] = decode_mask(values["mask_bytes"]).numpy()
        answers.append(Answer(name, error, values))
    return answers
