"""The training loop: one for one device or several, with Keras optimizers and metrics.

A custom loop over ``tf.distribute`` because ``fit`` breaks under several workers and
cannot resume exactly.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.adversarial.perturb import perturb
from zoo.tasks import Task
from zoo.training.recipe import Recipe
from zoo.training.sections import AdversarialOptions

_UNDECAYED = ["bias", "gamma", "beta"]
# Keeps the random starts apart from whatever else is drawn from a run's seed.
_STREAM = 0xADE


def make_optimizer(recipe: Recipe, steps: int) -> keras.Optimizer:
    """Returns AdamW (Loshchilov & Hutter 2019) under a cosine schedule with warm-up.

    Args:
        recipe: Gives the peak rate, the share of warm-up and the weight decay, which
            leaves biases and normalization alone.
        steps: Of the whole run.
    """
    warmup = round(recipe.warmup * steps)
    if warmup:
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0,
            decay_steps=max(1, steps - warmup),
            warmup_target=recipe.learning_rate,
            warmup_steps=warmup,
        )
    else:
        rate = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, max(1, steps))
    # Keras declares a float here and documents a schedule too.
    scheduled: Any = rate
    optimizer = keras.optimizers.AdamW(scheduled, weight_decay=recipe.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=_UNDECAYED)
    return optimizer


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
    ):
        self.network = network
        self.optimizer = optimizer
        self._adversarial = adversarial
        self._key = int(np.random.SeedSequence([seed, _STREAM]).generate_state(1)[0] >> 1)
        self._task = task
        self._strategy = strategy
        with strategy.scope():
            optimizer.build(network.trainable_variables)
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
                    outputs = self.network(images, training=True)
                    parts = self._loss(batch, outputs)
                    # Gradients of the replicas are summed, so that each contributes its share.
                    shared = parts["loss"] / replicas
                variables = self.network.trainable_variables
                gradients = tape.gradient(shared, variables)
                self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
            else:
                outputs = self.network(images, training=False)
                parts = self._loss(batch, outputs)
            count = tf.cast(tf.shape(images)[0], tf.float32)
            for key, metric in self._metrics[mode].values():
                metric.update_state(batch[key], outputs[key])
            return count, parts

        def step(batch):
            count, parts = self._strategy.run(on_replica, args=(batch,))
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

        # The count of steps is saved with the optimizer: a resumed run draws the same starts.
        taken: Any = self.optimizer.iterations
        step = tf.cast(tf.convert_to_tensor(taken.value), tf.int32)
        context: Any = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group
        seed: Any = tf.random.fold_in(tf.stack([tf.constant(self._key), step]), replica)
        moved = perturb(attack, images[:count], loss, seed)
        return tf.ensure_shape(tf.concat([moved, images[count:]], 0), images.shape)
