"""The training loop: one for one device or several, with Keras optimizers and metrics.

A custom loop over ``tf.distribute`` because ``fit`` breaks under several workers and
cannot resume exactly.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.adversarial.perturb import perturb
from zoo.tasks import Task
from zoo.training.recompute import Recomputed
from zoo.training.sections import AdversarialOptions
from zoo.training.update import Update

# Keeps the random starts apart from whatever else is drawn from a run's seed.
_STREAM = 0xADE


class Loop:
    """Trains and measures one network.

    Args:
        network: Takes uint8 or float32 pictures [n, h, w, c], gives logits.
        task: The task it is trained for.
        class_names: Of the data set.
        loss_options: Options of the task's loss.
        optimizer: Built here for the network's variables.
        strategy: Under whose scope network and optimizer were made.
        adversarial: How the pictures to train on are attacked; ``None``: they are not.
        seed: Of the attacks' random starts.
        accumulate: Steps that make an update.
        ema: Decay of the weights' average; ``None`` for none.
        remat: Compute feature maps again on the way back rather than keep them all.

    Attributes:
        update: What becomes of gradients.
    """

    def __init__(
        self,
        network: keras.Model,
        task: Task,
        class_names: tuple[str, ...],
        loss_options: Mapping[str, Any],
        optimizer: keras.Optimizer,
        strategy: tf.distribute.Strategy,
        adversarial: AdversarialOptions | None = None,
        seed: int = 0,
        accumulate: int = 1,
        ema: float | None = None,
        remat: bool = False,
    ):
        self.network = network
        self.optimizer = optimizer
        self._forward: Any = Recomputed(network) if remat else partial(network, training=True)
        self._adversarial = adversarial
        self._key = int(np.random.SeedSequence([seed, _STREAM]).generate_state(1)[0] >> 1)
        self._task = task
        self._strategy = strategy
        with strategy.scope():
            self.update = Update(network, optimizer, strategy, accumulate, ema)
            self._loss = task.loss(class_names, **loss_options)
            self._metrics = {mode: task.metrics(class_names) for mode in ("train", "validation")}
        self._train_step = tf.function(self._make_step("train"), reduce_retracing=True)
        self._validation_step = tf.function(self._make_step("validation"), reduce_retracing=True)

    def train(
        self, batches: tf.data.Dataset, on_step: Callable[[tf.Tensor], Any] = lambda loss: None
    ) -> dict[str, float]:
        """Trains on batches, one step each.

        Args:
            batches: Of prepared examples, as :mod:`zoo.data.pipeline` gives them.
            on_step: Called after each step with its loss, a float32 scalar.

        Returns:
            Mean losses and metrics over these batches.
        """
        return self._over(batches, "train", self._train_step, on_step)

    def validate(
        self, batches: tf.data.Dataset, on_step: Callable[[tf.Tensor], Any] = lambda loss: None
    ) -> dict[str, float]:
        """Measures losses and metrics on batches and leaves the network as it is."""
        return self._over(batches, "validation", self._validation_step, on_step)

    def running(self, metric: str) -> float:
        """Returns a metric over the training steps of the epoch so far."""
        return float(self._metrics["train"][metric][1].result())

    def _over(self, batches, mode, step, on_step) -> dict[str, float]:
        for _, metric in self._metrics[mode].values():
            metric.reset_state()
        sums: dict[str, tf.Tensor] = {}
        total = tf.constant(0.0)
        for batch in self._strategy.experimental_distribute_dataset(batches):
            count, parts = step(batch)
            # Tensors, not numbers: reading each one would wait for the device every step.
            sums = {name: sums.get(name, 0.0) + value * count for name, value in parts.items()}
            total += count
            on_step(parts["loss"])
        means = {name: float(value / total) for name, value in sums.items()}
        return means | self._task.results(self._metrics[mode])

    def _make_step(self, mode: str):
        replicas = self._strategy.num_replicas_in_sync

        def on_replica(batch):
            images = tf.cast(batch["image"], tf.float32)
            if mode == "train":
                images = self._attacked(images, batch)
                with tf.GradientTape() as tape:
                    outputs = self._forward(images)
                    parts = self._loss(batch, outputs)
                    # Gradients of the replicas are summed, so that each contributes its share.
                    shared = parts["loss"] / replicas
                self.update.add(tape.gradient(shared, self.network.trainable_variables))
            else:
                outputs = self.network(images, training=False)
                parts = self._loss(batch, outputs)
            count = tf.cast(tf.shape(images)[0], tf.float32)
            for key, metric in self._metrics[mode].values():
                metric.update_state(batch[key], outputs[key])
            return count, parts

        def step(batch):
            count, parts = self._strategy.run(on_replica, args=(batch,))
            if mode == "train":
                self.update.finish()
            mean = {
                name: self._strategy.reduce("MEAN", value, axis=None)
                for name, value in parts.items()
            }
            return self._strategy.reduce("SUM", count, axis=None), mean

        return step

    def _attacked(self, images: tf.Tensor, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the pictures, the first of them attacked: which ones is the order's chance.

        The network is asked as it would answer: normalization by its moving statistics, no
        dropout. So an attack changes no variable and sees one picture at a time, clean and
        attacked pictures share the statistics of the one step that follows (Kurakin et al.
        2017), and clean accuracy suffers less (Pang et al. 2021, arXiv:2010.00467).
        """
        attack = self._adversarial
        if attack is None:
            return images
        length = tf.shape(images)[0]
        count = tf.cast(tf.floor(attack.share * tf.cast(length, tf.float32) + 0.5), tf.int32)
        count = tf.clip_by_value(count, 1, length)
        targets = {key: value[:count] for key, value in batch.items()}

        def loss(pixels: tf.Tensor) -> tf.Tensor:
            return self._loss(targets, self.network(pixels, training=False))["loss"]

        # The count of steps is saved: a resumed run draws the same starts.
        step = tf.cast(self.update.steps(), tf.int32)
        context: Any = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group
        seed: Any = tf.random.fold_in(tf.stack([tf.constant(self._key), step]), replica)
        moved = perturb(attack, images[:count], loss, seed)
        return tf.ensure_shape(tf.concat([moved, images[count:]], 0), images.shape)
