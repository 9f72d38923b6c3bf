import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco
from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score

from zoo.losses import MaskCrossEntropy
from zoo.metrics import BoxIoUAccuracy, BoxMeanIoU, MaskAccuracy, MaskMeanIoU

properties = settings(deadline=None, derandomize=True, max_examples=40)
seeds = st.integers(0, 2**31)


def masks(seed, some=False, shape=(3, 4, 5)):
    """True ids with ignored pixels, and answered ids, of all four classes or of some."""
    rng = np.random.default_rng(seed)
    used = rng.permutation(4)[: rng.integers(1, 5) if some else 4]
    truth = rng.choice(used, shape).astype(np.uint8)
    truth[rng.random(shape) < 0.2] = 255
    return truth, rng.choice(used, shape).astype(np.uint8)


def logits_for(ids, classes=4):
    rng = np.random.default_rng(0)
    return (rng.random((*ids.shape, classes)) + 2 * np.eye(classes)[ids]).astype(np.float32)


def test_boxes_by_hand():
    truth = np.array([[0, 0, 2, 2], [0, 0, 1, 2], [1, 1, 3, 3]], np.float32)
    answer = np.array([[1, 1, 3, 3], [0, 0, 2, 2], [1, 1, 3, 3]], np.float32)
    # IoU 1/7 (1 of 4 + 4 - 1), 1/2 (2 of 4) and 1.
    mean, at_half, above = BoxMeanIoU(), BoxIoUAccuracy(), BoxIoUAccuracy(0.51)
    for metric in (mean, at_half, above):
        metric.update_state(truth[:1], answer[:1])
        metric.update_state(truth[1:], answer[1:])
    assert float(mean.result()) == pytest.approx((1 / 7 + 1 / 2 + 1) / 3)
    assert float(at_half.result()) == pytest.approx(2 / 3)
    assert float(above.result()) == pytest.approx(1 / 3)
    mean.reset_state()
    mean.update_state(truth, answer, sample_weight=[1, 1, 0])
    assert float(mean.result()) == pytest.approx((1 / 7 + 1 / 2) / 2)


@given(seed=seeds)
@properties
def test_boxes_equal_the_coco_tools(seed):
    rng = np.random.default_rng(seed)
    truth = np.sort(rng.random((20, 2, 2)), axis=1).reshape(20, 4)
    # From nearly right to somewhere else.
    moved = truth + rng.normal(size=(20, 4)) * np.linspace(0, 0.3, 20)[:, np.newaxis]
    answer = np.sort(moved.reshape(20, 2, 2), axis=1).reshape(20, 4)
    # The tools take left, top, width and height, and compare each with each.
    left_top = [np.hstack([one[:, :2], one[:, 2:] - one[:, :2]]) for one in (answer, truth)]
    each = np.diagonal(coco.iou(*left_top, [0] * 20))
    mean, at_half = BoxMeanIoU(dtype="float64"), BoxIoUAccuracy(dtype="float64")
    for metric in (mean, at_half):
        metric.update_state(truth[:7], answer[:7])
        metric.update_state(truth[7:], answer[7:])
    assert float(mean.result()) == pytest.approx(each.mean(), rel=1e-9)
    assert float(at_half.result()) == pytest.approx((each >= 0.5).mean())


@given(first=seeds, second=seeds)
@properties
def test_masks_equal_scikit_learn(first, second):
    mean, accuracy = MaskMeanIoU(4), MaskAccuracy()
    pairs = [masks(first, some=True), masks(second, some=True)]
    for truth, answer in pairs:
        mean.update_state(truth, logits_for(answer))
        accuracy.update_state(truth, answer)
    truth, answer = (np.concatenate(side) for side in zip(*pairs, strict=True))
    truth, answer = truth[truth != 255], answer[truth != 255]
    np.testing.assert_array_equal(mean.confusion, confusion_matrix(truth, answer, labels=range(4)))
    # Without `labels` scikit-learn takes the classes that occur in either.
    expected = jaccard_score(truth, answer, average="macro")
    assert float(mean.result()) == pytest.approx(expected, rel=1e-5)
    assert float(accuracy.result()) == pytest.approx(accuracy_score(truth, answer), rel=1e-6)
    occurs = np.union1d(truth, answer)
    each = mean.per_class()
    np.testing.assert_allclose(
        each[occurs], jaccard_score(truth, answer, average=None, labels=occurs), rtol=1e-5
    )
    assert np.all(np.isnan(np.delete(each, occurs)))


@given(first=seeds, second=seeds)
@properties
def test_masks_equal_the_coco_tools(first, second):
    metric = MaskMeanIoU(4)
    pairs = [masks(first, some=True), masks(second, some=True)]
    for truth, answer in pairs:
        metric.update_state(truth, answer)
    # All pictures one below the other are one; where it is ignored nobody has a class.
    truth, answer = (np.concatenate(side).reshape(-1, 5) for side in zip(*pairs, strict=True))
    answer = np.where(truth == 255, 255, answer)
    expected = []
    for label in range(4):
        sides = [np.asfortranarray(one == label, np.uint8) for one in (answer, truth)]
        overlap = coco.iou(*([coco.encode(one)] for one in sides), [0])
        expected.append(overlap.item() if np.any(sides) else np.nan)
    np.testing.assert_allclose(metric.per_class(), expected, rtol=1e-6)
    assert float(metric.result()) == pytest.approx(np.nanmean(expected), rel=1e-6)


