import numpy as np
import pytest
from PIL import Image

from zoo import tasks
from zoo.preprocess import IGNORE
from zoo.tasks.drawing import class_colour

AMBER, BLUE = (255, 176, 0), (86, 180, 233)
NAMES = ("background", "cat", "dog")
LONG = ("a_class_of_a_very_long_name_" * 5, "cat", "dog")
ANSWER = {
    "label": b"cat",
    "score": np.float32(0.9),
    "box": np.float32([2, 2, 6, 7]),
    "mask": np.eye(10, 12, dtype=np.uint8),
}
TRUTH = {"class": 2, "box": np.float32([1, 3, 5, 9]), "mask": np.full((10, 12), 2, np.uint8)}


def gray(height=10, width=12, channels=3, value=100):
    return np.full((height, width, channels), value, np.uint8)


def has(picture, colour):
    return bool(np.any(np.all(np.asarray(picture) == colour, axis=-1)))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [(10, 12), (1, 1), (8, 400), (500, 375)])
@pytest.mark.parametrize("task", tasks.TASKS)
def test_any_picture_becomes_readable_rgb(task, size, channels):
    mask = np.ones(size, np.uint8)
    answer, truth = ANSWER | {"mask": mask}, TRUTH | {"mask": mask}
    for sides in ((answer, None), (None, truth), (answer, truth), (None, None)):
        found = tasks.get(task).draw(gray(*size, channels), *sides, NAMES)
        assert found.mode == "RGB"
        enough = 320 if size[0] * 40 > size[1] else 32
        assert min(found.size) >= enough
        assert max(found.size) <= 3300


def test_channels_are_shown_as_they_are():
    draw = tasks.get("classification").draw
    picture = np.zeros((10, 10, 5), np.uint8)
    picture[...] = [10, 20, 30, 40, 50]
    for channels, colour in ((1, (10,) * 3), (2, (10,) * 3), (3, (10, 20, 30)), (5, (10, 20, 30))):
        assert draw(picture[..., :channels], ANSWER, None, NAMES).getpixel((5, 5)) == colour


def test_pictures_are_enlarged_by_whole_pixels():
    picture = np.random.default_rng(0).integers(0, 256, (10, 12, 3)).astype(np.uint8)
    found = np.asarray(tasks.get("classification").draw(picture, ANSWER, None, NAMES))
    np.testing.assert_array_equal(found[16:320:32, 16::32], picture)
    large = np.asarray(tasks.get("classification").draw(gray(400, 500), ANSWER, None, NAMES))
    assert large.shape[1] == 500


def test_the_caption_names_the_truth_where_it_differs():
    draw = tasks.get("classification").draw
    right = draw(gray(), ANSWER, {"class": 1}, NAMES)
    wrong = draw(gray(), ANSWER, {"class": 2}, NAMES)
    assert wrong.height > right.height
    assert has(right, AMBER)
    assert not has(right, BLUE)
    assert has(wrong, BLUE)
    assert right == draw(gray(), ANSWER | {"label": "cat"}, None, NAMES)
    assert right == draw(gray(), ANSWER | {"label": np.array(b"cat", object)}, None, NAMES)
    assert right != draw(gray(), ANSWER | {"label": "dog"}, None, NAMES)
    assert right != draw(gray(), ANSWER | {"score": 0.8}, None, NAMES)


def test_no_name_runs_out_of_the_picture():
    for task in tasks.TASKS.values():
        answer = ANSWER | {"label": LONG[0], "mask": np.zeros((10, 12), np.uint8)}
        found = np.asarray(task.draw(gray(), answer, TRUTH, LONG))
        strip = found[320:, -6:].reshape(-1, 3)
        assert len(np.unique(strip, axis=0)) == 1


def test_boxes_lie_where_they_are():
    # Enlarged by 32: the answer's left edge at 2 becomes column 64, the right one at 6 ends
    # before column 192; the truth's left edge at 1 becomes column 32.
    found = tasks.get("localization").draw(gray(), ANSWER, TRUTH, NAMES)
    row, above = 5 * 32, 2 * 32
    assert found.getpixel((64, row)) == AMBER
    assert found.getpixel((191, row)) == AMBER
    assert found.getpixel((100, above)) == AMBER
    assert found.getpixel((100, 7 * 32 - 1)) == AMBER
    assert found.getpixel((32, row)) == BLUE
    assert found.getpixel((159, 250)) == BLUE
    for free in ((50, row), (130, row), (250, row), (100, 40)):
        assert found.getpixel(free) == (100, 100, 100)


def test_an_unreadable_pictures_row_has_no_box():
    answer = {"label": b"", "score": np.nan, "box": np.full(4, np.nan)}
    found = tasks.get("localization").draw(gray(), answer, None, NAMES)
    assert np.all(np.asarray(found)[:320] == 100)


def test_masks_are_laid_over_in_their_classes_colours():
    mask = np.zeros((10, 12), np.uint8)
    mask[:, 4:8] = 1
    mask[:, 8:] = 2
    found = np.asarray(tasks.get("segmentation").draw(gray(), {"mask": mask}, None, NAMES))
    assert np.all(found[100:200, :120] == 100)
    for class_id, column in ((1, 6 * 32), (2, 10 * 32)):
        expected = 50 + np.array(class_colour(class_id)) / 2
        np.testing.assert_allclose(found[160, column], expected, atol=1)
    # The legend shows the two colours in full; background is clear and has none.
    legend = Image.fromarray(found[320:])
    assert has(legend, class_colour(1))
    assert has(legend, class_colour(2))
    assert not has(legend, class_colour(0))
    other = tasks.get("segmentation").draw(gray(), {"mask": mask}, None, ("sky", "cat", "dog"))
    assert not np.all(np.asarray(other)[100:200, :120] == 100)


def test_ignored_pixels_are_hatched_in_gray():
    mask = np.full((10, 12), IGNORE, np.uint8)
    found = np.asarray(tasks.get("segmentation").draw(gray(), None, {"mask": mask}, NAMES))[:320]
    assert len(np.unique(found)) == 2
    assert np.all(found[..., 0] == found[..., 1])


def test_answer_and_truth_stand_side_by_side():
    draw = tasks.get("segmentation").draw
    found = draw(gray(), ANSWER, TRUTH, NAMES)
    alone = draw(gray(), ANSWER, None, NAMES)
    assert found.width > 2 * alone.width
    left = np.asarray(found)[:320, :384]
    np.testing.assert_array_equal(left, np.asarray(alone)[:320])
    right = np.asarray(draw(gray(), None, TRUTH, NAMES))[:320]
    np.testing.assert_array_equal(np.asarray(found)[:320, -384:], right)


def test_many_classes_make_a_short_legend():
    mask = np.arange(120, dtype=np.uint8).reshape(10, 12)
    names = [f"class {number}" for number in range(120)]
    found = tasks.get("segmentation").draw(gray(), {"mask": mask}, None, names)
    assert found.height < 800


def test_colours_of_classes_differ():
    colours = [class_colour(class_id) for class_id in range(40)]
    assert len(set(colours)) == 40
    assert all(0 <= part <= 255 for colour in colours for part in colour)
