"""Classification: one label for the whole picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.tasks.drawing import draw_label
from zoo.tasks.task import Smoothing, Task, mean


def loss(classes: int, /, *, label_smoothing: Smoothing = 0.0):
    """Cross-entropy.

    Args:
        classes: k >= 2.
        label_smoothing: The share of the target spread evenly over the classes.

    Returns:
        A function as :attr:`Task.make_loss` describes it; parts: none but ``loss``.
    """
    entropy = class_entropy(classes, label_smoothing)

    def of(targets: Mapping[str, Any], outputs: Mapping[str, Any], weight: Any) -> dict[str, Any]:
        return {"loss": entropy(targets["class"], outputs["class"], weight)}

    return of


def class_entropy(classes: int, label_smoothing: float):
    """Returns cross-entropy as a function of int labels [n], logits [n, k] and weights.

    It is the mean over the examples, each times its weight, float [n]; ``None`` is 1.
    """
    import keras

    # Keras' sparse cross-entropy knows no smoothing, and one-hot labels, unlike masks, are
    # small. Its own reduction would divide by the number of replicas, hence none.
    entropy = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=label_smoothing, reduction="none"
    )

    def of(labels: Any, logits: Any, weight: Any) -> Any:
        return mean(entropy(keras.ops.one_hot(labels, classes), logits), weight)

    return of


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
    loss_text="cross-entropy (label_smoothing)",
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
