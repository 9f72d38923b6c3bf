from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.augment import Augmentation
from zoo.errors import UserError
from zoo.preprocess import IGNORE

SEED = tf.constant([3, 4])


def test_the_mask_is_the_shape_moved_by_formula(chances):
    # Turned 30 degrees, enlarged 1.25 times, moved 10 pixels right and 5 down, around the
    # centre of the picture; of that a window of 1 - 0.25 * 0.5 = 7/8 of the width, at
    # 3/4 * 1/8 = 3/32 of it from the left, and 1 - 0.5 * 0.5 = 3/4 of the height, at
    # 1/4 * 1/4 = 1/16 from the top: each pixel's centre is taken back to where it came from.
    augment = Augmentation(rotate=45, zoom=0.25, translate=0.25, crop=0.5)
    size = 81
    y, x = np.mgrid[:size, :size] + 0.5
    mask = ((x - 40.5) ** 2 / 24**2 + (y - 36) ** 2 / 12**2 <= 1).astype(np.uint8)
    batch = {"image": np.zeros((1, size, size, 1), np.uint8), "mask": mask[np.newaxis]}
    uniforms = chances(
        ROTATE=(30 / 45 + 1) / 2,
        ZOOM=1.0,
        MOVE_X=(10 / (0.25 * size) + 1) / 2,
        MOVE_Y=(5 / (0.25 * size) + 1) / 2,
        CROP_WIDTH=0.25,
        CROP_X=0.75,
        CROP_HEIGHT=0.5,
        CROP_Y=0.25,
    )
    moved = augment(batch, uniforms, SEED)["mask"].numpy()[0]
    cosine, sine = np.cos(np.pi / 6), np.sin(np.pi / 6)
    moved_x, moved_y = x * 7 / 8 + size * 3 / 32, y * 3 / 4 + size / 16
    u, v = (moved_x - 40.5 - 10) / 1.25, (moved_y - 40.5 - 5) / 1.25
    from_x, from_y = cosine * u + sine * v + 40.5, -sine * u + cosine * v + 40.5
    seen = (from_x > 0) & (from_x < size) & (from_y > 0) & (from_y < size)
    source = mask[
        np.clip(np.floor(from_y).astype(int), 0, size - 1),
        np.clip(np.floor(from_x).astype(int), 0, size - 1),
    ]
    expected = np.where(seen, source, IGNORE)
    # Only where a place lies on the edge between two pixels may rounding tell them apart.
    edge = np.minimum(np.abs(from_x - np.round(from_x)), np.abs(from_y - np.round(from_y)))
    assert (edge > 1e-3).mean() > 0.99
    assert np.array_equal(moved[edge > 1e-3], expected[edge > 1e-3])


def test_flips_are_exact(both, chances, pictures):
    batch = {
        "image": pictures(4),
        "mask": pictures(4, channels=1)[..., 0],
        "box": np.tile(np.float32([0.125, 0.25, 0.5, 1.0]), (4, 1)),
    }
    augment = Augmentation(flip=True, vertical_flip=True)
    moved = both(
        augment, batch, chances(4, FLIP=[0.9, 0.1, 0.9, 0.1], VERTICAL=[0.9, 0.9, 0.1, 0.1])
    )
    axes = [(), (1,), (0,), (0, 1)]
    boxes = [
        [0.125, 0.25, 0.5, 1.0],
        [0.5, 0.25, 0.875, 1.0],
        [0.125, 0.0, 0.5, 0.75],
        [0.5, 0.0, 0.875, 0.75],
    ]
    for row, (axis, box) in enumerate(zip(axes, boxes, strict=True)):
        assert np.array_equal(moved["image"][row], np.flip(batch["image"][row], axis))
        assert np.array_equal(moved["mask"][row], np.flip(batch["mask"][row], axis))
        assert moved["box"][row] == pytest.approx(box, abs=1e-6)


def test_whole_pixel_moves_are_exact_and_repeat_the_edge(both, chances, pictures):
    # Half of 8 columns times 0.5 is 2 to the right; a quarter of 6 rows is no whole number,
    # so rows stay.
    batch = {
        "image": pictures(),
        "mask": pictures(channels=1)[..., 0] % 7,
        "box": np.float32([[0.25, 0.0, 0.5, 1.0]]),
    }
    moved = both(Augmentation(translate=0.5), batch, chances(MOVE_X=0.75))
    image, mask = batch["image"][0], batch["mask"][0]
    assert np.array_equal(moved["image"][0], np.concatenate([image[:, [0, 0]], image[:, :6]], 1))
    unknown = np.full((6, 2), IGNORE)
    assert np.array_equal(moved["mask"][0], np.concatenate([unknown, mask[:, :6]], 1))
    assert moved["box"][0].tolist() == [0.5, 0.0, 0.75, 1.0]


