import io
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageDraw

from zoo.errors import UserError
from zoo.preprocess import IGNORE, Preprocessing

FITS = ["pad", "stretch", "crop"]


def picture(height, width, channels=3, seed=0):
    shape = (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(
    ("settings_", "named"),
    [
        ({"size": (0, 8)}, r"size=\(0, 8\)"),
        ({"size": (8,)}, "size="),
        ({"size": 8}, "size=8"),
        ({"size": (8.0, 8)}, "size="),
        ({"size": (True, 8)}, "size="),
        ({"size": (8, 8), "channels": 0}, "channels=0"),
        ({"size": (8, 8), "channels": "3"}, "channels='3'"),
        ({"size": (8, 8), "fit": "strech"}, "did you mean 'stretch'"),
        ({"size": (8, 8), "fit": None}, "pad, stretch"),
        ({"size": (8, 8), "values": (5, 5)}, r"values=\(5, 5\) is no range"),
        ({"size": (8, 8), "values": (0, float("inf"))}, "is no range"),
        ({"size": (8, 8), "values": 255}, "values=255"),
    ],
)
def test_nonsense_is_refused(settings_, named):
    with pytest.raises(UserError, match=named):
        Preprocessing(**settings_)


def test_it_survives_json():
    whole = Preprocessing(size=(12, 34), channels=1, fit="crop", values=(0, 4095))
    assert Preprocessing.from_json(json.loads(json.dumps(whole.to_json()))) == whole
    assert hash(Preprocessing(size=[12, 34])) == hash(Preprocessing(size=(12, 34)))
    with pytest.raises(UserError, match="did you mean 'channels'"):
        Preprocessing.from_json({"size": [1, 1], "chanels": 1})
    with pytest.raises(UserError, match="no size"):
        Preprocessing.from_json({"fit": "pad"})


def test_only_crop_loses_anything():
    lossy = [fit for fit in FITS if Preprocessing(size=(8, 8), fit=fit).lossy]
    assert lossy == ["crop"]


# A picture of 2 x 4 on an input of 8 x 8:
# pad: scale min(8/2, 8/4) = 2, so 4 x 8 lies there, (8 - 4) / 2 = 2 rows from the top.
# crop: scale max(4, 2) = 4, so 8 x 16 lies there, (8 - 16) / 2 = -4 columns from the left.
# The box of its right half's upper half, (0.5, 0, 1, 0.5) of 4 x 2 pixels = (2, 0, 4, 1):
# pad: x 4..8, y 2 + 0..2; crop: x -4 + 8..16 = 4..12, cut at 8, y 0..4; stretch: as it is.
@pytest.mark.parametrize(
    ("fit", "expected"),
    [
        ("pad", [4 / 8, 2 / 8, 8 / 8, 4 / 8]),
        ("crop", [4 / 8, 0 / 8, 8 / 8, 4 / 8]),
        ("stretch", [4 / 8, 0 / 8, 8 / 8, 4 / 8]),
    ],
)
def test_a_box_by_hand(everywhere, fit, expected):
    preprocessing = Preprocessing(size=(8, 8), fit=fit)
    box = np.float32([0.5, 0, 1, 0.5])
    (moved,) = everywhere(lambda box: preprocessing.fit_box(box, tf.constant([2, 4])), [box])
    assert moved.tolist() == expected


def test_a_box_outside_a_crop_has_no_area():
    box = tf.constant([0.0, 0.0, 0.1, 1.0])
    moved = Preprocessing(size=(8, 8), fit="crop").fit_box(box, tf.constant([2, 4]))
    assert moved.numpy().tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(("h", "w", "rows"), [(3000, 1, (0, 8)), (1, 3000, (3, 4)), (5, 8, (1, 6))])
def test_padding_is_black_ignored_and_centred(h, w, rows):
    # 1 x 3000: the scaled height, 8/3000, is kept at 1; (8 - 1) // 2 = 3 rows lie above it.
    preprocessing = Preprocessing(size=(8, 8))
    fitted = preprocessing.fit_image(np.full((h, w, 3), 200, np.uint8)).numpy()
    mask = preprocessing.fit_mask(np.ones((h, w), np.uint8)).numpy()
    assert np.array_equal(mask != IGNORE, fitted[..., 0] == 200)
    inside = np.flatnonzero((mask == 1).any(axis=1))
    assert (inside[0], inside[-1] + 1) == rows
    assert set(np.unique(fitted)) <= {0, 200}


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(13, 29), (29, 13), (300, 401), (7, 7), (1, 90)])
def test_pictures_are_resized_as_pillow_resizes(fit, size):
    preprocessing = Preprocessing(size=(24, 16), fit=fit)
    image = picture(*size)
    fitted = preprocessing.fit_image(image).numpy()
    scale = [24 / size[0], 16 / size[1]]
    if fit != "stretch":
        scale = [min(scale) if fit == "pad" else max(scale)] * 2
    height, width = (
        max(1, int(side * ratio + 0.5)) for side, ratio in zip(size, scale, strict=True)
    )
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    top, left = (24 - height) // 2, (16 - width) // 2
    # Pillow's crop pads with black where the rectangle leaves the picture.
    expected = np.asarray(resized.crop((-left, -top, 16 - left, 24 - top)))
    # Pillow rounds after each axis, TensorFlow once.
    assert np.abs(fitted - expected).max() <= 1
    assert np.abs(fitted - expected).mean() < 0.25


