"""Segmentation: a class for every pixel."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.errors import UserError
from zoo.tasks.drawing import draw_mask
from zoo.tasks.losses import (
    Alpha,
    ClassWeights,
    Part,
    Positive,
    Smoothing,
    Weight,
    class_numbers,
    focal_factor,
    summed,
)
from zoo.tasks.task import Sums, Task


def loss(
    class_names: Sequence[str],
    /,
    *,
    cross_entropy_weight: Weight = 1.0,
    dice_weight: Weight = 1.0,
    focal_weight: Weight = 0.0,
    focal_gamma: Weight = 2.0,
    focal_alpha: Alpha | None = None,
    tversky_weight: Weight = 0.0,
    tversky_alpha: Weight = 0.3,
    tversky_beta: Weight = 0.7,
    lovasz_weight: Weight = 0.0,
    boundary_weight: Weight = 0.0,
    boundary_w0: Weight = 10.0,
    boundary_sigma: Positive = 5.0,
    boundary_background: str | None = None,
    label_smoothing: Smoothing = 0.0,
    class_weights: ClassWeights = None,
):
    """Cross-entropy plus soft Dice over the pixels that are not ignored.

    Cross-entropy learns fast but weighs classes by their pixels; Dice weighs small and
    large classes alike, as mean IoU does (the sum is nnU-Net's, Isensee et al. 2021).

    Args:
        class_names: Of k >= 2 classes.
        cross_entropy_weight: Of ``cross_entropy``, the mean over valid pixels.
        dice_weight: Of ``dice``, the mean over the classes in the batch. A part of weight 0
            is not computed.
        focal_weight: Of ``focal`` (Lin et al. 2017), the mean over valid pixels of their
            cross-entropy times ``(1 - p)^gamma``, p being the probability of the true class.
        focal_gamma: How little what is right already counts.
        focal_alpha: Of two classes, the factor 0..1 of the second; that of the first is the
            rest.
        tversky_weight: Of ``tversky`` (Salehi et al. 2017), the mean over the classes in the
            batch.
        tversky_alpha: What a false positive costs; with both 1/2 it is Dice.
        tversky_beta: What a false negative costs.
        lovasz_weight: Of ``lovasz`` (Berman et al. 2018), the mean over the classes in the
            batch of what IoU would lose. It sorts all pixels for each class.
        boundary_weight: Of ``boundary`` (Ronneberger et al. 2015), cross-entropy in which
            pixels at borders between classes count more.
        boundary_w0: How much more.
        boundary_sigma: Within how many pixels of a border, as the sigma of a Gaussian. Borders
            are looked for up to 4 sigma away, and time grows with it.
        boundary_background: The class that lies between cells, each a connected region of
            another class: what counts more are the gaps between two cells, the more the
            narrower, not all borders.
        label_smoothing: The share of the target of cross-entropy and focal loss that is spread
            evenly over the classes.
        class_weights: What a pixel counts in cross-entropy, focal loss and at borders: numbers
            by class name, 1 for a class that is not named; the mean is divided by the weights
            of the valid pixels. ``"balanced"`` is pixels / (classes * pixels of the class),
            counted in the training data.

    Returns:
        A function as :attr:`Task.make_loss` describes it.

    Raises:
        UserError: If no weight is above 0, the class weights or the background are of other
            classes, or alpha is of more than two.
    """
    from zoo import losses
    from zoo.preprocess import IGNORE

    weights = class_numbers(class_weights, class_names, "the segmentation loss")
    alpha = focal_factor(focal_alpha, class_names, "segmentation")
    if tversky_weight and not (tversky_alpha or tversky_beta):
        raise UserError(
            "the segmentation loss's tversky_alpha and tversky_beta are both 0, which costs no "
            "mistake anything; raise one of them"
        )
    entropy = losses.MaskCrossEntropy(IGNORE, True, label_smoothing, weights)
    focal = losses.Focal(focal_gamma, alpha, weights, label_smoothing, IGNORE)
    boundary = losses.BoundaryCrossEntropy(
        boundary_w0,
        boundary_sigma,
        weights,
        IGNORE,
        background=_number(boundary_background, class_names),
    )
    return summed(
        {
            "cross_entropy": (cross_entropy_weight, _of_masks(entropy)),
            "dice": (dice_weight, _of_masks(losses.Dice(IGNORE))),
            "focal": (focal_weight, _of_masks(focal)),
            "tversky": (
                tversky_weight,
                _of_masks(losses.Tversky(tversky_alpha, tversky_beta, IGNORE)),
            ),
            "lovasz": (lovasz_weight, _of_masks(losses.LovaszSoftmax(IGNORE))),
            "boundary": (boundary_weight, _of_masks(boundary)),
        },
        "the segmentation loss",
    )


def _number(background: str | None, class_names: Sequence[str]) -> int | None:
    if background is None:
        return None
    if background not in class_names:
        raise UserError(
            f"the segmentation loss's boundary_background is {background!r}, which is no class of "
            f"the data ({', '.join(class_names)})"
        )
    return list(class_names).index(background)


def _of_masks(loss: Any) -> Part:
    return lambda targets, outputs, weight: loss.weighted(targets["mask"], outputs["mask"], weight)


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
        return encoded(preprocessing.restore_mask(*row), len(class_names))

    probabilities = tf.convert_to_tensor(outputs["mask"], tf.float32)
    count = tf.shape(probabilities)[0]
    signature = (tf.TensorSpec([], tf.string), tf.TensorSpec([len(class_names)], tf.float32))
    pictures, fraction = tf.map_fn(
        one, (probabilities, tf.broadcast_to(sizes, [count, 2])), fn_output_signature=signature
    )
    return served(pictures, fraction, class_names)


def answer_pixels(
    outputs: Mapping[str, Any], sizes: Any, preprocessing: Any, class_names: Sequence[str]
) -> dict[str, Any]:
    """What :func:`answer` gives and ``mask``, int32 [n, h, w], for pictures of one size.

    For n = 0 the empty mask has their size if ``sizes`` is [2], else [0, 1, 1].
    """
    import tensorflow as tf

    probabilities = tf.convert_to_tensor(outputs["mask"], tf.float32)
    sizes = tf.convert_to_tensor(sizes, tf.int32)
    size = sizes
    if sizes.shape.rank == 2:
        size = tf.concat([sizes, [[1, 1]]], 0)[0]
    masks = preprocessing.restore_masks(probabilities, size)
    classes = len(class_names)
    # Ops of their own for each output: a server runs those that a request asks for.
    pictures, fraction = (
        tf.map_fn(one, masks, fn_output_signature=signature)
        for one, signature in (
            (_png, tf.TensorSpec([], tf.string)),
            (lambda mask: _fraction(mask, classes), tf.TensorSpec([classes], tf.float32)),
        )
    )
    answers = served(pictures, fraction, class_names)
    return answers | {"mask": tf.cast(masks, tf.int32)}


def _fraction(mask: Any, classes: int) -> Any:
    """The share of each class, float32 [k], of a mask, uint8 [h, w]."""
    import tensorflow as tf

    # In two thirds of the time that tf.math.bincount takes.
    counts = tf.raw_ops.Bincount(
        arr=tf.reshape(tf.cast(mask, tf.int32), [-1]), size=classes, weights=tf.zeros([0], tf.int32)
    )
    return tf.cast(counts / tf.size(mask), tf.float32)


def _png(mask: Any) -> Any:
    """A mask, uint8 [h, w], as PNG, a string scalar."""
    import tensorflow as tf

    # By half as large again as by default, in two thirds of the time.
    return tf.io.encode_png(mask[..., tf.newaxis], compression=1)


def encoded(mask: Any, classes: int) -> tuple[Any, Any]:
    """Returns a mask, uint8 [h, w], as PNG, a string scalar, and the share of each class, [k]."""
    return _png(mask), _fraction(mask, classes)


def served(pictures: Any, fraction: Any, class_names: Sequence[str]) -> dict[str, Any]:
    """Returns the served outputs for masks as PNG, string [n], and shares, float32 [n, k]."""
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


def _one_mask(_: Mapping[str, Any], __: Mapping[str, Any], confusion: np.ndarray) -> np.ndarray:
    """Returns of each class the pixels that are right, true and answered, [3 * k]."""
    return np.concatenate([confusion.diagonal(), confusion.sum(1), confusion.sum(0)])


def _of_all_masks(sums: np.ndarray) -> dict[str, np.ndarray]:
    hits, true, answered = np.split(sums, 3, axis=1)
    union = true + answered - hits
    occurring = np.maximum(np.count_nonzero(union, axis=1), 1)
    return {
        "mean_iou": np.sum(hits / np.maximum(union, 1), axis=1) / occurring,
        "pixel_accuracy": hits.sum(1) / np.maximum(true.sum(1), 1),
    }


SEGMENTATION = Task(
    name="segmentation",
    summary="a class for every pixel",
    targets=("mask",),
    output_layer="1x1 convolution, softmax over k >= 2 classes for each pixel",
    loss_text=(
        "cross-entropy (cross_entropy_weight, label_smoothing, class_weights) + Dice "
        "(dice_weight); focal loss (focal_weight, focal_gamma, focal_alpha), Tversky "
        "(tversky_weight, tversky_alpha, tversky_beta), Lovasz-softmax (lovasz_weight), "
        "cross-entropy at borders (boundary_weight, boundary_w0, boundary_sigma, "
        "boundary_background)"
    ),
    metrics_text="mean IoU, IoU of each class, pixel accuracy",
    served=("mask_bytes", "classes", "fraction"),
    score="mean_iou",
    make_loss=loss,
    metrics=metrics,
    answer=answer,
    answer_pixels=answer_pixels,
    example_score=example_score,
    draw=draw_mask,
    sums=Sums(_one_mask, _of_all_masks),
)
