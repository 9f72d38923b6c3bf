"""Masks that are made by something else than reading one PNG file."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.data import Request
from zoo.data.files.dataset import dataset_of
from zoo.data.files.pictures import examples_in
from zoo.data.pipeline import prepare_split
from zoo.errors import UserError
from zoo.preprocess import Preprocessing

EVERYTHING = Request(validation=0, test=0)


@dataclass(frozen=True)
class Corner:
    """One id in the first row's first two pixels."""

    id: int = 1

    def __str__(self):
        return "shapes.json"

    def render(self, size):
        if self.id > 200:
            raise ValueError("holds a polygon of two points")
        mask = np.zeros(size, np.uint8)
        mask[0, :2] = self.id
        return mask


def opened(root, *masks, orientation=1, **options):
    """Pictures 6 wide and 4 high as stored, with these masks."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    for number in range(len(masks)):
        Image.new("RGB", (6, 4)).save(root / f"{number}.png", exif=exif)
    examples, _, findings = examples_in(root, root)
    turned = [
        replace(one, mask=mask, mask_orientation=orientation)
        for one, mask in zip(examples, masks, strict=True)
    ]
    return dataset_of(
        root, turned, EVERYTHING, carries=frozenset({"mask"}), findings=findings, **options
    )


def test_rendered_masks_are_read_eagerly_in_tf_data_and_beside_files(tmp_path):
    file = tmp_path / ".mask.png"
    Image.fromarray(Corner(2).render((4, 6))).save(file)
    for masks in ((Corner(1), Corner(2)), (Corner(1), str(file))):
        dataset = opened(tmp_path, *masks)
        assert dataset.mask_names == ("0", "1", "2")
        split = dataset.splits["train"]
        traced = [example["mask"].numpy() for example in tf.data.Dataset.range(2).map(split.read)]
        for index, id_ in enumerate((1, 2)):
            expected = Corner(id_).render((4, 6))
            np.testing.assert_array_equal(traced[index], expected)
            np.testing.assert_array_equal(
                split.read(tf.constant(index, tf.int64))["mask"], expected
            )
        prepared = prepare_split(split, Preprocessing((4, 6)), ("mask",))
        np.testing.assert_array_equal(
            prepared.read(tf.constant(0))["mask"], Corner(1).render((4, 6))
        )


def test_a_mask_drawn_on_the_stored_picture_is_rendered_in_its_size_and_turned(tmp_path):
    split = opened(tmp_path, Corner(1), orientation=6).splits["train"]
    mask = split.read(tf.constant(0, tf.int64))["mask"].numpy()
    # A quarter to the right: the first row, from the left, is the last column, from the top.
    np.testing.assert_array_equal(mask, np.rot90(Corner(1).render((4, 6)), -1))


@pytest.mark.parametrize(
    ("mask", "kind", "says"),
    [
        (Corner(250), "unreadable-mask", "which holds a polygon of two points"),
        (Corner(7), "mask-unknown-id", "which holds the unknown id 7 in 2 pixels"),
    ],
)
def test_a_mask_that_cannot_be_rendered_is_named(tmp_path, mask, kind, says):
    split = opened(tmp_path, Corner(), mask, classes={"0": "a", "1": "b"}).splits["train"]
    with pytest.raises(UserError, match=rf"1\.png has the mask shapes\.json, {says}"):
        prepare_split(split, Preprocessing((4, 4)), ("mask",))
    prepared = prepare_split(split, Preprocessing((4, 4)), ("mask",), unreadable="skip")
    assert [why.kind for _, why in prepared.left_out] == [kind]


def test_beside_an_unreadable_picture_the_picture_is_named(tmp_path):
    (tmp_path / "1.png").write_bytes(b"")
    examples, _, _ = examples_in(tmp_path, tmp_path)
    Image.new("RGB", (6, 4)).save(tmp_path / "0.png")
    examples = examples_in(tmp_path, tmp_path)[0]
    masked = [replace(one, mask=Corner()) for one in examples]
    split = dataset_of(tmp_path, masked, EVERYTHING, carries=frozenset({"mask"})).splits["train"]
    with pytest.raises(UserError, match=r"1 of the 2 .*1\.png is empty"):
        prepare_split(split, Preprocessing((4, 4)), ("mask",))


def test_a_renderer_that_breaks_its_promise_is_a_bug(tmp_path):
    class Wide(Corner):
        def render(self, size):
            return np.zeros((1, 1), np.uint8)

    split = opened(tmp_path, Corner(), Wide(), classes={"0": "a", "1": "b"}).splits["train"]
    with pytest.raises(TypeError, match=r"shapes\.json rendered uint8 \(1, 1\)"):
        prepare_split(split, Preprocessing((4, 4)), ("mask",))