@pytest.mark.parametrize("fit", FITS)
def test_pictures_are_the_same_everywhere(everywhere, fit):
    preprocessing = Preprocessing(size=(9, 12), fit=fit)
    pictures = [picture(*size) for size in [(5, 31), (30, 40), (9, 12), (1, 1)]]
    fitted = everywhere(preprocessing.fit_image, pictures)
    for image in fitted:
        assert image.shape == (9, 12, 3)
        assert image.dtype == np.float32
        assert np.array_equal(image, np.round(image))
    # As it is where nothing is to be done, and the same from bytes as from numbers.
    assert np.array_equal(fitted[2], pictures[2])
    floats = [image.astype(np.float32) for image in pictures]
    for one, other in zip(fitted, everywhere(preprocessing.fit_image, floats), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("seed", range(6))
def test_picture_mask_and_box_stay_aligned(fit, seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(60, 400, 2)
    x0, y0 = rng.uniform(0.1, 0.4, 2) * (width, height)
    x1, y1 = rng.uniform(0.6, 0.9, 2) * (width, height)
    x0, y0, x1, y1 = map(round, (x0, y0, x1, y1))
    drawing = Image.new("L", (int(width), int(height)))
    ImageDraw.Draw(drawing).rectangle((x0, y0, x1 - 1, y1 - 1), fill=255)
    shape = np.asarray(drawing)
    preprocessing = Preprocessing(size=(64, 96), channels=1, fit=fit)
    prepared = preprocessing.prepare(
        {
            "image": shape[..., np.newaxis],
            "mask": shape // 255,
            "box": np.float32([x0 / width, y0 / height, x1 / width, y1 / height]),
        }
    )
    bright = prepared["image"].numpy()[..., 0] > 127
    mask = prepared["mask"].numpy()
    # They may differ only where a pixel's centre lies within half a pixel of the edge.
    assert ((mask == 1) ^ bright).sum() <= 2 * (mask == 1).any(0).sum()
    rows, columns = np.flatnonzero((mask == 1).any(1)), np.flatnonzero((mask == 1).any(0))
    found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    box = prepared["box"].numpy() * [96, 64, 96, 64]
    assert np.abs(found - box).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(5, 9), (40, 17), (16, 16), (1, 50), (3, 1)])
def test_masks_take_the_id_at_each_centre(everywhere, fit, size):
    preprocessing = Preprocessing(size=(16, 12), fit=fit)
    mask = picture(*size, channels=1)[..., 0] % 200
    (fitted,) = everywhere(preprocessing.fit_mask, [mask])
    place = preprocessing.geometry(tf.constant(size))
    for y in range(16):
        for x in range(12):
            point = place.to_picture(tf.constant([y + 0.5, x + 0.5], tf.float64)).numpy()
            inside = (point >= 0).all() and (point < size).all()
            row, column = np.floor(point + 1e-9).astype(int)
            assert fitted[y, x] == (mask[row, column] if inside else IGNORE)


