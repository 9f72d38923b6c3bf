import doctest
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, jaccard_score, log_loss, top_k_accuracy_score

import zoo.metrics
import zoo.tasks.task
from zoo import tasks
from zoo.errors import UserError, keyword_options
from zoo.preprocess import IGNORE

properties = settings(deadline=None, derandomize=True, max_examples=40)
NAMES = ("background", "cat", "dog")


def batch(n=4, classes=3, side=5):
    """A batch of targets and of outputs as logits, of all three tasks."""
    rng = np.random.default_rng(classes)
    corners = np.sort(rng.random((2, n, 2, 2)), axis=2).reshape(2, n, 4).astype(np.float32)
    mask = rng.integers(0, classes, (n, side, side)).astype(np.uint8)
    mask[:, 0] = IGNORE
    targets = {
        "class": rng.integers(0, classes, n).astype(np.int32),
        "box": corners[0],
        "mask": mask,
        "index": np.arange(n),
    }
    outputs = {
        "class": rng.normal(size=(n, classes)).astype(np.float32),
        "box": corners[1],
        "mask": rng.normal(size=(n, side, side, classes)).astype(np.float32),
    }
    return targets, outputs


def softmax(logits):
    shares = np.exp(logits.astype(np.float64))
    return shares / shares.sum(-1, keepdims=True)


def values(parts):
    return {name: float(value) for name, value in parts.items()}


def test_importing_tasks_imports_no_framework():
    script = (
        "import sys, zoo.tasks; "
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'sklearn'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("module", [zoo.metrics, zoo.tasks.task])
def test_examples_in_docstrings_run(module):
    found = doctest.testmod(module, extraglobs={"np": np, "tasks": tasks})
    assert found.attempted > 1
    assert found.failed == 0


def test_get_gives_each_task_by_its_name():
    for name, task in tasks.TASKS.items():
        assert tasks.get(name) is task
        assert task.name == name
        assert tasks.of_outputs(reversed(task.targets)) is task
    with pytest.raises(UserError, match="no task 'clasification'; did you mean 'classification'"):
        tasks.get("clasification")
    with pytest.raises(UserError, match=r"outputs box, mask is none of the zoo's; .*class and box"):
        tasks.of_outputs(["mask", "box"])


def test_the_texts_name_every_option():
    for task in tasks.TASKS.values():
        options = keyword_options(task.loss_options())
        assert "classes" not in options
        for option in options:
            assert option in task.loss_text
        assert task.score in task.metrics(NAMES)


def test_classification_loss_equals_scikit_learn():
    targets, outputs = batch()
    found = values(tasks.get("classification").loss(3)(targets, outputs))
    expected = log_loss(targets["class"], softmax(outputs["class"]), labels=range(3))
    assert found == {"loss": pytest.approx(expected, rel=1e-5)}
    smooth = values(tasks.get("classification").loss(3, label_smoothing=0.3)(targets, outputs))
    spread = -np.log(softmax(outputs["class"])).mean()
    assert smooth["loss"] == pytest.approx(0.7 * expected + 0.3 * spread, rel=1e-5)


def test_localization_loss_by_hand():
    # Half the picture against the whole, and quarters that touch in one corner. L1: one edge
    # off by 0.5, four by 0.5: mean (0.5 + 2) / 2 = 1.25. GIoU: 1/2, and 0 - 1/2 (the hull of
    # 1 holds 1/2): mean loss (0.5 + 1.5) / 2 = 1. Equal logits: ln 2.
    targets = {
        "class": np.array([0, 1]),
        "box": np.array([[0, 0, 0.5, 1], [0, 0, 0.5, 0.5]], np.float32),
    }
    outputs = {
        "class": np.zeros((2, 2), np.float32),
        "box": np.array([[0, 0, 1, 1], [0.5, 0.5, 1, 1]], np.float32),
    }
    task = tasks.get("localization")
    weights = {"class_weight": 3.0, "l1_weight": 0.5, "giou_weight": 4.0}
    assert values(task.loss(2, **weights)(targets, outputs)) == pytest.approx(
        {
            "loss": 3 * np.log(2) + 0.5 * 1.25 + 4 * 1,
            "class_loss": np.log(2),
            "box_l1": 1.25,
            "box_giou": 1.0,
        }
    )
    outputs["class"] = outputs["class"][:, :1]
    assert values(task.loss(1, **weights)(targets, outputs)) == pytest.approx(
        {"loss": 0.5 * 1.25 + 4 * 1, "box_l1": 1.25, "box_giou": 1.0}
    )


def test_segmentation_loss_is_the_weighted_sum_over_valid_pixels():
    targets, outputs = batch()
    task = tasks.get("segmentation")
    parts = values(task.loss(3, cross_entropy_weight=0.25, dice_weight=2)(targets, outputs))
    valid = targets["mask"] != IGNORE
    expected = log_loss(targets["mask"][valid], softmax(outputs["mask"][valid]))
    assert parts["cross_entropy"] == pytest.approx(expected, rel=1e-5)
    assert 0 < parts["dice"] < 1
    assert parts["loss"] == pytest.approx(0.25 * parts["cross_entropy"] + 2 * parts["dice"])
    assert set(values(task.loss(3, dice_weight=0)(targets, outputs))) == {"loss", "cross_entropy"}
    assert set(values(task.loss(3, cross_entropy_weight=0)(targets, outputs))) == {"loss", "dice"}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("classification", {"label_smooting": 0.1}, "no field 'label_smooting'; did you mean"),
        ("classification", {"label_smoothing": 1.0}, "label_smoothing is 1.0: .* less than 1"),
        ("localization", {"giou_weight": -1}, "giou_weight is -1: .*greater than or equal to 0"),
        ("localization", {"l1_weight": float("nan")}, "l1_weight is nan"),
        ("localization", {"l1_weight": 0, "giou_weight": 0, "class_weight": 0}, "no weight above"),
        ("segmentation", {"dice_weight": "much"}, "dice_weight is 'much': .* valid number"),
        ("segmentation", {"dice_weight": 0, "cross_entropy_weight": 0}, "no weight above 0"),
    ],
)
def test_wrong_loss_options_are_refused(name, options, message):
    with pytest.raises(UserError, match=message):
        tasks.get(name).loss(3, **options)


