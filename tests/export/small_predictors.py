"""Models of a few filters with everything around them, and pictures to ask them about."""

import io

import keras
import numpy as np
from PIL import Image

import zoo
from zoo import tasks
from zoo.inference import Predictor
from zoo.preprocess import Preprocessing

OUTPUTS = {
    "classification": {"error", "label", "score", "classes", "probabilities"},
    "localization": {"error", "label", "score", "classes", "probabilities", "box"},
    "segmentation": {"error", "mask_bytes", "classes", "fraction"},
}
NAMES = ("cat", "dog", "none of them")


def make_predictor(task, size=(16, 24), channels=3, on_error="row", fit="pad"):
    # Of weights drawn anew each time, some would have two classes as likely in a pixel.
    keras.utils.set_random_seed(0)
    model = zoo.build(
        task, encoder="plain", filters=(2, 4), classes=len(NAMES), input_shape=(*size, channels)
    )
    preprocessing = Preprocessing(size, channels, fit)
    return Predictor(model, tasks.get(task), preprocessing, NAMES, on_error)


def encoded(width, height, format="PNG", seed=0, **options):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format, **options)
    return stream.getvalue()


PICTURES = [encoded(20, 30), encoded(31, 17, "JPEG"), encoded(8, 9, "BMP")]