# Moved right by half the picture's width:
# a box from 0.2 to 0.6 goes to 0.7..1.1, of whose ellipse 0.80 stay in view: cut to 0.7..1.
# a box from 0.4 to 1.0 goes to 0.9..1.5, of whose ellipse 0.11 stay: the example is not moved.
# Where 0.1 are enough, the ellipse is as high as where it is cut, at 2/3 of its half axis from
# its centre: sqrt(1 - 4/9) * 0.25 = 0.18634 above and below 0.5; a rectangle stays as high.
def test_an_example_that_would_lose_its_object_is_not_moved(both, chances, pictures):
    batch = {
        "image": pictures(2),
        "mask": pictures(2, channels=1)[..., 0],
        "box": np.float32([[0.2, 0.25, 0.6, 0.75], [0.4, 0.25, 1.0, 0.75]]),
    }
    moved = both(Augmentation(flip=True, translate=1.0), batch, chances(2, MOVE_X=0.75))
    assert moved["box"][0] == pytest.approx([0.7, 0.25, 1.0, 0.75], abs=1e-6)
    assert (moved["mask"][0, :, :4] == IGNORE).all()
    for name in batch:
        assert np.array_equal(moved[name][1], batch[name][1])
    for shape, top in (("ellipse", 0.5 - 0.18634), ("rectangle", 0.25)):
        augment = Augmentation(translate=1.0, keep=0.1, box_shape=shape)
        eager = augment(batch, chances(2, MOVE_X=0.75), SEED)
        assert eager["box"].numpy()[1] == pytest.approx([0.9, top, 1.0, 1 - top], abs=2e-4)


LARGEST = {
    "flip": True,
    "vertical_flip": True,
    "rotate": 180,
    "zoom": 0.6,
    "translate": 0.8,
    "crop": 0.8,
    "shear": 45,
    "perspective": 0.9,
    "elastic": 0.08,
}
unit = st.floats(0, 1, exclude_max=True, width=32)


@pytest.fixture(scope="module")
def boxes_of():
    """Moves four boxes by one row of chances, as ellipses and as rectangles."""
    boxes = np.float32([[0.1, 0.2, 0.3, 0.9], [0, 0, 1, 1], [0.9, 0, 1, 0.1], [0.4, 0.4, 0.6, 0.6]])
    batch = {"image": np.zeros((4, 6, 8, 1), np.uint8), "box": boxes}

    def made(keep):
        shapes = [Augmentation(**LARGEST, keep=keep, box_shape=s) for s in ("ellipse", "rectangle")]
        return tf.function(
            lambda row: [
                augment(batch, tf.tile(row[None], [4, 1]), SEED)["box"] for augment in shapes
            ],
            autograph=False,
        )

    return boxes, {keep: made(keep) for keep in (0.0, 0.5)}


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.lists(unit, min_size=27, max_size=27), st.integers(0, 2**20), st.sampled_from([0.0, 0.5]))
def test_boxes_stay_within_the_picture_and_keep_their_order(boxes_of, draws, number, keep):
    _, moved = boxes_of
    bent = np.random.default_rng(number).random(72, np.float32)
    for box in moved[keep](tf.constant(np.concatenate([np.float32(draws), bent]))):
        box = box.numpy()
        assert ((box >= 0) & (box <= 1)).all()
        assert (box[:, :2] < box[:, 2:]).all()


# Its ellipse is a part of each rectangle.
@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.lists(unit, min_size=27, max_size=27), st.integers(0, 2**20))
def test_the_box_of_an_ellipse_lies_in_that_of_its_rectangle(boxes_of, draws, number):
    given_boxes, moved = boxes_of
    bent = np.random.default_rng(number).random(72, np.float32)
    row = tf.constant(np.concatenate([np.float32(draws), bent]))
    ellipse, rectangle = (box.numpy() for box in moved[0.0](row))
    # An object that would be lost, as one of both shapes may be, has not been moved.
    both = ~((ellipse == given_boxes).all(1) | (rectangle == given_boxes).all(1))
    assert (ellipse[both, :2] >= rectangle[both, :2] - 2e-3).all()
    assert (ellipse[both, 2:] <= rectangle[both, 2:] + 2e-3).all()


@pytest.mark.parametrize(("count", "channels"), [(0, 3), (1, 5), (3, 1), (3, 3)])
def test_everything_at_once_keeps_shapes_types_and_other_keys(both, pictures, count, channels):
    options = {"vertical_flip": True, "shear": 10, "perspective": 0.2, "elastic": 0.03}
    options |= {"blur": 1, "sharpen": 1, "erase": 0.3} | ({"hue": 0.1} if channels == 3 else {})
    augment = Augmentation.strength("strong", mirror=True, channels=channels, **options)
    batch = {
        "image": pictures(count, channels=channels).astype(np.float32 if count == 3 else np.uint8),
        "mask": np.zeros((count, 6, 8), np.uint8),
        "box": np.tile(np.float32([0.2, 0.2, 0.8, 0.8]), (count, 1)),
        "class": np.arange(count, dtype=np.int32),
        "index": np.arange(count, dtype=np.int64),
    }
    uniforms = np.random.default_rng(0).random((count, augment.draws), np.float32)
    changed = both(augment, batch, uniforms)
    assert changed["image"].dtype == np.float32
    assert changed["image"].shape == batch["image"].shape
    assert ((changed["image"] >= 0) & (changed["image"] <= 255)).all()
    for name in ("mask", "box", "class", "index"):
        assert changed[name].dtype == batch[name].dtype
        assert changed[name].shape == batch[name].shape
    assert np.array_equal(changed["index"], batch["index"])


