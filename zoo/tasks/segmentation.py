"""Segmentation: a class for every pixel."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.errors import UserError
from zoo.tasks.drawing import draw_mask
from zoo.tasks.task import Smoothing, Task, Weight, weighted


def loss(
    classes: int,
    /,
    *,
    cross_entropy_weight: Weight = 1.0,
    dice_weight: Weight = 1.0,
    label_smoothing: Smoothing = 0.0,
):
    """Cross-entropy plus soft Dice over the pixels that are not ignored.

    Cross-entropy learns fast but weighs classes by their pixels; Dice weighs small and
    large classes alike, as mean IoU does (the sum is nnU-Net's, Isensee et al. 2021).

    Args:
        classes: k >= 2.
        cross_entropy_weight: Of ``cross_entropy``, the mean over valid pixels.
        dice_weight: Of ``dice``, the mean over the classes in the batch. A part of weight 0
            is not computed.
        label_smoothing: The share of cross-entropy's target spread evenly over the classes.

    Returns:
        A function as :attr:`Task.make_loss` describes it.

    Raises:
        UserError: If no weight is above 0.
    """
    import keras

    from zoo.losses import Dice, MaskCrossEntropy
    from zoo.preprocess import IGNORE

    if not (cross_entropy_weight or dice_weight):
        raise UserError("the segmentation loss has no weight above 0; raise one of them")
    # Keras' mean would divide by the number of replicas, hence the sum.
    entropy = MaskCrossEntropy(IGNORE, label_smoothing=label_smoothing, reduction="sum")
    dice = Dice(IGNORE)

    def of(targets: Mapping[str, Any], outputs: Mapping[str, Any], weight: Any) -> dict[str, Any]:
        mask, logits = targets["mask"], outputs["mask"]
        each = None if weight is None else weight[:, None, None]
        parts = {}
        if cross_entropy_weight:
            valid = keras.ops.sum(keras.ops.cast(keras.ops.not_equal(mask, IGNORE), "float32"))
            mean = keras.ops.divide(entropy(mask, logits, each), keras.ops.maximum(valid, 1.0))
            parts["cross_entropy"] = (cross_entropy_weight, mean)
        if dice_weight:
            parts["dice"] = (dice_weight, dice.weighted(mask, logits, weight))
        return weighted(parts)

    return of


def metrics(class_names: Sequence[str]) -> dict[str, tuple[str, Any]]:
    """Mean IoU over the classes that occur, and pixel accuracy."""
    from zoo.metrics import MaskAccuracy, MaskMeanIoU
    from zoo.preprocess import IGNORE

    return {
        "mean_iou": ("mask", MaskMeanIoU(len(class_names), IGNORE, class_names, "mean_iou")),
        "pixel_accuracy": ("mask", MaskAccuracy(IGNORE, "pixel_accuracy")),
    }


def answer(
    outputs: Mapping[str, Any], sizes: Any, preprocessing: Any, class_names: Sequence[str]
) -> dict[str, Any]:
    """The served outputs: mask_bytes, classes, fraction (see :class:`Task`).

    Each mask has its own picture's size, so that they leave as PNG. ``fraction`` counts
    pixels of the original picture, never padding.
    """
    import tensorflow as tf

    def one(row: tuple[Any, Any]) -> tuple[Any, Any]:
        mask = _restored(row, preprocessing)
        return tf.io.encode_png(mask[..., tf.newaxis]), _fraction(mask, len(class_names))

    probabilities = tf.convert_to_tensor(outputs["mask"], tf.float32)
    count = tf.shape(probabilities)[0]
    signature = (tf.TensorSpec([], tf.string), tf.TensorSpec([len(class_names)], tf.float32))
    pictures, fraction = tf.map_fn(
        one, (probabilities, tf.broadcast_to(sizes, [count, 2])), fn_output_signature=signature
    )
    return _served(pictures, fraction, class_names)


def answer_pixels(
    outputs: Mapping[str, Any], sizes: Any, preprocessing: Any, class_names: Sequence[str]
) -> dict[str, Any]:
    """What :func:`answer` gives and ``mask``, int32 [n, h, w], for pictures of one size.

    For n = 0 the empty mask has their size if ``sizes`` is [2], else [0, 1, 1].
    """
    import tensorflow as tf

    def one(row: tuple[Any, Any]) -> tuple[Any, Any, Any]:
        mask = _restored(row, preprocessing)
        encoded = tf.io.encode_png(mask[..., tf.newaxis])
        return mask, encoded, _fraction(mask, len(class_names))

    probabilities = tf.convert_to_tensor(outputs["mask"], tf.float32)
    count = tf.shape(probabilities)[0]
    sizes = tf.convert_to_tensor(sizes, tf.int32)
    if sizes.shape.rank == 1:
        sizes = sizes[tf.newaxis]
    # No rows give map_fn no size to stack masks of, so that one blank row is put in.
    rows = tf.maximum(count, 1)
    probabilities = tf.pad(probabilities, tf.scatter_nd([[0, 1]], [rows - count], [4, 2]))
    sizes = tf.cond(tf.shape(sizes)[0] > 0, lambda: sizes, lambda: tf.ones([1, 2], tf.int32))
    signature = (
        tf.TensorSpec([None, None], tf.uint8),
        tf.TensorSpec([], tf.string),
        tf.TensorSpec([len(class_names)], tf.float32),
    )
    masks, pictures, fraction = tf.map_fn(
        one, (probabilities, tf.broadcast_to(sizes, [rows, 2])), fn_output_signature=signature
    )
    return _served(pictures[:count], fraction[:count], class_names) | {
        "mask": tf.cast(masks[:count], tf.int32)
    }


def _restored(row: tuple[Any, Any], preprocessing: Any) -> Any:
    import tensorflow as tf

    return tf.ensure_shape(preprocessing.restore_mask(*row), [None, None])


def _fraction(mask: Any, classes: int) -> Any:
    import tensorflow as tf

    ids = tf.reshape(tf.cast(mask, tf.int32), [-1])
    counts = tf.math.bincount(ids, minlength=classes, maxlength=classes)
    return tf.cast(counts / tf.size(ids), tf.float32)


def _served(pictures: Any, fraction: Any, class_names: Sequence[str]) -> dict[str, Any]:
    import tensorflow as tf

    return {
        "mask_bytes": pictures,
        "classes": tf.broadcast_to(tf.constant(list(class_names)), tf.shape(fraction)),
        "fraction": fraction,
    }


def example_score(truth: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    """Mean IoU over the classes in this picture's truth or answer, ignored pixels left out.

    1 where all pixels are ignored: nothing was wrong.
    """
    from zoo.preprocess import IGNORE

    wanted, given = np.asarray(truth["mask"]), np.asarray(answer["mask"])
    valid = wanted != IGNORE
    wanted, given = wanted[valid], given[valid]
    scores = []
    for id_ in np.union1d(wanted, given):
        in_truth, in_answer = wanted == id_, given == id_
        scores.append(np.sum(in_truth & in_answer) / np.sum(in_truth | in_answer))
    return float(np.mean(scores)) if scores else 1.0


SEGMENTATION = Task(
    name="segmentation",
    summary="a class for every pixel",
    targets=("mask",),
    output_layer="1x1 convolution, softmax over k >= 2 classes for each pixel",
    loss_text="cross-entropy + Dice (cross_entropy_weight, dice_weight, label_smoothing)",
    metrics_text="mean IoU, IoU of each class, pixel accuracy",
    served=("mask_bytes", "classes", "fraction"),
    score="mean_iou",
    make_loss=loss,
    metrics=metrics,
    answer=answer,
    answer_pixels=answer_pixels,
    example_score=example_score,
    draw=draw_mask,
)
