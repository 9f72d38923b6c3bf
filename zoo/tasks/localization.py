"""Localization: the class and the box of the one object in the picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.tasks import classification
from zoo.tasks.drawing import draw_box
from zoo.tasks.losses import (
    Alpha,
    ClassWeights,
    Part,
    Positive,
    Smoothing,
    Weight,
    mean,
    summed,
)
from zoo.tasks.task import Sums, Task


def loss(
    class_names: Sequence[str],
    /,
    *,
    label_smoothing: Smoothing = 0.0,
    focal_gamma: Weight = 0.0,
    focal_alpha: Alpha | None = None,
    class_weights: ClassWeights = None,
    class_weight: Weight = 1.0,
    l1_weight: Weight = 5.0,
    smooth_l1_weight: Weight = 0.0,
    smooth_l1_beta: Positive = 0.1,
    giou_weight: Weight = 2.0,
    diou_weight: Weight = 0.0,
    ciou_weight: Weight = 0.0,
):
    """Cross-entropy plus L1 plus generalized IoU, weighted as in DETR (Carion et al. 2020).

    L1 moves a box that does not meet the true one; generalized IoU measures small and
    large boxes alike, as mean IoU does.

    Args:
        class_names: Of k >= 1 classes; with one class there is no class loss.
        label_smoothing: As in classification.
        focal_gamma: As in classification.
        focal_alpha: As in classification.
        class_weights: As in classification: what each class counts in ``class_loss``.
        class_weight: Of ``class_loss``, the cross-entropy or focal loss.
        l1_weight: Of ``box_l1``, the sum over the four edges of their distance in
            fractions of the model's input.
        smooth_l1_weight: Of ``box_smooth_l1``, the same with the square of small distances
            (Girshick 2015).
        smooth_l1_beta: Below which distance, a fraction of the model's input.
        giou_weight: Of ``box_giou``, 1 minus the generalized IoU (Rezatofighi et al. 2019).
        diou_weight: Of ``box_diou``, 1 minus the distance-IoU (Zheng et al. 2020).
        ciou_weight: Of ``box_ciou``, 1 minus the complete IoU (Zheng et al. 2020).

    Returns:
        A function as :attr:`Task.make_loss` describes it.

    Raises:
        UserError: If no weight is above 0, the class weights are of other classes, or alpha
            is of more than two.
    """
    from zoo.losses import CIoU, DIoU, GIoU, SmoothL1

    entropy = classification.class_entropy(
        class_names, label_smoothing, focal_gamma, focal_alpha, class_weights, "localization"
    )
    none = "none"
    return summed(
        {
            "box_l1": (l1_weight, _of_boxes(SmoothL1(0.0, none))),
            "box_smooth_l1": (smooth_l1_weight, _of_boxes(SmoothL1(smooth_l1_beta, none))),
            "box_giou": (giou_weight, _of_boxes(GIoU(none))),
            "box_diou": (diou_weight, _of_boxes(DIoU(none))),
            "box_ciou": (ciou_weight, _of_boxes(CIoU(none))),
            "class_loss": (class_weight if len(class_names) > 1 else 0.0, entropy),
        },
        "the localization loss",
    )


def _of_boxes(loss: Any) -> Part:
    return lambda targets, outputs, weight: mean(loss(targets["box"], outputs["box"]), weight)


def metrics(class_names: Sequence[str]) -> dict[str, tuple[str, Any]]:
    """Mean IoU, share of boxes with IoU >= 0.5, and accuracy where there are classes."""
    import keras

    from zoo.metrics import BoxIoUAccuracy, BoxMeanIoU

    found: dict[str, tuple[str, Any]] = {
        "mean_iou": ("box", BoxMeanIoU("mean_iou")),
        "iou_50": ("box", BoxIoUAccuracy(0.5, "iou_50")),
    }
    if len(class_names) > 1:
        found["accuracy"] = ("class", keras.metrics.SparseCategoricalAccuracy("accuracy"))
    return found


def answer(
    outputs: Mapping[str, Any], sizes: Any, preprocessing: Any, class_names: Sequence[str]
) -> dict[str, Any]:
    """The served outputs: classification's and the box in original pixels (see :class:`Task`)."""
    import tensorflow as tf

    box = tf.convert_to_tensor(outputs["box"], tf.float32)
    sizes = tf.broadcast_to(sizes, [tf.shape(box)[0], 2])
    return classification.answer(outputs, sizes, preprocessing, class_names) | {
        "box": preprocessing.restore_box(box, sizes)
    }


def example_score(truth: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    """The IoU of the boxes in original pixels, whatever the label; 0 for a NaN box.

    The label is left out because a wrong one would hide how good the box is, and both are
    drawn.
    """
    first, second = (np.asarray(side["box"], np.float64) for side in (truth, answer))
    inner = np.clip(np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]), 0, None)
    union = np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - np.prod(inner)
    return float(np.prod(inner) / union) if union > 0 else 0.0


def _one_box(truth: Mapping[str, Any], answer: Mapping[str, Any], _: np.ndarray) -> np.ndarray:
    return np.array([1.0, example_score(truth, answer)])


def _of_all_boxes(sums: np.ndarray) -> dict[str, np.ndarray]:
    return {"mean_iou": sums[:, 1] / sums[:, 0]}


LOCALIZATION = Task(
    name="localization",
    summary="the class and the box of the one object in the picture",
    targets=("class", "box"),
    output_layer="dense, softmax over k >= 1 classes; box of 4 fractions 0..1",
    loss_text=(
        "cross-entropy or focal loss (class_weight, label_smoothing, class_weights, "
        "focal_gamma, focal_alpha) + L1 (l1_weight) + GIoU (giou_weight); smooth L1 "
        "(smooth_l1_weight, smooth_l1_beta), DIoU (diou_weight), CIoU (ciou_weight)"
    ),
    metrics_text="mean IoU, share of IoU >= 0.5, accuracy",
    served=("label", "score", "classes", "probabilities", "box"),
    score="mean_iou",
    make_loss=loss,
    metrics=metrics,
    answer=answer,
    answer_pixels=answer,
    example_score=example_score,
    draw=draw_box,
    sums=Sums(_one_box, _of_all_boxes),
)