def test_an_example_s_changes_depend_on_its_own_row_alone(pictures):
    options = {
        "shear": 10,
        "perspective": 0.2,
        "elastic": 0.03,
        "hue": 0.1,
        "blur": 1,
        "erase": 0.2,
    }
    augment = Augmentation.strength("medium", flip=True, **options)
    batch = {"image": pictures(4), "box": np.tile(np.float32([0.3, 0.3, 0.7, 0.7]), (4, 1))}
    uniforms = np.random.default_rng(0).random((4, augment.draws), np.float32)
    whole = augment(batch, uniforms, SEED)
    for row in range(4):
        one = {name: values[row : row + 1] for name, values in batch.items()}
        alone = augment(one, uniforms[row : row + 1], SEED)
        for name in batch:
            np.testing.assert_allclose(alone[name][0], whole[name][row], atol=1e-4)


def test_nothing_switched_on_changes_nothing(both, pictures):
    augment = Augmentation.strength("none")
    assert augment == Augmentation()
    assert not augment.moves
    batch = {"image": pictures(2), "mask": pictures(2, channels=1)[..., 0]}
    changed = both(augment, batch, np.random.default_rng(0).random((2, 27), np.float32))
    assert np.array_equal(changed["image"], batch["image"])
    assert np.array_equal(changed["mask"], batch["mask"])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"rotate": -1}, "rotate=-1 must be a number from 0 to 180"),
        ({"rotate": 181}, "rotate=181"),
        ({"zoom": 1}, "zoom=1 must be a number from 0 to below 1"),
        ({"translate": "0.1"}, "translate='0.1'"),
        ({"brightness": float("nan")}, "brightness=nan"),
        ({"noise": True}, "noise=True"),
        ({"flip": 1}, "flip=1 must be True or False"),
        ({"keep": 2}, "keep=2"),
        ({"crop": 1}, "crop=1 must be a number from 0 to below 1"),
        ({"crop": -0.1}, "crop=-0.1"),
        ({"patch": 8}, "patch=8 must be a height and a width in whole pixels, or None"),
        ({"patch": (8,)}, r"patch=\(8,\)"),
        ({"patch": (8, 0)}, r"patch=\(8, 0\)"),
        ({"patch": (8, 8.0)}, r"patch=\(8, 8.0\)"),
        ({"patch": (True, True)}, r"patch=\(True, True\)"),
        ({"patch": "88"}, "patch='88'"),
        ({"shear": 61}, "shear=61 must be a number from 0 to 60"),
        ({"perspective": 1.0}, "perspective=1.0 must be a number from 0 to below 1"),
        ({"elastic": 1 / 12}, "elastic=.* must be a number from 0 to below 0.0833"),
        ({"hue": 0.6}, "hue=0.6"),
        ({"blur": -1}, "blur=-1"),
        ({"sharpen": 11}, "sharpen=11"),
        ({"jpeg": 100}, "jpeg=100 must be a number from 0 to 99"),
        ({"erase": 1}, "erase=1"),
        ({"mixup": "0.2"}, "mixup='0.2'"),
        ({"cutmix": -1}, "cutmix=-1"),
        ({"box_shape": "elipse"}, "box_shape='elipse' is no shape; did you mean 'ellipse'"),
    ],
)
def test_nonsense_is_refused(options, named):
    with pytest.raises(UserError, match=named):
        Augmentation(**options)


def test_named_strengths():
    light, medium, strong = (Augmentation.strength(n) for n in ("light", "medium", "strong"))
    assert strong.rotate > medium.rotate
    assert (light.crop, medium.crop, strong.crop) == (0, 0.1, 0.2)
    assert (light.saturation, medium.saturation, strong.saturation) == (0.1, 0.2, 0.35)
    assert Augmentation.strength("light", zoom=0.4, vertical_flip=True) == replace(
        light, zoom=0.4, vertical_flip=True
    )
    with pytest.raises(UserError, match="did you mean 'medium'"):
        Augmentation.strength("mediun")


@pytest.mark.parametrize("name", ["light", "medium", "strong"])
def test_named_strengths_mirror_only_where_told_to(name):
    assert not Augmentation.strength(name).flip
    assert Augmentation.strength(name, mirror=True) == Augmentation.strength(name, flip=True)
    assert not Augmentation.strength(name, mirror=True, flip=False).flip
    assert Augmentation.strength("none", mirror=True) == Augmentation()


@pytest.mark.parametrize("channels", [1, 4])
def test_named_strengths_leave_out_saturation_where_there_is_no_colour(channels):
    gray = Augmentation.strength("strong", channels=channels)
    assert gray == Augmentation.strength("strong", saturation=0.0)
    assert Augmentation.strength("none", channels=channels) == Augmentation()