def test_classification_metrics_equal_scikit_learn():
    task = tasks.get("classification")
    assert set(task.metrics("ab")) == set(task.metrics("abc")) == {"accuracy"}
    assert set(task.metrics("abcd")) == {"accuracy", "top_3_accuracy"}
    assert set(task.metrics("abcdef")) == {"accuracy", "top_5_accuracy"}
    targets, outputs = batch(n=30, classes=8)
    metrics = task.metrics("abcdefgh")
    for key, metric in metrics.values():
        metric.update_state(targets[key], outputs[key])
    expected = [
        top_k_accuracy_score(targets["class"], outputs["class"], k=k, labels=range(8))
        for k in (1, 5)
    ]
    assert list(task.results(metrics).values()) == pytest.approx(expected)


def test_localization_metrics_leave_accuracy_out_of_one_class():
    task = tasks.get("localization")
    assert set(task.metrics("ab")) == {"mean_iou", "iou_50", "accuracy"}
    assert set(task.metrics("a")) == {"mean_iou", "iou_50"}
    metrics = task.metrics("ab")
    targets = {"class": [1, 1], "box": np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.float32)}
    outputs = {
        "class": np.array([[0, 1], [1, 0]], np.float32),
        "box": np.array([[0, 0, 1, 0.75], [0, 0, 0.25, 1]], np.float32),
    }
    for key, metric in metrics.values():
        metric.update_state(targets[key], outputs[key])
    assert task.results(metrics) == pytest.approx({"mean_iou": 0.5, "iou_50": 0.5, "accuracy": 0.5})


def test_segmentation_results_name_the_classes_that_occur():
    task = tasks.get("segmentation")
    metrics = task.metrics(NAMES)
    truth = {"mask": np.array([[0, 0, 1, IGNORE]], np.uint8)}
    answer = {"mask": np.array([[0, 1, 1, 2]], np.uint8)}
    task.update_metrics(metrics, [truth], [answer])
    # Background 1 of 2, cat 1 of 2; the dog is answered where it does not count.
    assert task.results(metrics) == pytest.approx(
        {"mean_iou": 0.5, "pixel_accuracy": 2 / 3, "iou/background": 0.5, "iou/cat": 0.5}
    )


