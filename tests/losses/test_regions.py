import numpy as np
import pytest
from hypothesis import given
from samples import few, masks, properties, seeds, softmax
from sklearn.metrics import f1_score, jaccard_score

from zoo.losses import Dice, LovaszSoftmax, Tversky

# One row of pixels of classes 0, 1 and ignored.
PROBABILITIES = np.array([[[[0.75, 0.25, 0], [0.5, 0.5, 0], [0, 0, 1]]]], np.float32)
MASK = np.array([[[0, 1, 255]]], np.uint8)


def lovasz_by_definition(mask, probabilities):
    """The extension of 1 - IoU, a function of the set of wrong pixels, summed over sets."""
    losses = []
    for class_id in np.unique(mask):
        truth = {int(at) for at in np.flatnonzero(mask == class_id)}

        def jaccard_loss(wrong, truth=truth):
            # The answer that is wrong in just these pixels.
            answer = truth ^ wrong
            return 1 - len(answer & truth) / len(answer | truth)

        errors = np.abs((mask == class_id) - probabilities[:, class_id])
        wrong, value = set(), 0.0
        for at in sorted(range(len(mask)), key=lambda at: -errors[at]):
            value += errors[at] * (jaccard_loss(wrong | {at}) - jaccard_loss(wrong))
            wrong |= {at}
        losses.append(value)
    return np.mean(losses)


def test_dice_by_hand():
    # Class 0: 2 x 0.75 / (1 + 1.25) = 2/3; class 1: 2 x 0.5 / (1 + 0.75) = 4/7; class 2 is
    # not in the truth; 1 - (2/3 + 4/7) / 2 = 8/21. The third pixel is ignored.
    assert float(Dice(from_logits=False)(MASK, PROBABILITIES)) == pytest.approx(8 / 21)


def test_tversky_by_hand():
    # Class 0: found 0.75, false positives 0.5, false negatives 0.25: 0.75 / (0.75 + 0.2 x 0.5 +
    # 0.8 x 0.25) = 5/7; class 1: 0.5, 0.25, 0.5: 0.5 / (0.5 + 0.05 + 0.4) = 10/19.
    found = float(Tversky(0.2, 0.8, from_logits=False)(MASK, PROBABILITIES))
    assert found == pytest.approx(1 - (5 / 7 + 10 / 19) / 2)
    # Both 1: the Jaccard index, 0.75 / 1.5 and 0.5 / 1.25.
    found = float(Tversky(1.0, 1.0, from_logits=False)(MASK, PROBABILITIES))
    assert found == pytest.approx(1 - (0.5 + 0.4) / 2)


def test_lovasz_by_hand():
    # Class 0, one pixel: errors 0.5 outside, 0.25 inside. The first alone makes IoU 1/2, both
    # make it 0: 0.5 x 1/2 + 0.25 x 1/2 = 0.375. Class 1: 0.5 inside makes it 0 at once: 0.5.
    found = float(LovaszSoftmax(from_logits=False)(MASK, PROBABILITIES))
    assert found == pytest.approx((0.375 + 0.5) / 2)


def test_lovasz_counts_pixels_as_their_example():
    # One pixel an example, both of class 0 with errors 0.4 and 0.2, weights 1 and 3. The first
    # alone leaves 3/4: 0.4 x 1/4 + 0.2 x 3/4 = 0.25, times the mean weight of 2.
    mask = np.zeros((2, 1, 1), np.uint8)
    answer = np.float32([[[[0.6, 0.4]]], [[[0.8, 0.2]]]])
    loss = LovaszSoftmax(from_logits=False)
    assert float(loss.weighted(mask, answer, np.float32([1, 3]))) == pytest.approx(0.5)
    # A weight of 0 is not to be there.
    some = float(loss.weighted(mask, answer, np.float32([2, 0])))
    assert some == pytest.approx(float(loss(mask[:1], answer[:1])))


@given(seed=seeds)
@properties
def test_lovasz_equals_its_definition(seed):
    mask, logits = masks(seed, shape=(2, 3, 4))
    valid = mask != 255
    probabilities = softmax(logits.astype(np.float64))
    found = float(LovaszSoftmax(dtype="float64")(mask, logits))
    expected = lovasz_by_definition(mask[valid], probabilities[valid])
    assert found == pytest.approx(expected, abs=1e-9)


@given(seed=seeds)
@few
def test_losses_of_hard_masks_are_one_minus_the_scores(seed):
    mask, logits = masks(seed)
    valid = mask != 255
    answer = logits.argmax(-1)
    labels = np.unique(mask[valid])
    hard = np.eye(3, dtype=np.float32)[answer]
    for loss, score in (
        (Dice, f1_score),
        (LovaszSoftmax, jaccard_score),
        (lambda **options: Tversky(1.0, 1.0, **options), jaccard_score),
    ):
        expected = 1 - score(mask[valid], answer[valid], labels=labels, average="macro")
        assert float(loss(from_logits=False)(mask, hard)) == pytest.approx(expected, abs=1e-5)
        assert float(loss()(mask, 1000 * hard)) == pytest.approx(expected, abs=1e-5)


@given(seed=seeds)
@few
def test_tversky_of_halves_is_dice(seed):
    mask, logits = masks(seed)
    found = float(Tversky(0.5, 0.5)(mask, logits))
    assert found == pytest.approx(float(Dice()(mask, logits)), rel=1e-6)


def test_a_large_mask_keeps_its_digits():
    # 300,000 pixels of one class, errors 1/4 and 1/2 in turn: sorted, the first half adds
    # 0.5 x 1/2, the second 0.25 x 1/2.
    mask = np.zeros((1, 300, 1000), np.uint8)
    right = np.tile(np.float32([0.75, 0.5]), 150_000).reshape(mask.shape)
    answer = np.stack([right, 1 - right], -1)
    assert float(LovaszSoftmax(from_logits=False)(mask, answer)) == pytest.approx(0.375, rel=1e-5)
