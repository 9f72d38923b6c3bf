from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from zoo.data import open_dataset, sentences
from zoo.data.formats.digit_scenes.drawing import LENGTHS, Drawer, digits_of
from zoo.preprocess import Preprocessing


@pytest.fixture(scope="module")
def scenes():
    return open_dataset("digit_scenes")


def test_no_handwriting_is_shared_between_splits():
    parts = [set(digits_of(split).tolist()) for split in LENGTHS]
    assert sum(map(len, parts)) == 1797
    assert set.union(*parts) == set(range(1797))


def test_every_split_has_the_same_share_of_every_digit():
    from sklearn.datasets import load_digits

    _, labels = load_digits(return_X_y=True)
    for split, share in (("train", 0.7), ("validation", 0.15), ("test", 0.15)):
        counts = np.bincount(labels[digits_of(split)], minlength=10)
        assert np.all(np.abs(counts - share * np.bincount(labels)) <= 1), split


@pytest.mark.parametrize("split", LENGTHS)
def test_box_is_the_tight_rectangle_around_the_mask(split):
    drawer = Drawer(split)
    for index in range(40):
        scene = drawer.scene(index)
        x_min, y_min, x_max, y_max = scene.box
        inked = np.zeros((64, 64), bool)
        inked[y_min:y_max, x_min:x_max] = True
        assert set(np.unique(scene.mask)) == {0, scene.label + 1}
        assert not scene.mask[~inked].any()
        for edge in (
            scene.mask[y_min, x_min:x_max],
            scene.mask[y_max - 1, x_min:x_max],
            scene.mask[y_min:y_max, x_min],
            scene.mask[y_min:y_max, x_max - 1],
        ):
            assert edge.any()
        # 18 to 44 px is the square that holds the 8x8 digit, which fills at least its height.
        assert 14 <= y_max - y_min <= 44


def test_ink_is_brighter_than_what_surrounds_it():
    drawer = Drawer("train")
    brighter = 0
    for index in range(100):
        scene = drawer.scene(index)
        ink = scene.image[scene.mask > 0].mean()
        brighter += ink > np.percentile(scene.image[scene.mask == 0], 75)
    assert brighter >= 99


def test_scenes_are_the_same_on_every_machine():
    # The first training scene as first drawn: whatever changes it asks for a new VERSION.
    scene = Drawer("train").scene(0)
    assert (scene.label, scene.box) == (2, (12, 22, 39, 61))
    assert int(scene.image.astype(int).sum()) == 168_824
    again = Drawer("train")
    again.scene(5)
    np.testing.assert_array_equal(again.scene(0).image, scene.image)
    assert not np.array_equal(Drawer("test").scene(0).image, scene.image)


def test_prepared_set_gives_exactly_the_drawn_scenes(scenes):
    assert scenes.targets == {"class", "box", "mask"}
    assert scenes.label_names == tuple("0123456789")
    assert scenes.mask_names == ("background", *"0123456789")
    assert {name: split.length for name, split in scenes.splits.items()} == LENGTHS
    assert sentences(scenes.findings) == ()
    for split, index in (("train", 6999), ("validation", 0), ("test", 17)):
        raw = scenes.splits[split].read(tf.constant(index, tf.int64))
        scene = Drawer(split).scene(index)
        pixels = tf.io.decode_png(raw["image"])[..., 0]
        np.testing.assert_array_equal(pixels, scene.image)
        np.testing.assert_array_equal(tf.io.decode_png(raw["mask"])[..., 0], scene.mask)
        assert int(raw["class"]) == scene.label
        assert raw["class"].dtype == tf.int32
        # Sixty-fourths are exact in float32.
        np.testing.assert_array_equal(raw["box"] * 64, scene.box)


def test_reading_inside_tf_data_equals_reading_eagerly(scenes):
    split = scenes.splits["test"]
    indices = [3, 999, 3, 0]
    data = tf.data.Dataset.from_tensor_slices(np.array(indices, np.int64)).map(split.read)
    for index, example in zip(indices, data, strict=True):
        for key, value in split.read(tf.constant(index, tf.int64)).items():
            np.testing.assert_array_equal(example[key], value, err_msg=key)


def test_preparing_a_scene_keeps_its_pixels_box_and_mask(scenes):
    raw = scenes.splits["test"].read(tf.constant(5, tf.int64))
    scene = Drawer("test").scene(5)
    prepared = Preprocessing((64, 64), channels=1).prepare(raw)
    np.testing.assert_array_equal(prepared["image"][..., 0], scene.image)
    np.testing.assert_array_equal(prepared["mask"], scene.mask)
    np.testing.assert_allclose(prepared["box"] * 64, scene.box, atol=1e-4)


def test_splits_can_be_slices(scenes):
    small = open_dataset(
        "digit_scenes", splits={"train": "train[:100]", "test": "test[:10]"}, validation=0.2
    )
    read = scenes.splits["train"].read
    digits = Counter(int(read(tf.constant(at, tf.int64))["class"]) for at in range(100))
    # A fifth of each digit's scenes.
    held_out = sum(round(0.2 * count) for count in digits.values())
    assert {name: split.length for name, split in small.splits.items()} == {
        "train": 100 - held_out,
        "validation": held_out,
        "test": 10,
    }
    validation = small.splits["validation"]
    numbers = [int(validation.label(index).rpartition(" ")[2]) for index in range(held_out)]
    assert set(numbers) < set(range(100))
    assert validation.label(0) == f"digit_scenes train[:100] {numbers[0]}"
    for index, number in enumerate(numbers):
        found, expected = (
            split.read(tf.constant(at, tf.int64))
            for split, at in ((validation, index), (scenes.splits["train"], number))
        )
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            if value.dtype == tf.string:
                assert found[key] == value
            else:
                np.testing.assert_allclose(found[key], value, rtol=1e-6, err_msg=key)
    (said,) = small.findings
    assert said.text == f"there is no validation split: {held_out} examples of train went to it"
