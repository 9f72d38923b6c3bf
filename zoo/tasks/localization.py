"""Localization: the class and the box of the one object in the picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.errors import UserError
from zoo.tasks import classification
from zoo.tasks.drawing import draw_box
from zoo.tasks.task import Smoothing, Task, Weight, mean, weighted


def loss(
    classes: int,
    /,
    *,
    label_smoothing: Smoothing = 0.0,
    class_weight: Weight = 1.0,
    l1_weight: Weight = 5.0,
    giou_weight: Weight = 2.0,
):
    """Cross-entropy plus L1 plus generalized IoU, weighted as in DETR (Carion et al. 2020).

    L1 moves a box that does not meet the true one; generalized IoU measures small and
    large boxes alike, as mean IoU does.

    Args:
        classes: k >= 1; with one class there is no class loss.
        label_smoothing: The share of the target spread evenly over the classes.
        class_weight: Of ``class_loss``, the cross-entropy.
        l1_weight: Of ``box_l1``, the sum over the four edges of their distance in
            fractions of the model's input.
        giou_weight: Of ``box_giou``, 1 minus the generalized IoU.

    Returns:
        A function as :attr:`Task.make_loss` describes it.

    Raises:
        UserError: If no weight is above 0.
    """
    import keras

    from zoo.losses import GIoU

    if not (l1_weight or giou_weight or (class_weight and classes > 1)):
        raise UserError("the localization loss has no weight above 0; raise one of them")
    entropy = classification.class_entropy(classes, label_smoothing)
    giou = GIoU(reduction="none")

    def of(targets: Mapping[str, Any], outputs: Mapping[str, Any], weight: Any) -> dict[str, Any]:
        edges = keras.ops.sum(keras.ops.abs(outputs["box"] - targets["box"]), axis=-1)
        parts = {
            "box_l1": (l1_weight, mean(edges, weight)),
            "box_giou": (giou_weight, mean(giou(targets["box"], outputs["box"]), weight)),
        }
        if classes > 1:
            loss = entropy(targets["class"], outputs["class"], weight)
            parts["class_loss"] = (class_weight, loss)
        return weighted(parts)

    return of


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


LOCALIZATION = Task(
    name="localization",
    summary="the class and the box of the one object in the picture",
    targets=("class", "box"),
    output_layer="dense, softmax over k >= 1 classes; box of 4 fractions 0..1",
    loss_text="cross-entropy + L1 + GIoU (label_smoothing, class_weight, l1_weight, giou_weight)",
    metrics_text="mean IoU, share of IoU >= 0.5, accuracy",
    served=("label", "score", "classes", "probabilities", "box"),
    score="mean_iou",
    make_loss=loss,
    metrics=metrics,
    answer=answer,
    answer_pixels=answer,
    example_score=example_score,
    draw=draw_box,
)
