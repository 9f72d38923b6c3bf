"""The contact sheet."""

import numpy as np

from zoo.preprocess import IGNORE
from zoo.tasks.drawing import PAPER, TRUTH, class_colour
from zoo.tasks.sheet import Section, contact_sheet

GAP = 6


def cells(sheet, columns, side, height):
    """The first row's cells, below a heading of 46 pixels."""
    pixels = np.asarray(sheet)
    top = 46 + GAP // 2
    lefts = [GAP + column * (side + GAP) for column in range(columns)]
    return [pixels[top : top + height, left : left + side] for left in lefts]


def test_pictures_keep_their_aspect_and_their_pixels():
    picture = np.float32([[[0, 0, 0], [255, 300, 10.4]], [[9.6, 5, 7], [20, 20, 20]]])
    wide = np.full((10, 20, 1), 50, np.uint8)
    sheet = contact_sheet([Section("one", "", [[{"image": picture}, {"image": wide}]])], (), side=8)
    first, second = cells(sheet, 2, 8, 8)
    # Twice two pixels enlarged four times, rounded and clipped.
    expected = np.repeat(
        np.repeat([[[0, 0, 0], [255, 255, 10]], [[10, 5, 7], [20, 20, 20]]], 4, 0), 4, 1
    )
    np.testing.assert_array_equal(first, expected)
    assert (second[:4] == 50).all()
    assert (second[4:] == PAPER).all()


def test_boxes_lie_where_they_say():
    example = {"image": np.zeros((50, 100, 3)), "box": np.float32([0.25, 0.2, 0.75, 0.8])}
    (cell,) = cells(contact_sheet([Section("", "", [[example]])], (), side=200), 1, 200, 100)
    rows, columns = np.nonzero((cell == TRUTH).all(-1))
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (50, 20, 150, 80)


def test_both_boxes_of_a_mixed_picture_are_drawn_unless_one_counts_for_nothing():
    example = {
        "image": np.zeros((100, 100, 3)),
        "box": np.float32([0.5, 0.5, 0.9, 0.9]),
        "other_box": np.float32([0.1, 0.1, 0.3, 0.3]),
        "class": 0,
        "other_class": 1,
    }
    for share, least in ((0.7, 10), (1.0, 50)):
        mixed = example | {"share": np.float32(share)}
        sheet = contact_sheet([Section("", "", [[mixed]])], ("cat", "dog"), side=100)
        (cell,) = cells(sheet, 1, 100, 100)
        assert np.nonzero((cell == TRUTH).all(-1))[0].min() == least
    # The line below is longer where it says what is mixed.
    alone = contact_sheet([Section("", "", [[example]])], ("cat", "dog"), side=100)
    mixed = contact_sheet([Section("", "", [[example | {"share": 0.7}]])], ("cat", "dog"), side=100)
    ink = [(np.asarray(sheet)[-20:].max(-1) > 100).sum() for sheet in (alone, mixed)]
    assert ink[1] > 2 * ink[0] > 0


def test_masks_are_laid_over_and_explained():
    mask = np.array([[0, 1], [1, IGNORE]], np.uint8)
    example = {"image": np.full((2, 2, 3), 100), "mask": mask}
    sheet = contact_sheet([Section("", "", [[example]])], ("background", "cat"), side=320)
    (cell,) = cells(sheet, 1, 320, 320)
    assert (cell[20:140, 20:140] == 100).all()
    cat = cell[80, 240].astype(int) - 100
    assert np.sign(cat).tolist() == np.sign(np.array(class_colour(1)) - 100).tolist()
    # Below, a swatch a class; what is ignored is gray.
    legend = np.asarray(sheet)[46 + 320 + GAP :]
    for colour in (class_colour(0), class_colour(1), (128, 128, 128)):
        assert (legend == colour).all(-1).sum() > 20