def test_prepare_keeps_the_contract(encode):
    image, mask = picture(20, 30), picture(20, 30, 1)[..., 0] % 3
    raw = {
        "image": encode(Image.fromarray(image), "PNG"),
        "mask": encode(Image.fromarray(mask), "PNG"),
        "box": np.float32([0.1, 0.2, 0.3, 0.4]),
        "class": np.int32(2),
        "name": b"kept",
    }
    preprocessing = Preprocessing(size=(8, 8))
    prepared = preprocessing.prepare(raw)
    pipeline = tf.data.Dataset.from_tensors(raw).map(preprocessing.prepare)
    (mapped,) = list(pipeline)
    for name in raw:
        assert np.array_equal(prepared[name], mapped[name])
    specs = {name: (spec.dtype, spec.shape) for name, spec in pipeline.element_spec.items()}
    assert specs["image"] == (tf.uint8, [8, 8, 3])
    assert specs["mask"] == (tf.uint8, [8, 8])
    assert specs["box"] == (tf.float32, [4])
    assert specs["class"] == (tf.int32, [])
    assert mapped["name"] == b"kept"
    arrays = preprocessing.prepare({**raw, "image": image, "mask": mask[..., np.newaxis]})
    assert np.array_equal(arrays["image"], prepared["image"])
    assert np.array_equal(arrays["mask"], prepared["mask"])


def test_a_mask_of_another_size_is_refused(encode):
    image, mask = picture(20, 30), np.zeros((30, 20), np.uint8)
    preprocessing = Preprocessing(size=(8, 8))
    with pytest.raises(tf.errors.InvalidArgumentError, match="another size than its upright"):
        preprocessing.prepare({"image": image, "mask": mask})
    pipeline = tf.data.Dataset.from_tensors({"image": image, "mask": mask})
    with pytest.raises(tf.errors.InvalidArgumentError, match="another size than its upright"):
        list(pipeline.map(preprocessing.prepare))


def test_arrays_are_converted_to_the_input_s_channels():
    gray, colour, many = picture(4, 4, 1), picture(4, 4, 3), picture(4, 4, 5)
    as_colour = Preprocessing(size=(4, 4)).prepare({"image": gray})["image"].numpy()
    assert np.array_equal(as_colour, gray.repeat(3, axis=-1))
    as_gray = Preprocessing(size=(4, 4), channels=1).prepare({"image": colour})["image"].numpy()
    assert np.array_equal(as_gray[..., 0], np.asarray(Image.fromarray(colour).convert("L")))
    five = Preprocessing(size=(4, 4), channels=5)
    assert np.array_equal(five.prepare({"image": many})["image"], many)
    with pytest.raises(UserError, match="pictures of 3 channels cannot become 5"):
        five.prepare({"image": colour})
    with pytest.raises(UserError, match="cannot be decoded to 5 channels"):
        five.decode(b"")


def test_a_real_photo_survives_the_whole_way(real_data):
    file = sorted((real_data / "oxford_pets_3breeds" / "images").glob("*.jpg"))[0]
    data = file.read_bytes()
    upright = Image.open(io.BytesIO(data)).convert("RGB")
    prepared = Preprocessing(size=(128, 128)).prepare({"image": data})["image"].numpy()
    scale = 128 / max(upright.size)
    width, height = (max(1, int(side * scale + 0.5)) for side in upright.size)
    left, top = (128 - width) // 2, (128 - height) // 2
    seen = prepared[top : top + height, left : left + width].astype(float)
    expected = np.asarray(upright.resize((width, height), Image.Resampling.BILINEAR))
    # TensorFlow decodes JPEG with the fast inverse cosine transform, Pillow with the slow one.
    assert np.abs(seen - expected).max() <= 6
    assert np.abs(seen - expected).mean() < 1
