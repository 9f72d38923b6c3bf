"""Golden requests: what a published model is asked, and what the Keras model answered.

They lie in ``assets.extra/golden`` of every version: ``00.bin`` ... are encoded pictures,
``pixels.npy`` is uint8 [n, h, w, c], ``firsts.json`` says by signature from which of them on it is
asked, and ``answers.json`` holds the answers.
"""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from zoo.export.graph.tiled import TILED
from zoo.export.replay import FIRSTS, GOLDEN, to_plain
from zoo.inference import Predictor
from zoo.preprocess import Preprocessing

NO_PICTURE = b"not a picture"

Picture = bytes | np.ndarray
"""Encoded, or [h, w, c]."""

# How many pictures of one size the pixel signature is asked about.
_PIXEL_ROWS = 3
# How large the pictures are at most that are made here.
_SIDE = 160
# What a picture is cut to, height and width, in tiles: where these overlap, and none ends with it.
_TILES = (2.25, 1.75)
_SIDEWAYS = 6
_ORIENTATION = 0x0112


def write_golden(
    version: Path,
    pictures: Sequence[Picture],
    predictor: Predictor,
    functions: Mapping[str, Any],
) -> None:
    """Writes requests and the Keras model's answers for them.

    Args:
        version: The folder of the SavedModel.
        pictures: As `as_file` gives them, of the data the model is for; may be none. All can be
            read.
        predictor: If its ``on_error`` is ``"row"``, a file that is no picture is asked for too.
        functions: The Keras model's, which answer, by signature.
    """
    folder = version / GOLDEN
    folder.mkdir(parents=True)
    requests: dict[str, Any] = {"image": golden_pixels(predictor.preprocessing, pictures)}
    np.save(folder / "pixels.npy", requests["image"].astype(np.uint8))
    if predictor.reads_bytes:
        encoded = [picture for picture in pictures if isinstance(picture, bytes)]
        files = golden_pictures(encoded, predictor.preprocessing)
        files += [golden_tiles(encoded, predictor.preprocessing)] if TILED in functions else []
        files += [NO_PICTURE] if predictor.on_error == "row" else []
        for number, data in enumerate(files):
            (folder / f"{number:02d}.bin").write_bytes(data)
        requests["image_bytes"] = files
    answers, firsts = {}, {}
    for name, function in functions.items():
        (key,) = inputs_of(function)
        # Tile by tile a large picture takes minutes, and is asked about many times.
        firsts[name] = len(pictures) if name == TILED else 0
        outputs = function(**{key: tf.constant(requests[key][firsts[name] :])})
        answers[name] = to_plain({key: value.numpy() for key, value in outputs.items()})
    (folder / FIRSTS).write_text(json.dumps(firsts), encoding="utf-8")
    (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")


def inputs_of(function: Any) -> Mapping[str, tf.TensorSpec]:
    """Returns the inputs of a served function by name."""
    return {spec.name: spec for spec in function.input_signature}


def as_file(picture: Picture, encoded: bool) -> Picture:
    """Returns a picture encoded, as PNG if it is not yet, or as it is.

    Args:
        picture: Of the data that the model is for.
        encoded: Whether encoded pictures can carry the model's channels.
    """
    if encoded and not isinstance(picture, bytes):
        return tf.io.encode_png(picture).numpy()
    return picture


def golden_pictures(pictures: Sequence[bytes], preprocessing: Preprocessing) -> list[bytes]:
    """Returns encoded pictures of different sizes, formats and orientations.

    Args:
        pictures: Those of the data the model is for, which come first; may be none. All
            can be read.
        preprocessing: Of a model of 1, 3 or 4 channels.
    """
    made = _sample(pictures, preprocessing)
    plain = made.convert("RGB") if preprocessing.channels == 4 else made
    width, height = made.size
    # None is a multiple of anything, so that fitting and the way back are both at work.
    other = made.resize((width + width // 2 + 1, height + height // 3 + 2))
    exif = Image.Exif()
    exif[_ORIENTATION] = _SIDEWAYS
    return [
        *pictures,
        _encoded(other, "PNG"),
        _encoded(plain.resize((height + 5, width)), "JPEG", exif=exif),
        _encoded(plain.resize((width // 2 + 1, height)), "BMP"),
        _encoded(plain.convert("P"), "GIF"),
        _encoded(plain.resize((width, height // 2 + 1)), "WEBP"),
        _encoded(plain.resize((1, 1)), "PNG"),
    ]


def golden_tiles(pictures: Sequence[bytes], preprocessing: Preprocessing) -> bytes:
    """Returns a picture of a few tiles, cut from the first if that is as large.

    Args:
        pictures: As :func:`golden_pictures` takes them.
        preprocessing: Of the model, whose input is as large as a tile.
    """
    height, width = (
        int(part * side) for part, side in zip(_TILES, preprocessing.size, strict=True)
    )
    made = _sample(pictures, preprocessing).resize((width, height))
    if pictures:
        pixels = preprocessing.decode(pictures[0]).numpy()
        if pixels.shape[0] >= height and pixels.shape[1] >= width:
            made = _pillow(pixels[:height, :width])
    return _encoded(made, "PNG")


def golden_pixels(preprocessing: Preprocessing, pictures: Sequence[Picture]) -> np.ndarray:
    """Returns float32 [3, h, w, c] of whole numbers, of another size than the model's.

    They show the pictures, as far as there are so many, and noise.
    """
    height, width = preprocessing.size
    height, width = min(height + 3, _SIDE), min(width + width // 2, _SIDE)
    shape = (_PIXEL_ROWS, height, width, preprocessing.channels)
    pixels = np.random.default_rng(1).integers(0, 256, shape).astype(np.float32)
    for row, picture in enumerate(pictures[:_PIXEL_ROWS]):
        array = preprocessing.decode(picture) if isinstance(picture, bytes) else picture
        pixels[row] = tf.image.resize(array, (height, width))
    return np.floor(pixels)


def _sample(pictures: Sequence[bytes], preprocessing: Preprocessing) -> Image.Image:
    """Returns a small picture to make others of, with something in it."""
    channels = preprocessing.channels
    pixels = np.random.default_rng(0).integers(0, 256, (45, 60, channels), np.uint8)
    if pictures:
        pixels = preprocessing.decode(pictures[0]).numpy()
    picture = _pillow(pixels)
    picture.thumbnail((_SIDE, _SIDE))
    return picture


def _pillow(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()
