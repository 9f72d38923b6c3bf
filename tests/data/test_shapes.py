"""Run lengths, outlines and the masks painted from them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco
from skimage.draw import polygon2mask

from zoo.data.files.runs import decode_runs, pixels_of, runs_of
from zoo.data.files.shapes import DrawnMask, Outline, Rectangle, Runs, polygon, runs_from

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40))


@settings(max_examples=200, deadline=None)
@given(MASKS)
def test_runs_of_any_mask_are_those_of_the_coco_tools_and_come_back(mask):
    written = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    counts = decode_runs(written)
    np.testing.assert_array_equal(counts, runs_of(mask))
    np.testing.assert_array_equal(pixels_of(counts, mask.shape), mask)
    for form in (counts.tolist(), written.decode()):
        runs = runs_from(form, list(mask.shape))
        np.testing.assert_array_equal(runs.runs(mask.shape), counts)
        rows, columns = np.nonzero(mask)
        if len(rows):
            expected = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert runs.box() == expected
        else:
            assert runs.box() is None


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(max_codepoint=130), max_size=20), st.integers(1, 9))
def test_any_text_is_runs_of_so_many_pixels_or_refused_by_a_sentence(text, side):
    try:
        counts = runs_from(text, [side, side]).counts
    except ValueError as error:
        assert str(error).startswith("runs ")  # noqa: PT017
    else:
        assert counts.sum() == side * side
        assert pixels_of(counts, (side, side)).shape == (side, side)


def test_runs_go_down_the_columns():
    # 1 outside, 2 inside: the second and the third pixel from the top left, downwards.
    np.testing.assert_array_equal(
        pixels_of(runs_from([1, 2, 3], [2, 3]).counts, (2, 3)), [[0, 1, 0], [1, 0, 0]]
    )


@pytest.mark.parametrize(
    ("counts", "size", "says"),
    [
        ([1, 2], [2, 3], "runs of 3 pixels, not 6 (3x2)"),
        ("12", [2, 3], "runs of 3 pixels, not 6 (3x2)"),
        ([1, 7], [2, 3], "runs of lengths that there are not among 6 pixels"),
        ([7, -1], [2, 3], "runs of lengths that there are not among 6 pixels"),
        # "o" says that more digits follow.
        ("1o", [2, 3], "runs that are no run lengths of a height and a width"),
        ("1 5", [2, 3], "runs that are no run lengths of a height and a width"),
        ("o" * 20 + "0", [2, 3], "runs that are no run lengths of a height and a width"),
        ([1.5, 4.5], [2, 3], "runs that are no run lengths of a height and a width"),
        ([[6]], [2, 3], "runs that are no run lengths of a height and a width"),
        ([6], 6, "runs that are no run lengths of a height and a width"),
        (None, None, "runs that are no run lengths of a height and a width"),
        ("é", [2, 3], "runs that are no run lengths of a height and a width"),
    ],
)
def test_runs_that_are_none_are_refused(counts, size, says):
    with pytest.raises(ValueError, match="runs") as error:
        runs_from(counts, size)
    assert str(error.value) == says


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ([1, 2, 3, 4], "an outline of 2 points, not 3 or more"),
        ([1, 2], "an outline of 1 point, not 3 or more"),
        ([], "an outline of 0 points, not 3 or more"),
        ([1, 2, 3, 4, 5, 6, 7], "an outline of 7 numbers, which are no pairs of x and y"),
        ([1, 2, 3, 4, 5, float("nan")], "an outline that is no list of numbers"),
        (["a"] * 6, "an outline that is no list of numbers"),
        ([[1, 2], [3]], "an outline that is no list of numbers"),
        ([[1, 2], [3, 4], [5, 6]], "an outline that is no list of numbers"),
        ({"x": 1}, "an outline that is no list of numbers"),
    ],
)
def test_outlines_that_are_none_are_refused(numbers, says):
    with pytest.raises(ValueError, match="outline") as error:
        polygon(numbers)
    assert str(error.value) == says


def star(rng, size):
    """A polygon without crossings: corners by their angles around a point, partly outside."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 12)))
    radii = rng.uniform(5, 25, len(angles))
    middle = rng.uniform(0, 1, 2) * size[::-1]
    return middle + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)


def distance(corners, point):
    """From a point to the nearest of a polygon's sides."""
    sides = np.roll(corners, -1, 0) - corners
    along = ((point - corners) * sides).sum(1) / (sides**2).sum(1)
    nearest = corners + np.clip(along, 0, 1)[:, None] * sides
    return np.sqrt(((nearest - point) ** 2).sum(1)).min()


