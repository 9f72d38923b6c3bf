"""Large pictures tile by tile: no seams, and what blending says by NumPy."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zoo import tasks
from zoo.errors import UserError
from zoo.export.c_api import Session
from zoo.export.graph.tiled import blended_mask, places, tiled, window
from zoo.export.graph.write import write_graph
from zoo.inference import Predictor
from zoo.preprocess import Preprocessing

TILE = (8, 12)
NAMES = ("background", "red", "blue")


@given(st.integers(1, 40), st.integers(0, 300), st.floats(0, 0.9))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_tiles_cover_everything_and_overlap_enough(tile, more, overlap):
    size = tile + more
    begins = places(tf.constant(size), tile, overlap).numpy()
    assert begins[0] == 0
    assert begins[-1] == size - tile
    steps = np.diff(begins)
    assert (steps > 0).all()
    assert (steps <= max(1, tile * (1 - overlap))).all()


def test_window_by_hand():
    """Sigma is 4 / 8 = 1/2: exp(-1/2 (0.5 / 0.5)^2) = e^-0.5, exp(-1/2 (1.5 / 0.5)^2) = e^-4.5."""
    expected = [np.exp(-4.5), np.exp(-0.5), np.exp(-0.5), np.exp(-4.5)]
    np.testing.assert_allclose(window(4), expected, rtol=1e-6)


def reference(image, network, tile, classes, overlap):
    """All tiles onto one canvas for the whole picture."""
    height, width = (max(size, least) for size, least in zip(image.shape, tile, strict=False))
    padded = np.zeros((height, width, image.shape[-1]), np.float32)
    padded[: image.shape[0], : image.shape[1]] = image
    sums = np.zeros((height, width, classes), np.float64)
    gauss = [
        np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (n / 8)) ** 2)[:, np.newaxis] for n in tile
    ]
    weights = (gauss[0] @ gauss[1].T)[..., np.newaxis]

    def begins(size, length):
        step = max(1, int(length * (1 - overlap)))
        found = list(range(0, size - length, step))
        return [*found, size - length]

    for y in begins(height, tile[0]):
        for x in begins(width, tile[1]):
            part = padded[y : y + tile[0], x : x + tile[1]]
            sums[y : y + tile[0], x : x + tile[1]] += weights * network(part[np.newaxis])[0]
    return sums[: image.shape[0], : image.shape[1]]


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.6])
@pytest.mark.parametrize("size", [(8, 12), (5, 7), (9, 31), (40, 12), (37, 41)])
def test_blending_is_the_reference_s(size, overlap):
    """The network's answer depends on where in the tile a pixel lies, so that blending matters."""
    random = np.random.default_rng(0)
    field = random.uniform(0, 1, (*TILE, 3)).astype(np.float32)
    image = random.integers(0, 256, (*size, 1), np.uint8)

    def network(pixels):
        return field * 200 + pixels * np.array([1, 0.5, -0.2], np.float32)

    mask = blended_mask(tf.constant(image), network, TILE, 3, overlap).numpy()
    sums = reference(image, network, TILE, 3, overlap)
    assert mask.shape == size
    assert len(np.unique(mask)) > 1
    ordered = np.sort(sums, axis=-1)
    # Single precision decides otherwise only where two classes are level.
    clear = ordered[..., -1] - ordered[..., -2] > 1e-4 * ordered[..., -1]
    assert clear.mean() > 0.95
    np.testing.assert_array_equal(mask[clear], sums.argmax(-1)[clear])


def pixelwise():
    """A class by a pixel's colour alone: red, blue, or neither."""
    image = keras.Input((*TILE, 3), name="image")
    scores = keras.layers.Conv2D(3, 1, activation="softmax", name="mask")(image)
    model = keras.Model(image, {"mask": scores})
    kernel = np.array([[0.0, 0.02, -0.02], [0.01, -0.02, -0.02], [0.0, -0.02, 0.02]])
    model.set_weights([kernel.reshape(1, 1, 3, 3), np.array([1.0, 0.0, 0.0])])
    return model


def predictor(on_error="row"):
    task = tasks.get("segmentation")
    return Predictor(pixelwise(), task, Preprocessing(TILE, 3), NAMES, on_error)


def picture(height, width, seed, orientation=1):
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (-(-height // 3), -(-width // 3), 3), np.uint8)
    pixels = coarse.repeat(3, 0).repeat(3, 1)[:height, :width]
    stream, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(stream, "PNG", exif=exif)
    return stream.getvalue(), pixels


def png(data):
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiled") / "1"
    graph = write_graph(predictor(), folder, overlap=0.3)
    assert graph.overlap == 0.3
    with Session(folder) as opened:
        yield opened


@pytest.mark.parametrize("size", [(8, 12), (3, 4), (29, 50), (100, 13)])
def test_no_seams_where_a_pixel_says_all(session, size):
    """Through the published graph: the mask is that of each pixel on its own."""
    data, pixels = picture(*size, seed=1)
    answer = session.run("tiled", {"image_bytes": [data]})
    kernel, bias = pixelwise().get_weights()
    alone = (pixels.astype(np.float32) @ kernel[0, 0] + bias).argmax(-1)
    np.testing.assert_array_equal(png(answer["mask_bytes"][0]), alone)
    shares = np.bincount(alone.ravel(), minlength=3) / alone.size
    np.testing.assert_allclose(answer["fraction"][0], shares, atol=1e-6)


def test_a_batch_of_sizes_and_a_bad_picture(session):
    pictures = [picture(20, 30, 0)[0], b"none", picture(9, 8, 1)[0], picture(30, 14, 2, 6)[0]]
    answer = session.run("tiled", {"image_bytes": pictures})
    assert answer.keys() == {"mask_bytes", "classes", "fraction", "error"}
    assert [bool(text) for text in answer["error"]] == [False, True, False, False]
    assert answer["mask_bytes"][1] == b""
    assert np.isnan(answer["fraction"][1]).all()
    # The last lies on its side in the file.
    sizes = [png(answer["mask_bytes"][row]).shape for row in (0, 2, 3)]
    assert sizes == [(20, 30), (9, 8), (14, 30)]
    alone = session.run("tiled", {"image_bytes": pictures[2:3]})
    assert alone["mask_bytes"][0] == answer["mask_bytes"][2]
    empty = session.run("tiled", {"image_bytes": []})
    assert {name: len(value) for name, value in empty.items()} == dict.fromkeys(answer, 0)


def test_a_bad_picture_fails_the_request_where_that_was_asked_for():
    function = tiled(predictor("fail"), 0.25)
    with pytest.raises(tf.errors.InvalidArgumentError, match="is not a JPEG"):
        function(tf.constant([b"none"]))


@pytest.mark.parametrize("overlap", [-0.1, 0.95])
def test_overlap_is_checked(overlap):
    with pytest.raises(UserError, match=r"give 0 to 0\.9"):
        tiled(predictor(), overlap)


def test_channels_that_no_picture_carries():
    image = keras.Input((*TILE, 5), name="image")
    model = keras.Model(image, {"mask": keras.layers.Conv2D(3, 1, name="mask")(image)})
    five = Predictor(model, tasks.get("segmentation"), Preprocessing(TILE, 5), NAMES)
    with pytest.raises(UserError, match="carries 5 channels"):
        tiled(five, 0.25)
