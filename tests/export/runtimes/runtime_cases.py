"""Small models whose answers differ from picture to picture, and the formats that are here."""

import dataclasses
import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import zoo
from zoo import tasks
from zoo.data import DataSet
from zoo.data.dataset import Split
from zoo.export.runtimes import FORMATS
from zoo.export.runtimes.contract import missing_modules, without_reports
from zoo.inference import Predictor
from zoo.preprocess import Preprocessing

NAMES = ("cat", "dog", "fox")
TASKS = ("classification", "localization", "segmentation")
SIZE = (16, 24)
# Layers whose outputs the answers are made of by a softmax.
_LAST = ("class_logits", "mask_logits", "edges_x", "edges_y", "attention")

# Runtimes are imported here as everywhere else.
without_reports()


def of_format(*tasks, int8=False):
    """Parameters of a test of each format; those of formats that are not installed are skipped.

    One format stands for all where the task differs, and one task where the format does; the
    others are exhaustive.
    """
    found = []
    for number, (name, one) in enumerate(FORMATS.items()):
        missing = missing_modules([one], int8)
        skipped = [pytest.mark.skip(f"{' and '.join(missing)} not installed")] if missing else []
        for task in tasks or (None,):
            rest = number > 0 and task != "localization"
            marks = [*skipped, *([pytest.mark.exhaustive] if rest else [])]
            values = (name,) if task is None else (name, task)
            found.append(pytest.param(*values, marks=marks, id="-".join(values)))
    return found


def make_model(task, size=SIZE, channels=3, gain=8.0, **options):
    """A network that is not trained but of decided opinions."""
    keras.utils.set_random_seed(2)
    shape = (*size, channels)
    given = {"encoder": "plain", "filters": (4, 8), "classes": len(NAMES), "input_shape": shape}
    model = zoo.build(task, **{**given, **options})
    for layer in model.layers:
        if layer.name in _LAST:
            layer.kernel.assign(gain * np.asarray(layer.kernel))
    return model


def make_predictor(task, size=SIZE, channels=3, fit="pad", values=None, **options):
    model = make_model(task, size, channels, **options)
    preprocessing = Preprocessing(size, channels, fit, values)
    return Predictor(model, tasks.get(task), preprocessing, NAMES)


def scene(width, height, seed, channels=3):
    """uint8 [h, w, c]: a bright patch on a dark ground, smooth enough for any decoder."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    y, x = random.uniform(0.2, 0.8, 2) * (height, width)
    near = np.exp(-(((rows - y) / height) ** 2 + ((columns - x) / width) ** 2) * 12)
    colour = random.uniform(80, 230, channels)
    return (20 + near[..., None] * colour).astype(np.uint8)


def encoded(picture, format="PNG", orientation=1, **options):
    if not isinstance(picture, Image.Image):
        picture = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    picture.save(stream, format, **({"exif": exif} if orientation > 1 else {}), **options)
    return stream.getvalue()


def real_files(channels=3):
    """Encoded files by name: sizes above, below and beside the model's, on their side, gray."""
    sizes = {"wide": (61, 20), "tall": (17, 50), "small": (9, 7), "large": (70, 55)}
    files = {f"{name}.png": encoded(scene(*size, 1)) for name, size in sizes.items()}
    for orientation in (3, 6, 8):
        # Not so large that the zoo would decode them at a half of their size.
        picture = scene(31, 27, orientation)
        files[f"turned{orientation}.jpg"] = encoded(picture, "JPEG", orientation, quality=95)
    files["gray.png"] = encoded(scene(30, 40, 7, 1))
    files["alpha.png"] = encoded(scene(30, 40, 8, 4))
    files["palette.gif"] = encoded(Image.fromarray(scene(33, 28, 9)).convert("P"), "GIF")
    return files


PICTURES = [encoded(scene(30, 20, seed)) for seed in range(4)]


def counted_set(count, unreadable=(), targets=("class",)):
    """A set of pictures of which each is filled with its number; some cannot be read."""

    def read(index):
        data = tf.where(tf.reduce_any(index == list(unreadable or [-1])), b"broken", PICTURES[0])
        pixels = tf.fill([8, 8, 3], tf.cast(index, tf.uint8))
        image = data if unreadable else pixels
        return {"image": image, "class": tf.cast(index % 3, tf.int32)}

    split = Split("train", count, read, lambda index: f"picture {index}")
    splits = {name: dataclasses.replace(split, name=name) for name in ("train", "test")}
    return DataSet("counted", frozenset(targets), NAMES, (), splits)