def test_metrics_of_answers_equal_metrics_of_outputs():
    targets, outputs = batch()
    for task in tasks.TASKS.values():
        whole, single, several = (task.metrics(NAMES) for _ in range(3))
        truths, answers = [], []
        for key, metric in whole.values():
            metric.update_state(targets[key], outputs[key])
        for row in range(4):
            answer = {
                "probabilities": softmax(outputs["class"][row]).astype(np.float32),
                "box": outputs["box"][row],
                "mask": outputs["mask"][row].argmax(-1).astype(np.uint8),
            }
            truth = {key: targets[key][row] for key in task.targets}
            task.update_metrics(single, [truth], [answer])
            truths.append(truth)
            answers.append(answer)
        task.update_metrics(several, truths, answers)
        assert task.results(single) == pytest.approx(task.results(whole))
        assert task.results(several) == pytest.approx(task.results(whole))


def test_masks_of_different_sizes_count_together():
    task = tasks.get("segmentation")
    metrics = task.metrics(NAMES)
    truths = [{"mask": np.zeros((1, 2), np.uint8)}, {"mask": np.ones((2, 3), np.uint8)}]
    answers = [{"mask": np.zeros((1, 2), np.uint8)}, {"mask": np.zeros((2, 3), np.uint8)}]
    task.update_metrics(metrics, truths, answers)
    # 2 of 8 pixels are right; background 2 of 8, cat 0 of 6.
    assert task.results(metrics)["pixel_accuracy"] == pytest.approx(0.25)
    assert task.results(metrics)["mean_iou"] == pytest.approx(0.125)


def test_confusion_equals_scikit_learn():
    targets, outputs = batch(n=30)
    probabilities, mask = softmax(outputs["class"]), outputs["mask"].argmax(-1)
    for name in ("classification", "localization"):
        found = sum(
            tasks.get(name).confusion({"class": true}, {"probabilities": row}, 3)
            for true, row in zip(targets["class"], probabilities, strict=True)
        )
        expected = confusion_matrix(targets["class"], probabilities.argmax(-1))
        np.testing.assert_array_equal(found, expected)
    found = tasks.get("segmentation").confusion(targets, {"mask": mask}, 3)
    valid = targets["mask"] != IGNORE
    np.testing.assert_array_equal(found, confusion_matrix(targets["mask"][valid], mask[valid]))
    # A label is no mask: label 255 of 300 counts.
    many = tasks.get("classification").confusion(
        {"class": 255}, {"probabilities": np.eye(300)[7]}, 300
    )
    assert many[255, 7] == many.sum() == 1


def test_example_scores_by_hand():
    classification, localization, segmentation = tasks.TASKS.values()
    answer = {"probabilities": np.array([0.2, 0.7, 0.1], np.float32)}
    assert classification.example_score({"class": 1}, answer) == pytest.approx(0.7)
    unreadable = {"probabilities": np.full(3, np.nan), "box": np.full(4, np.nan)}
    assert classification.example_score({"class": 1}, unreadable) == 0
    # 2 x 2 squares sharing one pixel: 1 of 7.
    truth, answer = {"box": np.array([0, 0, 2, 2])}, {"box": np.array([1, 1, 3, 3.0])}
    assert localization.example_score(truth, answer) == pytest.approx(1 / 7)
    assert localization.example_score(truth, unreadable) == 0
    assert localization.example_score({"box": np.zeros(4)}, {"box": np.zeros(4)}) == 0
    ignored = {"mask": np.full((2, 2), IGNORE, np.uint8)}
    assert segmentation.example_score(ignored, {"mask": np.zeros((2, 2), np.uint8)}) == 1


@given(seed=st.integers(0, 2**31))
@properties
def test_example_score_of_masks_equals_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    truth, answer = rng.integers(0, 1 + seed % 5, (2, 4, 4)).astype(np.uint8)
    score = tasks.get("segmentation").example_score
    expected = jaccard_score(truth.ravel(), answer.ravel(), average="macro")
    assert score({"mask": truth}, {"mask": answer}) == pytest.approx(expected)
    ignoring = truth.copy()
    ignoring[0] = IGNORE
    changed = answer.copy()
    changed[0] = 77
    assert score({"mask": ignoring}, {"mask": answer}) == score(
        {"mask": ignoring}, {"mask": changed}
    )


def test_every_part_of_a_loss_is_a_float32_scalar():
    targets, outputs = batch()
    for task in tasks.TASKS.values():
        for value in task.loss(3)(targets, outputs).values():
            assert keras.backend.standardize_dtype(value.dtype) == "float32"
            assert value.shape == ()
