"""The part of a picture that is cut out for one of its objects."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.files.objects import window_around

spans = st.tuples(st.integers(0, 7), st.integers(1, 4)).map(lambda s: (s[0], min(s[0] + s[1], 8)))
box_lists = st.lists(st.tuples(spans, spans).map(lambda s: (s[0][0], s[1][0], s[0][1], s[1][1])))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(box_lists.filter(lambda boxes: 1 <= len(boxes) <= 4))
def test_no_larger_window_holds_an_object_alone(boxes):
    x0, y0, x1, y1 = boxes[0]
    others = boxes[1:]
    best = max(
        (
            (right - left) * (bottom - top)
            for left in range(x0 + 1)
            for right in range(x1, 9)
            for top in range(y0 + 1)
            for bottom in range(y1, 9)
            if all(b[2] <= left or b[0] >= right or b[3] <= top or b[1] >= bottom for b in others)
        ),
        default=None,
    )
    window = window_around(0, boxes, (8, 8))
    assert (window and window[2] * window[3]) == best


def test_many_objects_are_cut_out_in_no_time():
    random = np.random.default_rng(0)
    corners = random.uniform(0, 3990, (300, 2))
    boxes = [(x, y, x + 5, y + 5) for x, y in corners.tolist()]
    alone = [window_around(number, boxes, (4000, 4000)) for number in range(20)]
    for number, window in enumerate(alone):
        top, left, height, width = window
        inside = [
            box[0] < left + width and box[2] > left and box[1] < top + height and box[3] > top
            for box in boxes
        ]
        assert np.flatnonzero(inside).tolist() == [number]
