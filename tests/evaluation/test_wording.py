import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo import tasks
from zoo.evaluation import wording
from zoo.evaluation.evaluate import Evaluation


def test_examples_in_docstrings():
    failed, tried = doctest.testmod(wording)
    assert tried == 4
    assert failed == 0


@pytest.mark.parametrize(
    ("name", "title", "value", "text"),
    [
        ("accuracy", "Accuracy", 0.5, "50.0 %"),
        ("top_3_accuracy", "Top-3 accuracy", 1.0, "100 %"),
        ("mean_iou", "Mean IoU", 0.71249, "0.712"),
        ("iou_50", "Boxes with IoU ≥ 0.5", 0.0, "0 %"),
        ("iou_75", "Boxes with IoU ≥ 0.75", 0.25, "25.0 %"),
        ("pixel_accuracy", "Pixel accuracy", 0.0001, "< 0.1 %"),
        ("mean_iou", "Mean IoU", math.nan, "n/a"),
        ("some_new_score", "Some new score", 12.5, "12.500"),
    ],
)
def test_scores_have_human_names(name, title, value, text):
    assert wording.score_title(name) == title
    assert wording.score_text(name, value) == text


@pytest.mark.parametrize("task", tasks.TASKS.values(), ids=lambda task: task.name)
def test_every_task_is_worded(task):
    names = tuple(f"c{number}" for number in range(7))
    assert task.name in wording.DRAWINGS
    for name in task.metrics(names):
        said = wording.score_meaning(name, task.name)
        assert said or name == "iou_50"
    evaluation = Evaluation(task.name, "test", names, 5, {task.score: 0.5})
    said = wording.headline_meaning(evaluation, task.score)
    assert "50.0 %" in said
    assert said.count(". ") == 0
    assert said.endswith(".")


def test_baseline_is_the_most_frequent_class():
    confusion = np.array([[1, 0], [2, 5]])
    evaluation = Evaluation("classification", "test", ("a", "b"), 8, {"accuracy": 0.75}, confusion)
    # b is 7 of 8.
    said = wording.headline_meaning(evaluation, "accuracy")
    assert said.endswith("; always answering “b” would be right for 87.5 %.")


@settings(deadline=None, derandomize=True)
@given(st.integers(0, 10**15))
def test_compact_counts_are_short_and_near(count):
    text = wording.compact(count)
    assert len(text) <= 5
    if count < 10**14:
        assert len(text) <= 4
    sizes = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    value = float(text[:-1]) * sizes[text[-1]] if text[-1] in sizes else float(text)
    assert value == pytest.approx(count, rel=0.055)


@settings(deadline=None, derandomize=True)
@given(st.floats(0, 1))
def test_percent_is_whole_only_where_all_or_none_is(share):
    text = wording.percent(share)
    assert (text == "100 %") == (share == 1)
    assert (text == "0 %") == (share == 0)
    assert "100.0" not in text
    assert text != "0.0 %"


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=60), st.integers(3, 30))
def test_shortened_names_fit_and_keep_both_ends(name, length):
    short = wording.shortened(name, length)
    assert len(short) == min(len(name), length)
    assert short[:1] == name[:1]
    assert short[-1:] == name[-1:]
