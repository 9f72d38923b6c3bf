"""What a recipe may ask of the tasks' losses."""

import ast
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import log_loss

from zoo import losses, tasks
from zoo.errors import UserError, keyword_options
from zoo.preprocess import IGNORE
from zoo.training.recipe import DataOptions, InputOptions, Recipe

NAMES = ("background", "cat", "dog")
WEIGHTS = {"dog": 3.0, "background": 0.5}
NUMBERS = np.array([0.5, 1.0, 3.0])
PARTS = {
    ("localization", "class_weight"): "class_loss",
    ("localization", "l1_weight"): "box_l1",
    ("localization", "smooth_l1_weight"): "box_smooth_l1",
    ("localization", "giou_weight"): "box_giou",
    ("localization", "diou_weight"): "box_diou",
    ("localization", "ciou_weight"): "box_ciou",
    ("segmentation", "cross_entropy_weight"): "cross_entropy",
    ("segmentation", "dice_weight"): "dice",
    ("segmentation", "focal_weight"): "focal",
    ("segmentation", "tversky_weight"): "tversky",
    ("segmentation", "lovasz_weight"): "lovasz",
    ("segmentation", "boundary_weight"): "boundary",
}


def batch(classes=3, seed=0):
    rng = np.random.default_rng(seed)
    box = np.sort(rng.random((2, 4, 2, 2)), axis=2).reshape(2, 4, 4).astype(np.float32)
    mask = rng.integers(0, classes, (4, 5, 6)).astype(np.uint8)
    mask[:, seed % 5] = IGNORE
    targets = {"class": rng.integers(0, classes, 4), "box": box[0], "mask": mask}
    outputs = {
        "class": rng.normal(size=(4, classes)).astype(np.float32),
        "box": box[1],
        "mask": rng.normal(size=(4, 5, 6, classes)).astype(np.float32),
    }
    return targets, outputs


def softmax(logits):
    shares = np.exp(logits.astype(np.float64))
    return shares / shares.sum(-1, keepdims=True)


def alone(task, option, **options):
    """The task's loss with a single part, of weight 2."""
    weights = {other: 0 for name, other in PARTS if name == task}
    return tasks.get(task).loss(NAMES, **{**weights, option: 2.0, **options})


def values(parts):
    return {name: float(value) for name, value in parts.items()}


def test_every_weight_is_tried_here():
    found = {
        (name, option)
        for name, task in tasks.TASKS.items()
        for option in keyword_options(task.loss_options())
        if option.endswith("_weight")
    }
    assert found == set(PARTS)


@pytest.mark.parametrize(("task", "option"), PARTS)
def test_a_part_of_weight_0_is_not_computed(task, option):
    loss = alone(task, option)
    found = loss(*batch())
    part = PARTS[task, option]
    assert set(found) == {"loss", part}
    assert float(found["loss"]) == pytest.approx(2 * float(found[part]))
    assert float(found[part]) > 0
    for value in found.values():
        assert keras.backend.standardize_dtype(value.dtype) == "float32"
        assert value.shape == ()
    traced = tf.function(loss, autograph=False)(*batch())
    assert values(traced) == pytest.approx(values(found), rel=1e-5)


@pytest.mark.parametrize(
    ("task", "option", "options", "loss"),
    [
        ("localization", "l1_weight", {}, losses.SmoothL1(0.0)),
        ("localization", "smooth_l1_weight", {"smooth_l1_beta": 0.3}, losses.SmoothL1(0.3)),
        ("localization", "giou_weight", {}, losses.GIoU()),
        ("localization", "diou_weight", {}, losses.DIoU()),
        ("localization", "ciou_weight", {}, losses.CIoU()),
        (
            "segmentation",
            "cross_entropy_weight",
            {"label_smoothing": 0.1, "class_weights": WEIGHTS},
            losses.MaskCrossEntropy(label_smoothing=0.1, class_weights=NUMBERS),
        ),
        ("segmentation", "dice_weight", {"class_weights": WEIGHTS}, losses.Dice()),
        (
            "segmentation",
            "focal_weight",
            {"focal_gamma": 1.5, "label_smoothing": 0.1, "class_weights": WEIGHTS},
            losses.Focal(1.5, None, NUMBERS, 0.1),
        ),
        (
            "segmentation",
            "tversky_weight",
            {"tversky_alpha": 0.2, "tversky_beta": 0.9},
            losses.Tversky(0.2, 0.9),
        ),
        ("segmentation", "lovasz_weight", {}, losses.LovaszSoftmax()),
        (
            "segmentation",
            "boundary_weight",
            {"boundary_w0": 3.0, "boundary_sigma": 1.5, "class_weights": WEIGHTS},
            losses.BoundaryCrossEntropy(3.0, 1.5, NUMBERS),
        ),
        (
            "segmentation",
            "boundary_weight",
            {"boundary_background": NAMES[1]},
            losses.BoundaryCrossEntropy(background=1),
        ),
    ],
)
def test_parts_are_the_losses_of_their_options(task, option, options, loss):
    targets, outputs = batch()
    key = "box" if task == "localization" else "mask"
    expected = float(loss(targets[key], outputs[key]))
    found = alone(task, option, **options)(targets, outputs)
    assert float(found[PARTS[task, option]]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["classification", "localization"])
