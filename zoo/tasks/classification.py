"""Classification: one label for the whole picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.tasks.drawing import draw_label
from zoo.tasks.losses import (
    Alpha,
    ClassWeights,
    Part,
    Smoothing,
    Weight,
    class_numbers,
    focal_factor,
)
from zoo.tasks.task import Task


def loss(
    class_names: Sequence[str],
    /,
    *,
    label_smoothing: Smoothing = 0.0,
    focal_gamma: Weight = 0.0,
    focal_alpha: Alpha | None = None,
    class_weights: ClassWeights = None,
):
    """Cross-entropy, or focal loss.

    Args:
        class_names: Of k >= 2 classes.
        label_smoothing: The share of the target spread evenly over the classes.
        focal_gamma: Above 0, cross-entropy times ``(1 - p)^gamma``, p being the probability of
            the true class: focal loss (Lin et al. 2017), whose authors take 2.
        focal_alpha: Of two classes, the factor 0..1 of the second; that of the first is the
            rest.
        class_weights: Numbers by class name, 1 for a class that is not named; the mean is
            divided by the weights of the labels in the batch. ``"balanced"`` is pictures /
            (classes * pictures of the class), counted in the training data.

    Returns:
        A function as :attr:`Task.make_loss` describes it; parts: none but ``loss``.

    Raises:
        UserError: If the weights are of other classes, or alpha is of more than two.
    """
    entropy = class_entropy(
        class_names, label_smoothing, focal_gamma, focal_alpha, class_weights, "classification"
    )

    def of(targets: Mapping[str, Any], outputs: Mapping[str, Any], weight: Any) -> dict[str, Any]:
        return {"loss": entropy(targets, outputs, weight)}

    return of


def class_entropy(
    class_names: Sequence[str],
    label_smoothing: float,
    gamma: float,
    alpha: float | None,
    class_weights: Mapping[str, float] | str | None,
    task: str,
) -> Part:
    """Returns cross-entropy or focal loss of the target and the output ``"class"``."""
    from zoo.losses import Focal

    entropy = Focal(
        gamma,
        focal_factor(alpha, class_names, task),
        class_numbers(class_weights, class_names, f"the {task} loss"),
        label_smoothing,
        ignore=None,
    )
    return lambda targets, outputs, weight: entropy.weighted(
        targets["class"], outputs["class"], weight
    )


def metrics(class_names: Sequence[str]) -> dict[str, tuple[str, Any]]:
    """Accuracy; top-5 accuracy above five classes, top-3 with four or five."""
    import keras

    found: dict[str, tuple[str, Any]] = {
        "accuracy": ("class", keras.metrics.SparseCategoricalAccuracy("accuracy"))
    }
    for k in (5, 3):
        if len(class_names) > k:
            name = f"top_{k}_accuracy"
            found[name] = ("class", keras.metrics.SparseTopKCategoricalAccuracy(k, name=name))
            break
    return found


def answer(
    outputs: Mapping[str, Any], sizes: Any, preprocessing: Any, class_names: Sequence[str]
) -> dict[str, Any]:
    """The served outputs: label, score, classes, probabilities (see :class:`Task`)."""
    import tensorflow as tf

    probabilities = tf.convert_to_tensor(outputs["class"], tf.float32)
    names = tf.constant(list(class_names))
    return {
        "label": tf.gather(names, tf.argmax(probabilities, axis=-1)),
        "score": tf.reduce_max(probabilities, axis=-1),
        "classes": tf.broadcast_to(names, tf.shape(probabilities)),
        "probabilities": probabilities,
    }


def example_score(truth: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    """The probability given to the true class; 0 for an unreadable picture's NaN."""
    return float(np.nan_to_num(np.asarray(answer["probabilities"])[int(truth["class"])]))


CLASSIFICATION = Task(
    name="classification",
    summary="one label for the whole picture",
    targets=("class",),
    output_layer="dense, softmax over k >= 2 classes",
    loss_text=(
        "cross-entropy (label_smoothing, class_weights), or focal loss (focal_gamma, focal_alpha)"
    ),
    metrics_text="accuracy, top-5 accuracy (top-3 with 4 or 5 classes)",
    served=("label", "score", "classes", "probabilities"),
    score="accuracy",
    make_loss=loss,
    metrics=metrics,
    answer=answer,
    answer_pixels=answer,
    example_score=example_score,
    draw=draw_label,
)