def test_outlines_cover_what_scikit_image_draws_but_for_their_edge():
    rng, size, drifts = np.random.default_rng(3), (40, 50), []
    farthest = []
    for _ in range(200):
        corners = star(rng, size)
        outline = Outline((polygon(corners.ravel().tolist()),))
        ours = pixels_of(outline.runs(size), size)
        # Scikit-image counts rows first, and from the middle of the first pixel.
        other = polygon2mask(size, corners[:, ::-1] - 0.5)
        differ = np.argwhere(ours != other)[:, ::-1] + 0.5
        farthest.append(max([distance(corners, point) for point in differ], default=0))
        if other.sum() > 100:
            drifts.append(np.argwhere(ours).mean(0) - np.argwhere(other).mean(0))
        relative = Outline((corners / size[::-1],), relative=True)
        assert (pixels_of(relative.runs(size), size) == ours).mean() > 0.999
    assert max(farthest) < 0.75
    # Half a pixel would be seen.
    assert len(drifts) > 100
    np.testing.assert_allclose(np.mean(drifts, 0), 0, atol=0.1)


def test_whole_corners_cover_whole_pixels_and_parts_are_joined():
    square = polygon([1, 0, 3, 0, 3, 2, 1, 2])
    other = polygon([2, 1, 5, 1, 5, 3, 2, 3])
    expected = np.zeros((4, 6), bool)
    expected[0:2, 1:3] = expected[1:3, 2:5] = True
    outline = Outline((square, other))
    np.testing.assert_array_equal(pixels_of(outline.runs((4, 6)), (4, 6)), expected)
    assert outline.box() == (1, 0, 5, 3)
    fractions = tuple(part / (6, 4) for part in (square, other))
    relative = Outline(fractions, relative=True)
    np.testing.assert_array_equal(relative.runs((4, 6)), outline.runs((4, 6)))


@pytest.mark.parametrize("corner", [-1e9, -41, 101, 1e300])
def test_an_outline_far_outside_is_refused_before_it_takes_memory(corner):
    outline = Outline((polygon([0, 0, corner, 5, 5, 5]),))
    with pytest.raises(ValueError, match="farther outside than its picture is wide"):
        outline.runs((40, 40))
    with pytest.raises(ValueError, match="farther outside"):
        Outline((outline.polygons[0] / 40,), relative=True).runs((40, 40))


def test_the_smaller_is_on_top_the_later_of_equals_and_what_is_ignored_below():
    def box(*edges):
        return Rectangle(edges)

    shapes = [
        (box(0, 0, 1, 1), 1),
        (box(0, 0, 6, 3), 2),
        (box(0, 0, 1, 1), 3),
        (box(0, 0, 2, 2), 255),
        (box(3, 1, 20, 20), 255),
        (box(2.5, 0.5, 3.5, 1), 4),
        (box(-9, -9, -1, -1), 5),
    ]
    mask = DrawnMask("a.json", shapes).render((4, 7))
    np.testing.assert_array_equal(
        mask,
        [
            [3, 2, 4, 4, 2, 2, 0],
            [2, 2, 2, 2, 2, 2, 255],
            [2, 2, 2, 2, 2, 2, 255],
            [0, 0, 0, 255, 255, 255, 255],
        ],
    )
    assert mask.dtype == np.uint8


def test_a_shape_for_another_picture_is_a_sentence_about_the_mask():
    drawn = DrawnMask("a.json", [(runs_from([6], [2, 3]), 1)])
    with pytest.raises(ValueError, match=r"^holds runs for a picture of 3x2 pixels, not 2x3$"):
        drawn.render((3, 2))
    assert str(drawn) == "a.json"


def test_runs_of_a_picture_beyond_all_memory_have_a_box():
    # One pixel outside at the top of the first column, then all others inside.
    runs = Runs(np.array([1, 10**18 - 1]), (10**9, 10**9))
    assert runs.box() == (0, 0, 1e9, 1e9)
    assert Runs(np.array([10**9 + 3, 2, 10**18 - 10**9 - 5]), (10**9, 10**9)).box() == (1, 3, 2, 5)


def test_edges_beyond_all_numbers_are_those_of_the_picture():
    inside = pixels_of(Rectangle((-math.inf, 0.5, math.inf, 1e308)).runs((3, 2)), (3, 2))
    assert inside.all()
    inside = pixels_of(Rectangle((0.0, 2.0, 1.0, math.inf)).runs((3, 2)), (3, 2))
    np.testing.assert_array_equal(inside, [[False, False], [False, False], [True, False]])
