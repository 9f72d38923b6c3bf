"""What the card says beside what it was given."""

import math

import pytest

from zoo.errors import UserError
from zoo.export.card import intervals_of, read_card


def test_intervals_of_shares_of_pictures():
    # n = 16, p = 1/2, z^2 = 3.8416: middle (0.5 + 3.8416/32) / (1 + 3.8416/16) = 0.5,
    # reach 1.96 sqrt(0.25/16 + 3.8416/1024) / 1.2401 = 1.96 * 0.139200 / 1.2401 = 0.2200.
    scores = {"accuracy": 0.5, "mean_iou": 0.5, "pixel_accuracy": 0.5, "iou/cat": 0.5}
    assert intervals_of(scores, 16) == {"accuracy": [0.28, 0.72]}
    # p = 1: the lower end is n / (n + z^2) = 16 / 19.8416 = 0.8064; the upper is 1.
    assert intervals_of({"iou_50": 1.0}, 16) == {"iou_50": [0.8064, 1.0]}
    assert intervals_of({"iou_50": 0.0}, 16) == {"iou_50": [0.0, 0.1936]}
    assert intervals_of({"accuracy": math.nan}, 16) == {}
    assert intervals_of({"accuracy": 1.0}, 0) == {}


def test_intervals_agree_with_scipy():
    from scipy.stats import binomtest

    for right, pictures in ((0, 3), (7, 9), (400, 1000), (9260, 10000)):
        known = binomtest(right, pictures).proportion_ci(method="wilson")
        (ends,) = intervals_of({"accuracy": right / pictures}, pictures).values()
        assert ends == pytest.approx([known.low, known.high], abs=2e-4)


def test_cards_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"has no model_card\.json"):
        read_card(tmp_path)
    (tmp_path / "model_card.json").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        read_card(tmp_path)
