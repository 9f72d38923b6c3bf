"""Confidence intervals: of shares by formula, of all other scores by drawing pictures again."""

import math

import numpy as np
import pytest

from zoo import tasks
from zoo.evaluation.intervals import BOOTSTRAP, WILSON, intervals_of, shares

LOCALIZATION, SEGMENTATION = tasks.get("localization"), tasks.get("segmentation")


def boxes(overlaps):
    """Summands of pictures whose boxes overlap so far with the truth."""
    truth = {"box": np.array([0.0, 0.0, 1.0, 1.0])}
    return [
        LOCALIZATION.sums.of(truth, {"box": np.array([0.0, 0.0, iou, 1.0])}, None)
        for iou in overlaps
    ]


def masks(confusions):
    return [SEGMENTATION.sums.of({}, {}, np.array(one)) for one in confusions]


def test_intervals_of_shares_of_pictures():
    # n = 16, p = 1/2, z^2 = 3.8416: middle (0.5 + 3.8416/32) / (1 + 3.8416/16) = 0.5,
    # reach 1.96 sqrt(0.25/16 + 3.8416/1024) / 1.2401 = 1.96 * 0.139200 / 1.2401 = 0.2200.
    scores = {"accuracy": 0.5, "mean_iou": 0.5, "pixel_accuracy": 0.5, "iou/cat": 0.5}
    assert shares(scores, 16) == {"accuracy": [0.28, 0.72]}
    # p = 1: the lower end is n / (n + z^2) = 16 / 19.8416 = 0.8064; the upper is 1.
    assert shares({"iou_50": 1.0}, 16) == {"iou_50": [0.8064, 1.0]}
    assert shares({"iou_50": 0.0}, 16) == {"iou_50": [0.0, 0.1936]}
    assert shares({"accuracy": math.nan}, 16) == {}
    assert shares({"accuracy": 1.0}, 0) == {}


def test_intervals_agree_with_scipy():
    from scipy.stats import binomtest

    for right, pictures in ((0, 3), (7, 9), (400, 1000), (9260, 10000)):
        known = binomtest(right, pictures).proportion_ci(method="wilson")
        (ends,) = shares({"accuracy": right / pictures}, pictures).values()
        assert ends == pytest.approx([known.low, known.high], abs=2e-4)


def test_the_main_score_of_each_task_has_an_interval():
    found = intervals_of({"accuracy": 0.5}, tasks.get("classification"), [np.zeros(0)] * 16)
    assert found == {"accuracy": ([0.28, 0.72], WILSON)}
    # Of two pictures, one missed: the draws are 0, 1/2 and 1 by 1/4, 1/2 and 1/4.
    found = intervals_of({"mean_iou": 0.5, "iou_50": 0.5}, LOCALIZATION, boxes([0.0, 1.0]))
    assert found["mean_iou"] == ([0.0, 1.0], BOOTSTRAP)
    assert found["iou_50"][1] == WILSON
    # The first picture is right but for nothing, the second wrong in all; either may come twice.
    found = intervals_of(
        {"mean_iou": 0.2}, SEGMENTATION, masks([[[4, 0], [0, 0]], [[0, 4], [0, 0]]])
    )
    assert found == {
        "mean_iou": ([0.0, 1.0], BOOTSTRAP),
        "pixel_accuracy": ([0.0, 1.0], BOOTSTRAP),
    }
    assert intervals_of({}, SEGMENTATION, []) == {}
    assert intervals_of({}, LOCALIZATION, boxes([0.5])) == {}


def test_drawn_intervals_agree_with_scipy():
    from scipy.stats import bootstrap

    overlaps = np.random.default_rng(3).beta(5, 2, 200)
    known = bootstrap((overlaps,), np.mean, n_resamples=4000, method="percentile", rng=1)
    ends, _ = intervals_of({}, LOCALIZATION, boxes(overlaps))["mean_iou"]
    low, high = known.confidence_interval
    assert ends == pytest.approx([low, high], abs=0.1 * (high - low))
    assert intervals_of({}, LOCALIZATION, boxes(overlaps))["mean_iou"][0] == ends


def test_drawn_scores_are_those_of_the_metrics():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, (5, 8, 8)).astype(np.uint8)
    answer = random.integers(0, 3, (5, 8, 8)).astype(np.uint8)
    truth[0, :4] = 255
    metrics = SEGMENTATION.metrics(("a", "b", "c", "d"))
    truths, answers = [{"mask": one} for one in truth], [{"mask": one} for one in answer]
    SEGMENTATION.update_metrics(metrics, truths, answers)
    sums = [
        SEGMENTATION.sums.of(one, other, SEGMENTATION.confusion(one, other, 4))
        for one, other in zip(truths, answers, strict=True)
    ]
    found = SEGMENTATION.sums.scores(np.sum(sums, axis=0)[None])
    scores = SEGMENTATION.results(metrics)
    for name, (value,) in found.items():
        assert value == pytest.approx(scores[name], abs=1e-6)
