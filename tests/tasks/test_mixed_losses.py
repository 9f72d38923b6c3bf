"""Losses of pictures that show two examples."""

import numpy as np
import pytest

from zoo import tasks
from zoo.preprocess import IGNORE

SHARE = np.float32([0.9, 0.6, 1.0, 0.5])


def batch(seed):
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, 3, (4, 5, 6)).astype(np.uint8)
    mask[:, seed % 5] = IGNORE
    return {
        "class": rng.integers(0, 3, 4).astype(np.int32),
        "box": np.sort(rng.random((4, 2, 2), np.float32), axis=1).reshape(4, 4),
        "mask": mask,
    }


def outputs():
    rng = np.random.default_rng(9)
    return {
        "class": rng.normal(size=(4, 3)).astype(np.float32),
        "box": np.sort(rng.random((4, 2, 2), np.float32), axis=1).reshape(4, 4),
        "mask": rng.normal(size=(4, 5, 6, 3)).astype(np.float32),
    }


def mixed(share):
    other = {f"other_{key}": value for key, value in batch(1).items()}
    return {**batch(0), **other, "share": np.float32(share)}


def rows(values, which):
    return {key: value[which] for key, value in values.items()}


def test_cross_entropy_is_that_of_the_mixed_label():
    found = tasks.get("classification").loss(3, label_smoothing=0.1)(mixed(SHARE), outputs())
    one_hot = np.eye(3)
    label = SHARE[:, None] * one_hot[batch(0)["class"]]
    label += (1 - SHARE)[:, None] * one_hot[batch(1)["class"]]
    label = 0.9 * label + 0.1 / 3
    logits = outputs()["class"]
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    assert float(found["loss"]) == pytest.approx(-(label * logs).sum(-1).mean(), rel=1e-5)


@pytest.mark.parametrize("name", ["localization", "segmentation"])
def test_both_answers_count_by_their_weights(name):
    loss = tasks.get(name).loss(3)
    # Dice is one number for a batch, so that equal weights alone make it a sum of the two.
    share = SHARE if name == "localization" else np.full(4, 0.7, np.float32)
    found = loss(mixed(share), outputs())
    parts = dict.fromkeys(found, 0.0)
    groups = [slice(n, n + 1) for n in range(4)] if name == "localization" else [slice(0, 4)]
    for group in groups:
        weight = float(np.mean(share[group])) / len(groups)
        rest = 1 / len(groups) - weight
        one, other = (loss(rows(batch(n), group), rows(outputs(), group)) for n in (0, 1))
        for key in parts:
            parts[key] += weight * float(one[key]) + rest * float(other[key])
    assert {key: float(value) for key, value in found.items()} == pytest.approx(parts, rel=1e-5)


def test_pixels_count_as_their_example():
    # Of the cross-entropy of each pixel with one mask and with the other.
    logits = outputs()["mask"]
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = 0.0
    for side, weight in ((batch(0), SHARE), (batch(1), 1 - SHARE)):
        valid = side["mask"] != IGNORE
        ids = np.where(valid, side["mask"], 0)
        each = -np.take_along_axis(logs, ids[..., None].astype(int), -1)[..., 0]
        expected += (each * valid * weight[:, None, None]).sum() / valid.sum()
    found = tasks.get("segmentation").loss(3, dice_weight=0)(mixed(SHARE), outputs())
    assert float(found["loss"]) == pytest.approx(expected, rel=1e-5)


def test_dice_counts_pixels_as_their_example():
    # Two pixels, one an example, of probability 1/2 for either class; the truth is class 0 and
    # class 1. With weights 0.75 and 0.25: 2 * 0.75 / 2 / (0.75 + 1 / 2) = 0.6 for class 0, and
    # 2 * 0.25 / 2 / (0.25 + 1 / 2) = 1/3 for class 1; the mean of 0.4 and 2/3, times the mean
    # weight of 1/2. The other answers are the other way round: the same.
    mask = np.uint8([[[0]], [[1]]])
    batch = {"mask": mask, "other_mask": mask[::-1], "share": np.float32([0.75, 0.25])}
    loss = tasks.get("segmentation").loss(2, cross_entropy_weight=0)
    found = loss(batch, {"mask": np.zeros((2, 1, 1, 2), np.float32)})
    assert float(found["dice"]) == pytest.approx(2 * (0.4 + 2 / 3) / 2 / 2, rel=1e-5)


@pytest.mark.parametrize("name", list(tasks.TASKS))
def test_a_whole_share_is_the_loss_of_one_example(name):
    loss = tasks.get(name).loss(3)
    whole, alone = loss(mixed(np.ones(4)), outputs()), loss(batch(0), outputs())
    assert {key: float(value) for key, value in whole.items()} == pytest.approx(
        {key: float(value) for key, value in alone.items()}, rel=1e-6
    )
