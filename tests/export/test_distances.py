"""Distances between answers, by hand."""

import io

import numpy as np
import pytest
from PIL import Image

from zoo.errors import CheckError
from zoo.export.distances import Sizes, distances
from zoo.export.tolerance import TOLERANCES

FLOAT = TOLERANCES["float32"]
INPUT = (16, 24)


def png(ids):
    stream = io.BytesIO()
    Image.fromarray(np.asarray(ids, np.uint8)).save(stream, "PNG")
    return stream.getvalue().decode("latin-1")


def apart(expected, answered, sizes):
    return distances(expected, answered, "serving_default/1", FLOAT, Sizes.of(sizes, INPUT))


def test_boxes_are_measured_in_pixels_of_the_input():
    # 480 / 16 = 30 pixels of the picture to one of the input, and 640 / 24 = 26.7; a picture
    # smaller than the input counts as it is.
    sizes = [(480, 640), (8, 12)]
    boxes = {"box": [[10.0, 20.0, 300.0, 400.0], [0.0, 0.0, 5.0, 5.0]]}
    moved = {"box": [[10.0, 23.0, 300.0, 400.0], [0.0, 0.0, 5.0, 5.04]]}
    assert apart(boxes, moved, sizes) == {"box": pytest.approx(0.1)}
    assert apart(boxes, {"box": [boxes["box"][0], moved["box"][1]]}, sizes) == {
        "box": pytest.approx(0.04)
    }


def test_a_pixel_of_a_small_mask_is_no_share_to_go_by():
    mask = np.zeros((64, 64), int)
    other = mask.copy()
    other[3, 4] = 1
    # 1 / 4,096 of the pixels, and of either class's share: below the 0.001 that may differ.
    expected = {"mask_bytes": [png(mask)], "fraction": [[1.0, 0.0]]}
    answered = {"mask_bytes": [png(other)], "fraction": [[4095 / 4096, 1 / 4096]]}
    assert apart(expected, answered, [(64, 64)]) == {"mask": pytest.approx(1 / 4096)}
    # A single pixel is all of its mask; it counts for one of 2.01 / 0.001.
    expected = {"mask_bytes": [png([[0]])], "fraction": [[1.0, 0.0]]}
    answered = {"mask_bytes": [png([[1]])], "fraction": [[0.0, 1.0]]}
    assert apart(expected, answered, [(1, 1)]) == {"mask": pytest.approx(1 / 2010)}


@pytest.mark.parametrize("precision", TOLERANCES)
def test_of_masks_of_any_size_two_pixels_may_differ_and_not_many(precision):
    tolerance = TOLERANCES[precision]
    for side in (2, 5, 10, 29, 44, 45, 80):
        mask = np.zeros((1, side, side), int)
        other = mask.copy()
        other[0, 0, :2] = 1
        found = _mask_distance(mask, other, tolerance)
        assert found <= tolerance.mask
        assert found == pytest.approx(2 / max(side * side, 2.01 / tolerance.mask, 100))
        if side > 2:
            assert _mask_distance(mask, 1 - mask, tolerance) > tolerance.mask


def test_rounding_decides_nothing():
    # In float32 0.3 - 0.1 is 0.20000001: of ten pixels as 2,000 that would be more than 0.001.
    expected = {"fraction": np.float32([[0.9, 0.1]])}
    answered = {"fraction": np.float32([[0.7, 0.3]])}
    assert apart(expected, answered, [(2, 5)])["mask"] <= FLOAT.mask


def _mask_distance(mask, other, tolerance):
    given = ({"mask": mask.tolist()}, {"mask": other.tolist()}, "pixels/1", tolerance)
    return distances(*given, Sizes.of([mask.shape[1:]], INPUT))["mask"]


def test_masks_of_pixels_are_compared_row_by_row():
    masks = np.zeros((3, 20, 20), int)
    other = masks.copy()
    other[1, :10] = 2
    found = apart({"mask": masks.tolist()}, {"mask": other.tolist()}, [(20, 20)] * 3)
    # 200 of 400 pixels, which count as 2,010.
    assert found == {"mask": pytest.approx(200 / 2010)}


def test_what_is_no_picture_has_no_answer_on_either_side():
    nothing = {"mask_bytes": [""], "fraction": [[float("nan")] * 2], "error": ["is empty"]}
    assert apart(nothing, nothing, [(0, 0)]) == {"mask": 0.0}
    with pytest.raises(CheckError, match="answers mask_bytes in another size"):
        apart(nothing, {**nothing, "mask_bytes": [png([[0]])]}, [(0, 0)])
    with pytest.raises(CheckError, match="answers fraction in another shape"):
        apart(nothing, {**nothing, "fraction": [[0.5, 0.5]]}, [(0, 0)])
    with pytest.raises(CheckError, match="has other error"):
        apart(nothing, {**nothing, "error": [""]}, [(0, 0)])