def test_masks_by_hand():
    truth = np.array([[[0, 0, 1, 255]]], np.uint8)
    answer = np.array([[[0, 1, 1, 2]]], np.uint8)
    metric = MaskMeanIoU(4)
    metric.update_state(truth, answer)
    # Class 0: 1 of 2; class 1: 1 of 2; class 2 was answered only where ignored; 3 nowhere.
    np.testing.assert_array_equal(metric.per_class(), [0.5, 0.5, np.nan, np.nan])
    assert float(metric.result()) == 0.5


@pytest.mark.parametrize("kind", [lambda: MaskMeanIoU(4), MaskAccuracy])
def test_ids_logits_and_probabilities_are_one(kind):
    truth, answer = masks(1)
    logits = logits_for(answer)
    results = []
    for given_answer in (answer, answer.astype(np.int64), logits, keras.ops.softmax(logits)):
        metric = kind()
        metric.update_state(truth, given_answer)
        results.append(float(metric.result()))
    assert results == [results[0]] * 4
    assert 0 < results[0] < 1


@pytest.mark.parametrize("kind", [lambda: MaskMeanIoU(4), MaskAccuracy])
@given(seed=seeds)
@properties
def test_ignored_pixels_never_count(kind, seed):
    truth, answer = masks(seed, some=True)
    changed = np.where(truth == 255, (answer + 1) % 4, answer)
    first, second = kind(), kind()
    first.update_state(truth, answer)
    second.update_state(truth, changed)
    assert float(first.result()) == float(second.result())


@pytest.mark.parametrize("kind", [lambda: MaskMeanIoU(4), MaskAccuracy])
def test_nothing_seen_is_zero_and_no_nan(kind):
    metric = kind()
    assert float(metric.result()) == 0
    metric.update_state(np.full((1, 2, 2), 255, np.uint8), np.zeros((1, 2, 2), np.uint8))
    assert float(metric.result()) == 0


@pytest.mark.parametrize("kind", [lambda: MaskMeanIoU(4), MaskAccuracy])
def test_weight_zero_leaves_a_picture_out(kind):
    truth, answer = masks(2)
    weighted, first = kind(), kind()
    weighted.update_state(truth, answer, sample_weight=[1.0, 0.0, 0.0])
    first.update_state(truth[:1], answer[:1])
    assert float(weighted.result()) == float(first.result())
    pixels = kind()
    pixels.update_state(truth, answer, sample_weight=np.ones(truth.shape))
    whole = kind()
    whole.update_state(truth, answer)
    assert float(pixels.result()) == float(whole.result())


def test_counting_goes_on_where_float32_stops():
    metric, accuracy = MaskMeanIoU(2), MaskAccuracy()
    # float32 has no 2**24 + 1.
    metric.confusion.assign([[2**24, 0], [0, 0]])
    accuracy.right.assign(2**24)
    one = np.zeros((1, 1, 1), np.uint8)
    metric.update_state(one, one)
    accuracy.update_state(one, one)
    assert int(metric.confusion[0, 0]) == 2**24 + 1
    assert int(accuracy.right) == 2**24 + 1


@pytest.mark.parametrize(("truth", "answer"), [(4, 0), (0, 4), (0, 255), (9, 3)])
def test_an_id_that_is_no_class_is_refused(truth, answer):
    metric = MaskMeanIoU(4)
    with pytest.raises(tf.errors.InvalidArgumentError):
        metric.update_state(np.full((1, 1, 1), truth), np.full((1, 1, 1), answer))


def test_metrics_work_in_a_graph_of_unknown_shape():
    truth, answer = masks(3)
    metrics = [MaskMeanIoU(4), MaskAccuracy()]

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None], tf.uint8),
            tf.TensorSpec([None, None, None, 4]),
            tf.TensorSpec([None]),
        ]
    )
    def update(truth, logits, weight):
        for metric in metrics:
            metric.update_state(truth, logits, weight)

    update(truth, logits_for(answer), np.ones(3, np.float32))
    for metric, kind in zip(metrics, (lambda: MaskMeanIoU(4), MaskAccuracy), strict=True):
        eager = kind()
        eager.update_state(truth, answer)
        assert float(metric.result()) == float(eager.result())


@pytest.mark.parametrize(
    "metric",
    [
        BoxMeanIoU("mine"),
        BoxIoUAccuracy(0.75),
        MaskMeanIoU(3, 7, ("a", "b", "c")),
        MaskAccuracy(None),
    ],
)
def test_metrics_survive_serialisation(metric):
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(again) is type(metric)
    config = again.get_config()
    assert config == metric.get_config()
    assert config == {name: getattr(metric, name) for name in config}


def test_metrics_go_into_compile_and_fit():
    truth, _ = masks(4)
    image = np.where(truth == 255, 0, truth)[..., np.newaxis].astype(np.float32)
    model = keras.Sequential([keras.Input((4, 5, 1)), keras.layers.Conv2D(4, 1)])
    model.compile(loss=MaskCrossEntropy(), metrics=[MaskMeanIoU(4), MaskAccuracy()])
    found = model.evaluate(image, truth, verbose=0, return_dict=True)
    metric = MaskMeanIoU(4)
    metric.update_state(truth, model(image))
    assert found["mean_iou"] == pytest.approx(float(metric.result()))
