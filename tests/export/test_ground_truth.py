"""A drawn rectangle comes back at the pixels where it was drawn, through the published graph.

The models have weights set by hand, so that what they say is known without training; what is
tested is all that lies around them: decoding, EXIF, fitting, and the way back.
"""

import io

import keras
import numpy as np
import pytest
from keras import layers, ops
from PIL import Image, ImageOps

from zoo import tasks
from zoo.errors import UserError
from zoo.export.c_api import Session
from zoo.export.graph.write import write_graph
from zoo.inference import Predictor
from zoo.preprocess import Preprocessing
from zoo.training.recipe import Recipe

INPUT = (80, 96)
NAMES = ("nothing", "rectangle")
# Height and width: smaller than the input, as large, larger, long both ways, odd, large enough
# for JPEGs to be decoded at a half and a quarter.
SIZES = [
    (80, 96),
    (40, 48),
    (33, 57),
    (61, 50),
    (97, 131),
    (128, 128),
    (160, 192),
    (200, 100),
    (100, 200),
    (301, 97),
    (90, 333),
    (240, 320),
    (255, 257),
    (320, 240),
    (427, 303),
    (222, 500),
    (512, 384),
    (375, 500),
    (611, 599),
    (640, 720),
]
# What turns an upright picture into one that is stored with that orientation.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
CASES = [(size, orientation) for size in SIZES for orientation in STORED]


def rectangle_in(size, seed):
    """Returns x_min, y_min, x_max, y_max of a rectangle of 1/5 to 2/5 of each side, or more.

    A twentieth of the picture is left around it: where a white edge and the picture's own are less
    than a pixel of the model's input apart, no scaled picture tells where the one was.
    """
    random = np.random.default_rng(seed)
    edges = []
    for length in size[::-1]:
        extent = int(length * random.uniform(0.2, 0.4)) + 4
        margin = length // 20
        first = int(random.integers(margin, length - extent - margin + 1))
        edges.append((first, first + extent))
    (left, right), (top, bottom) = edges
    return np.array([left, top, right, bottom])


def drawn(size, orientation, box):
    """Returns a JPEG of a white rectangle on black that is upright after EXIF."""
    left, top, right, bottom = box
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[top:bottom, left:right] = 255
    upright = Image.fromarray(pixels)
    turn = STORED[orientation]
    stored = upright if turn is None else upright.transpose(turn)
    exif, stream = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    stored.save(stream, "JPEG", quality=100, subsampling=0, exif=exif)
    return stream.getvalue()


def white(image):
    """How white each pixel is, 0 to 1, by a convolution: float32 [n, h, w, 1]."""
    return layers.Conv2D(1, 1, use_bias=False, name="white")(image)


WHITE = np.full((1, 1, 3, 1), 1 / 765)


def finder():
    """Projects whiteness to both axes; an edge lies half the sum from the centre of mass."""
    image = keras.Input((*INPUT, 3), name="image")
    map_ = white(image)
    edges = []
    for name, axis in (("x", 1), ("y", 2)):
        profile = ops.squeeze(ops.max(map_, axis=axis), -1)
        total = layers.Dense(1, use_bias=False, name=f"total_{name}")(profile)
        moment = layers.Dense(1, use_bias=False, name=f"moment_{name}")(profile)
        edges.append((moment / total - total / 2, moment / total + total / 2))
    scale = np.array([1 / INPUT[1], 1 / INPUT[0]] * 2, np.float32)
    corners = [edges[0][0], edges[1][0], edges[0][1], edges[1][1]]
    box = layers.Concatenate(name="box")(corners) * scale
    there = layers.GlobalMaxPooling2D()(map_)
    classes = layers.Dense(2, activation="softmax", name="class")(there)
    model = keras.Model(image, {"class": classes, "box": box})
    for name, length in (("x", INPUT[1]), ("y", INPUT[0])):
        model.get_layer(f"total_{name}").set_weights([np.ones((length, 1))])
        middles = np.arange(length)[:, np.newaxis] + 0.5
        model.get_layer(f"moment_{name}").set_weights([middles])
    model.get_layer("class").set_weights([np.array([[-20.0, 20.0]]), np.array([10.0, -10.0])])
    model.get_layer("white").set_weights([WHITE])
    return model


