import ast
import math
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, log_loss

import zoo.losses
import zoo.metrics
from zoo.losses import Dice, GIoU, MaskCrossEntropy, overlaps

properties = settings(deadline=None, derandomize=True, max_examples=50)
edge = st.integers(0, 64).map(lambda number: number / 64)
box = st.tuples(edge, edge, edge, edge).map(
    lambda edges: (*np.minimum(edges[:2], edges[2:]), *np.maximum(edges[:2], edges[2:]))
)
seeds = st.integers(0, 2**31)


def masks(seed, classes=3, shape=(2, 4, 5), ignored=0.3):
    """Random ids with ignored pixels, and logits."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, classes, shape).astype(np.uint8)
    ids[rng.random(shape) < ignored] = 255
    return ids, rng.normal(0, 2, (*shape, classes)).astype(np.float32)


def softmax(logits):
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def numeric_gradient(function, at, step=1e-6):
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (float(function(up)) - float(function(down))) / (2 * step)
    return gradient


def gradient_of(function, at):
    at = tf.constant(at)
    with tf.GradientTape() as tape:
        tape.watch(at)
        value = function(at)
    return tape.gradient(value, at).numpy()


SOURCES = [*sorted(Path(zoo.losses.__file__).parent.glob("*.py")), Path(zoo.metrics.__file__)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_imports_keras_alone(path):
    tree = ast.parse(path.read_text())
    found = {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    found |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    others = {name for name in found if not name.startswith("zoo.losses")}
    assert others <= {"keras", "math", "typing", "collections.abc"}


@pytest.mark.parametrize(
    ("first", "second", "iou", "giou"),
    [
        # Two 2 x 2 squares share 1 of 4 + 4 - 1 = 7; the hull of 9 has 2 that neither covers.
        ((0, 0, 2, 2), (1, 1, 3, 3), 1 / 7, 1 / 7 - 2 / 9),
        # Unit squares with one between them: union 2, hull 3.
        ((0, 0, 1, 1), (2, 0, 3, 1), 0, -1 / 3),
        # A half inside the whole: hull equals union.
        ((0, 0, 1, 2), (0, 0, 2, 2), 1 / 2, 1 / 2),
        ((1, 2, 5, 4), (1, 2, 5, 4), 1, 1),
        # A line in a square of 4: union 4, hull 4.
        ((1, 0, 1, 2), (0, 0, 2, 2), 0, 0),
        # Two points apart: no union, hull 1.
        ((0, 0, 0, 0), (1, 1, 1, 1), 0, -1),
    ],
)
def test_giou_by_hand(first, second, iou, giou):
    first, second = np.array([first], np.float32), np.array([second], np.float32)
    found = overlaps(first, second)
    np.testing.assert_allclose(found[0], [iou], atol=1e-6)
    np.testing.assert_allclose(found[1], [giou], atol=1e-6)
    np.testing.assert_allclose(GIoU()(first, second), 1 - giou, atol=1e-6)


def test_iou_equals_the_diagonal_of_keras_pairs():
    rng = np.random.default_rng(0)
    first, second = (np.sort(rng.random((20, 2, 2)), axis=1).reshape(20, 4) for _ in "ab")
    first, second = first.astype(np.float32), second.astype(np.float32)
    pairs = keras.utils.bounding_boxes.compute_iou(first, second, "xyxy")
    np.testing.assert_allclose(overlaps(first, second)[0], np.diagonal(pairs), atol=1e-5)


@given(first=box, second=box, scale=st.floats(0.01, 1000))
@properties
def test_giou_is_bounded_symmetric_and_free_of_scale(first, second, scale):
    first, second = np.array([first], np.float32), np.array([second], np.float32)
    iou, giou = overlaps(first, second)
    assert -1 - 1e-6 <= giou[0] <= iou[0] + 1e-6 <= 1 + 2e-6
    np.testing.assert_allclose(overlaps(second, first)[1], giou, atol=1e-6)
    scaled = overlaps(first * np.float32(scale), second * np.float32(scale))[1]
    np.testing.assert_allclose(scaled, giou, atol=1e-4)
    area = np.prod(first[0, 2:] - first[0, :2])
    np.testing.assert_allclose(overlaps(first, first)[1], [1.0 if area else 0.0], atol=1e-6)


@given(first=box, second=box)
@properties
def test_giou_has_a_finite_gradient_for_any_boxes(first, second):
    truth = tf.constant([first], tf.float32)
    gradient = gradient_of(lambda at: GIoU()(truth, at), np.array([second], np.float32))
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize(
    "answer", [(0.1, 0.2, 0.55, 0.7), (0.65, 0.1, 0.9, 0.3), (0.3, 0.35, 0.45, 0.5)]
)
def test_giou_gradient_equals_the_numeric_one(answer):
    truth = np.array([[0.2, 0.3, 0.6, 0.8]])
    loss = GIoU(dtype="float64")
    answer = np.array([answer])
    gradient = gradient_of(lambda at: loss(truth, at), answer)
    np.testing.assert_allclose(
        gradient, numeric_gradient(lambda at: loss(truth, at), answer), atol=1e-6
    )
    assert np.abs(gradient).max() > 0.1


def test_cross_entropy_by_hand():
    # Logits (0, ln 3) are probabilities (1/4, 3/4); the third pixel is ignored.
    logits = np.full((1, 1, 3, 2), (0, math.log(3)), np.float32)
    mask = np.array([[[1, 0, 255]]], np.uint8)
    right, wrong = math.log(4 / 3), math.log(4)
    assert float(MaskCrossEntropy()(mask, logits)) == pytest.approx((right + wrong) / 2)
    np.testing.assert_allclose(
        MaskCrossEntropy(reduction="none")(mask, logits), [[[right, wrong, 0]]], rtol=1e-6
    )
    assert float(MaskCrossEntropy(reduction="sum")(mask, logits)) == pytest.approx(right + wrong)
    # Smoothing by 0.2 gives either pixel 0.2 of the mean of both.
    spread = (right + wrong) / 2
    np.testing.assert_allclose(
        MaskCrossEntropy(label_smoothing=0.2, reduction="none")(mask, logits),
        [[[0.8 * right + 0.2 * spread, 0.8 * wrong + 0.2 * spread, 0]]],
        rtol=1e-6,
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_equals_keras_and_scikit_learn(smoothing):
    mask, logits = masks(0)
    valid = mask != 255
    found = float(MaskCrossEntropy(label_smoothing=smoothing)(mask, logits))
    dense = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    assert found == pytest.approx(float(dense(np.eye(3)[mask[valid]], logits[valid])), rel=1e-5)
    other = MaskCrossEntropy(label_smoothing=smoothing, from_logits=False)
    assert float(other(mask, softmax(logits))) == pytest.approx(found, rel=1e-5)
    if not smoothing:
        sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
        assert found == pytest.approx(float(sparse(mask, logits)), rel=1e-5)
        reference = log_loss(mask[valid], softmax(logits[valid].astype(np.float64)))
        assert found == pytest.approx(reference, rel=1e-5)


def test_dice_by_hand():
    # Class 0: 2 x 0.75 / (1 + 1.25) = 2/3; class 1: 2 x 0.5 / (1 + 0.75) = 4/7; class 2 is
    # not in the truth; 1 - (2/3 + 4/7) / 2 = 8/21. The third pixel is ignored.
    probabilities = np.array([[[[0.75, 0.25, 0], [0.5, 0.5, 0], [0, 0, 1]]]], np.float32)
    mask = np.array([[[0, 1, 255]]], np.uint8)
    assert float(Dice(from_logits=False)(mask, probabilities)) == pytest.approx(8 / 21)


@given(seed=seeds)
@properties
def test_dice_of_hard_masks_is_one_minus_f1(seed):
    mask, logits = masks(seed)
    valid = mask != 255
    answer = logits.argmax(-1)
    labels = np.unique(mask[valid])
    expected = 1 - f1_score(mask[valid], answer[valid], labels=labels, average="macro")
    found = Dice(from_logits=False)(mask, np.eye(3, dtype=np.float32)[answer])
    assert float(found) == pytest.approx(expected, abs=1e-5)
    sharp = Dice()(mask, 1000 * np.eye(3, dtype=np.float32)[answer])
    assert float(sharp) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "loss", [MaskCrossEntropy(), MaskCrossEntropy(label_smoothing=0.1), Dice()]
)
@pytest.mark.parametrize("wild", [1e4, np.inf, np.nan])
def test_ignored_pixels_change_neither_loss_nor_gradient(loss, wild):
    mask, logits = masks(1)
    changed = logits.copy()
    changed[mask == 255] = [wild, -3, 7]
    assert float(loss(mask, logits)) == float(loss(mask, changed))
    first = gradient_of(lambda at: loss(mask, at), logits)
    second = gradient_of(lambda at: loss(mask, at), changed)
    np.testing.assert_array_equal(first, second)
    assert np.all(first[mask == 255] == 0)
    assert np.all(np.any(first[mask != 255] != 0, axis=-1))


@pytest.mark.parametrize(
    "loss", [MaskCrossEntropy(), MaskCrossEntropy(label_smoothing=0.1), Dice()]
)
def test_without_a_valid_pixel_the_loss_is_zero(loss):
    mask, logits = masks(2, ignored=1.0)
    assert float(loss(mask, logits)) == 0
    np.testing.assert_array_equal(gradient_of(lambda at: loss(mask, at), logits), 0 * logits)


@pytest.mark.parametrize(
    "loss",
    [
        MaskCrossEntropy(dtype="float64"),
        MaskCrossEntropy(label_smoothing=0.1, dtype="float64"),
        Dice(dtype="float64"),
    ],
)
def test_mask_gradients_equal_the_numeric_ones(loss):
    mask, logits = masks(3, shape=(1, 2, 3))
    logits = logits.astype(np.float64)
    np.testing.assert_allclose(
        gradient_of(lambda at: loss(mask, at), logits),
        numeric_gradient(lambda at: loss(mask, at), logits),
        atol=1e-7,
    )


@pytest.mark.parametrize("loss", [MaskCrossEntropy(), Dice()])
def test_no_ignore_label_means_none(loss):
    mask, logits = masks(4, ignored=0)
    free = type(loss)(ignore=None)
    assert float(free(mask, logits)) == float(loss(mask, logits))
    assert float(type(loss)(ignore=0)(mask, logits)) != float(loss(mask, logits))


def test_an_id_that_is_no_class_is_refused():
    mask, logits = masks(5)
    mask[0, 0, 0] = 3
    with pytest.raises(tf.errors.InvalidArgumentError):
        MaskCrossEntropy()(mask, logits)


@pytest.mark.parametrize(
    "loss",
    [
        GIoU(reduction="sum", name="mine"),
        MaskCrossEntropy(7, False, 0.25, reduction="none"),
        Dice(None, False),
    ],
)
def test_losses_survive_serialisation(loss):
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss)
    config = again.get_config()
    assert config == loss.get_config()
    assert config == {name: getattr(loss, name) for name in config}


def test_losses_train_a_model_on_numpy_arrays():
    mask, _ = masks(6, shape=(4, 5, 5))
    image = np.where(mask == 255, 0, mask)[..., np.newaxis].astype(np.float32)
    model = keras.Sequential([keras.Input((5, 5, 1)), keras.layers.Conv2D(3, 1)])
    for loss in (MaskCrossEntropy(), Dice()):
        model.compile("adam", loss)
        expected = float(loss(mask, model(image)))
        history = model.fit(image, mask, batch_size=4, verbose=0)
        assert history.history["loss"][0] == pytest.approx(expected, rel=1e-5)