def test_class_weights_go_by_name_and_equal_scikit_learns_sample_weights(name):
    targets, outputs = batch()
    found = tasks.get(name).loss(NAMES, class_weights=WEIGHTS)(targets, outputs)
    expected = log_loss(
        targets["class"],
        softmax(outputs["class"]),
        sample_weight=NUMBERS[targets["class"]],
        labels=range(3),
    )
    part = "loss" if name == "classification" else "class_loss"
    assert float(found[part]) == pytest.approx(expected, rel=1e-5)
    numbered = tasks.get(name).loss(3, class_weights={"2": 3.0, "0": 0.5})(targets, outputs)
    assert values(numbered) == values(found)


@pytest.mark.parametrize("name", ["classification", "localization"])
def test_focal_loss_of_labels(name):
    targets, outputs = batch()
    found = tasks.get(name).loss(NAMES, focal_gamma=2)(targets, outputs)
    right = softmax(outputs["class"])[np.arange(4), targets["class"]]
    part = "loss" if name == "classification" else "class_loss"
    expected = np.mean(-((1 - right) ** 2) * np.log(right))
    assert float(found[part]) == pytest.approx(expected, rel=1e-5)
    targets, outputs = batch(classes=2)
    found = tasks.get(name).loss("ab", focal_gamma=2, focal_alpha=0.25)(targets, outputs)
    right = softmax(outputs["class"])[np.arange(4), targets["class"]]
    factors = np.where(targets["class"] == 1, 0.25, 0.75)
    expected = np.mean(-factors * (1 - right) ** 2 * np.log(right))
    assert float(found[part]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", list(tasks.TASKS))
def test_mixed_pictures_weigh_weighed_classes(name):
    # Equal shares make it the sum of the two losses, whatever the parts.
    task = tasks.get(name)
    options = {"class_weights": WEIGHTS}
    options |= {option: 1.0 for other, option in PARTS if other == name}
    loss = task.loss(NAMES, **options)
    targets, outputs = batch()
    other, _ = batch(seed=1)
    mixed = {**targets, **{f"other_{key}": value for key, value in other.items()}}
    mixed["share"] = np.full(4, 0.7, np.float32)
    one, two = values(loss(targets, outputs)), values(loss(other, outputs))
    expected = {key: 0.7 * one[key] + 0.3 * two[key] for key in one}
    assert values(loss(mixed, outputs)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("classification", {"class_weights": "balancd"}, "is 'balancd': weights are \"balanced\""),
        ("classification", {"class_weights": 2.0}, 'or numbers by class name, as {"cat": 2.0}'),
        ("segmentation", {"class_weights": {"cat": -1}}, "weight of 'cat' is -1 and should be"),
        ("segmentation", {"class_weights": {"cat": True}}, "weight of 'cat' is True"),
        ("segmentation", {"class_weights": {"cat": float("nan")}}, "weight of 'cat' is nan"),
        ("localization", {"class_weights": {"cta": 1}}, "name 'cta', .*; did you mean 'cat'"),
        ("localization", {"class_weights": "balanced"}, "'balanced', which takes training data"),
        ("segmentation", {"class_weights": dict.fromkeys(NAMES, 0)}, "no class with a weight"),
        ("classification", {"focal_alpha": 0.25}, "one of two classes, and there are 3"),
        ("segmentation", {"focal_alpha": 1.0}, "focal_alpha is 1.0: .* less than 1"),
        ("classification", {"focal_gamma": -1}, "focal_gamma is -1: .* greater than or equal"),
        (
            "segmentation",
            {"tversky_weight": 1, "tversky_alpha": 0, "tversky_beta": 0},
            "tversky_alpha and tversky_beta are both 0",
        ),
        ("segmentation", {"boundary_sigma": 0}, "boundary_sigma is 0: .* greater than 0"),
        (
            "segmentation",
            {"boundary_background": "wall"},
            f"boundary_background is 'wall', which is no class .*{NAMES[0]}",
        ),
        ("localization", {"smooth_l1_beta": 0}, "smooth_l1_beta is 0: .* greater than 0"),
    ],
)
def test_wrong_options_are_told_in_one_sentence(name, options, message):
    with pytest.raises(UserError, match=message) as caught:
        tasks.get(name).loss(NAMES, **options)
    assert "\n" not in str(caught.value)


DOCUMENT = (Path(__file__).parents[2] / "docs" / "losses.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(tasks.TASKS))
def test_every_option_is_documented(name):
    for option in keyword_options(tasks.get(name).loss_options()):
        assert f"`{option}`" in DOCUMENT


def test_the_documented_examples_are_valid():
    block = re.search(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    assert block
    lines = block[1].splitlines()
    assert len(lines) == len(tasks.TASKS)
    for line, task in zip(lines, tasks.TASKS.values(), strict=True):
        code, _, name = line.partition("  # ")
        assert name == task.name
        options = ast.literal_eval(code.removeprefix("loss = "))
        recipe = Recipe(
            task=name,
            data=DataOptions(source="digit_scenes"),
            input=InputOptions(size=(8, 8), channels=1),
            loss=options,
        )
        recipe.check_options()
        numbers = {key: value for key, value in options.items() if value != "balanced"}
        loss = task.loss(("crack", "wall", "window"), **numbers)
        assert np.isfinite(loss(*batch())["loss"])