def thresholder():
    """The probability of the rectangle is the whiteness."""
    image = keras.Input((*INPUT, 3), name="image")
    mask = layers.Conv2D(2, 1, name="mask")(white(image))
    model = keras.Model(image, {"mask": mask})
    model.get_layer("mask").set_weights(
        [np.array([-1.0, 1.0]).reshape(1, 1, 1, 2), np.array([1.0, 0.0])]
    )
    model.get_layer("white").set_weights([WHITE])
    return model


def counter():
    """Whether anything white is there."""
    image = keras.Input((*INPUT, 3), name="image")
    there = layers.GlobalMaxPooling2D()(white(image))
    model = keras.Model(image, {"class": layers.Dense(2, activation="softmax", name="c")(there)})
    model.get_layer("c").set_weights([np.array([[-20.0, 20.0]]), np.array([10.0, -10.0])])
    model.get_layer("white").set_weights([WHITE])
    return model


MODELS = {"localization": finder, "segmentation": thresholder, "classification": counter}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Opens published models, each once."""
    opened = {}

    def of(task, fit):
        if (task, fit) not in opened:
            folder = tmp_path_factory.mktemp("truth") / "1"
            preprocessing = Preprocessing(INPUT, 3, fit)
            write_graph(Predictor(MODELS[task](), tasks.get(task), preprocessing, NAMES), folder)
            opened[task, fit] = Session(folder)
        return opened[task, fit]

    yield of
    for session in opened.values():
        session.close()


@pytest.fixture(scope="module")
def pictures():
    boxes = [rectangle_in(size, seed) for seed, (size, _) in enumerate(CASES)]
    data = [drawn(*case, box) for case, box in zip(CASES, boxes, strict=True)]
    return boxes, data


def test_pictures_are_upright_by_pillow(pictures):
    for (size, _), box, data in zip(CASES, *pictures, strict=True):
        upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("L"))
        assert upright.shape == size
        rows, columns = np.nonzero(upright > 127)
        assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == box.tolist()


@pytest.mark.parametrize("fit", ["pad", "stretch"])
def test_the_box_is_where_it_was_drawn(fit, served, pictures):
    boxes, data = pictures
    answer = served("localization", fit).run("serving_default", {"image_bytes": data})
    assert set(answer["error"]) == {b""}
    assert set(answer["label"]) == {b"rectangle"}
    off = np.abs(answer["box"] - np.array(boxes)).max(axis=1)
    assert off.max() < 1, CASES[int(off.argmax())]


@pytest.mark.parametrize("fit", ["pad", "stretch"])
def test_the_mask_is_where_it_was_drawn(fit, served, pictures):
    boxes, data = pictures
    answer = served("segmentation", fit).run("serving_default", {"image_bytes": data})
    for (size, orientation), box, png in zip(CASES, boxes, answer["mask_bytes"], strict=True):
        mask = np.asarray(Image.open(io.BytesIO(png)))
        assert mask.shape == size
        assert set(np.unique(mask)) == {0, 1}
        rows, columns = np.nonzero(mask)
        found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.abs(found - box).max() <= 1, (size, orientation)
        # Of one piece, but for the corners, which a coarser map rounds off.
        share = mask.sum() / np.prod(box[2:] - box[:2])
        assert 0.97 < share < 1.03, (size, orientation)


def test_a_crop_sees_the_middle_and_nothing_else(served):
    """Of 80 x 300 pixels a crop to 80 x 96 keeps the columns 102 to 198."""
    session = served("classification", "crop")
    places = {(110, 20, 150, 60): b"rectangle", (5, 20, 95, 60): b"nothing"}
    places[205, 5, 295, 75] = b"nothing"
    for orientation in STORED:
        data = [drawn((80, 300), orientation, np.array(box)) for box in places]
        answer = session.run("serving_default", {"image_bytes": data})
        assert answer["label"].tolist() == list(places.values()), orientation


@pytest.mark.parametrize("task", ["localization", "segmentation"])
def test_a_crop_is_refused_where_what_is_lost_matters(task):
    recipe = Recipe(
        name="cropped",
        task=task,
        data={"source": "digit_scenes"},
        input={"size": (16, 16), "fit": "crop"},
        model={"encoder": "plain"},
    )
    with pytest.raises(UserError, match=f"which {task} cannot"):
        recipe.preprocessing()
