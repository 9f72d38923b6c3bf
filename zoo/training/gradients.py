"""How large the gradient of the loss is at each convolution's kernel."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import tensorflow as tf

from zoo.training.session import Session


def kernels(network: keras.Model) -> dict[str, keras.Variable]:
    """Returns the trainable convolution kernels by their layer's name, from the picture on.

    Args:
        network: A functional model without models inside.
    """
    found = {}
    for layer in network.layers:
        for variable in layer.trainable_weights:
            if variable.name.endswith("kernel") and len(variable.shape) == 4:
                # A separable convolution has two.
                name = layer.name if layer.name not in found else f"{layer.name}/{variable.name}"
                found[name] = variable
    return found


def gradient_norms(
    session: Session, batches: Iterable[Mapping[str, tf.Tensor]]
) -> dict[str, float]:
    """Measures the gradient of the training loss at each convolution kernel.

    Args:
        session: Whose network, with the weights it has now, and whose loss. Normalization goes
            by the batch, as it does in training; no picture is attacked.
        batches: Prepared examples, as :meth:`zoo.training.session.Session.epoch_batches` gives.

    Returns:
        By the layer's name, from the picture on, the Euclidean norm of the gradient of a batch's
        mean loss, averaged over the batches.
    """
    network = session.loop.network
    chosen = kernels(network)
    loss = session.task.loss(session.class_names, **session.recipe.loss)

    @tf.function(reduce_retracing=True, autograph=False)
    def norms_of(batch):
        with tf.GradientTape() as tape:
            outputs = network(tf.cast(batch["image"], tf.float32), training=True)
            value = loss(batch, outputs)["loss"]
        gradients: Any = tape.gradient(value, list(chosen.values()))
        return tf.stack([tf.norm(tf.cast(gradient, tf.float32)) for gradient in gradients])

    measured = tf.reduce_mean(tf.stack([norms_of(batch) for batch in batches]), axis=0)
    return dict(zip(chosen, measured.numpy().tolist(), strict=True))
