"""The training loop: one for one device or several, with Keras optimizers and metrics.

A custom loop over ``tf.distribute`` because ``fit`` breaks under several workers and
cannot resume exactly.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.adversarial.perturb import perturb
from zoo.losses.parts import added_by
from zoo.tasks import Task
from zoo.training.checkpoint import variables_of
from zoo.training.cluster import Group
from zoo.training.recompute import Recomputed
from zoo.training.replicas import Batches, EachDevice, distributed
from zoo.training.schedule import Scaled
from zoo.training.sections import AdversarialOptions
from zoo.training.steps import COUNT, Fused, OneByOne
from zoo.training.update import Update

OnSteps = Callable[[tf.Tensor, int], bool | None]

# How many things workers can wish for in a step.
_WISHES = 3
# Keeps the random starts apart from whatever else is drawn from a run's seed.
_STREAM = 0xADE


def _go_on(loss: tf.Tensor, steps: int) -> None:
    """Asks for the next steps."""


def _any() -> int:
    """Allows any number of steps at once."""
    return sys.maxsize


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
        scaled: Scale the loss, as gradients in float16 need it.
        group: Whose strategy it is; this process alone unless given.

    Attributes:
        update: What becomes of gradients.
        waited: Seconds that the last epoch, or what was left of it, waited for batches.
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
        scaled: bool = False,
        group: Group | None = None,
    ):
        self.network = network
        self.optimizer = optimizer
        self._forward: Any = Recomputed(network) if remat else partial(network, training=True)
        self._adversarial = adversarial
        self._key = int(np.random.SeedSequence([seed, _STREAM]).generate_state(1)[0] >> 1)
        self._task = task
        self._strategy = strategy
        self._group = group = group or Group(strategy)
        self._wishes = np.zeros(_WISHES, np.float32)
        # Of the last step and the one before it.
        self._heard: tuple[Any, Any] = (self._wishes, self._wishes)
        with strategy.scope():
            self.update = Update(network, optimizer, strategy, accumulate, ema, scaled)
            self._loss = task.loss(class_names, **loss_options)
            self._metrics = {mode: task.metrics(class_names) for mode in ("train", "validation")}
        self._known_steps: dict[tuple[str, str], Fused | OneByOne] = {}
        metrics = [
            variable
            for _, metric in self._metrics["train"].values()
            for variable in metric.variables
        ]
        self._each_device = [
            EachDevice(variable, group) for variable in (*self.update.sums, *metrics)
        ]
        self._sums: dict[str, Any] = {}
        self.waited = 0.0

    @property
    def variables(self) -> dict[str, Any]:
        """Everything that a training step changes, as a checkpoint takes it."""
        others = [*self.update.shared_variables, *self._each_device]
        # Another rate than a recipe's is the optimizer's own, or a function of its steps.
        factors = [self._rate.factor] if isinstance(self._rate, Scaled) else []
        return variables_of(self.network, self.optimizer, [*others, *factors])

    @property
    def rate_factor(self) -> keras.Variable:
        """What the learning rate of a recipe's schedule is multiplied by."""
        return self._rate.factor

    @property
    def _rate(self) -> Any:
        optimizer: Any = self.optimizer
        return optimizer._learning_rate

    @property
    def sums(self) -> dict[str, float]:
        """What the losses of the epoch's training steps add up to, by name."""
        return {name: float(value) for name, value in self._sums.items()}

    def agreed(self, *wishes: bool) -> tuple[bool, ...]:
        """Says what any worker wishes, alike on all of them after the same step.

        Wishes travel with what a step sends around anyway: other workers hear of them two steps
        later, when nothing has to wait for that. A single one is heard at once.

        Args:
            *wishes: What this worker wishes now.
        """
        if self._group.workers == 1:
            return wishes
        self._wishes = np.array([*wishes, *[0] * (_WISHES - len(wishes))], np.float32)
        return tuple(bool(wish) for wish in np.asarray(self._heard[1])[: len(wishes)])

    def train(
        self,
        batches: Batches,
        on_steps: OnSteps = _go_on,
        sums: Mapping[str, float] | None = None,
        most: Callable[[], int] = _any,
    ) -> dict[str, float]:
        """Trains on batches, one step each.

        Args:
            batches: Of prepared examples, as :mod:`zoo.data.pipeline` gives them; several
                workers take a function.
            on_steps: Called after one step or several, as pass within about a tenth of a second,
                with the loss of the last, a float32 scalar, and how many they were; what it
                returns says whether to end here.
            sums: Where the epoch was begun already, what :attr:`sums` was; the metrics then are
                as a checkpoint restored them. Without it both begin anew.
            most: Says, before each time, how many steps may be taken until `on_steps` is called.

        Returns:
            Mean losses and metrics over the epoch's batches.
        """
        if not sums:
            self._reset("train")
        self._sums = {name: tf.constant(value, tf.float32) for name, value in (sums or {}).items()}
        return self._over(batches, "train", self._sums, on_steps, most)

    def validate(self, batches: Batches, on_steps: OnSteps = _go_on) -> dict[str, float]:
        """Measures losses and metrics on batches and leaves the network as it is."""
        self._reset("validation")
        return self._over(batches, "validation", {}, on_steps, _any)

    def running(self, metric: str) -> float:
        """Returns a metric over the training steps of the epoch so far; all workers are to ask."""
        return float(self._metrics["train"][metric][1].result())

    def _reset(self, mode: str) -> None:
        for _, metric in self._metrics[mode].values():
            metric.reset_state()

    def _over(self, batches, mode, sums, on_steps, most) -> dict[str, float]:
        data, left = distributed(batches, self._strategy)
        iterator = iter(data)
        steps = self._steps(mode, iterator.element_spec)
        self.waited = 0.0
        while left is None or left > 0:
            # Not one more than there are batches for, as far as that is known.
            taken = steps.take(iterator, sums, 1 if left is None else min(left, most()))
            if taken is None:
                break
            left = None if left is None else left - taken.steps
            self.waited += taken.waited
            sums.update(taken.sums)
            if on_steps(taken.loss, taken.steps):
                break
        means = {name: float(value / sums[COUNT]) for name, value in sums.items() if name != COUNT}
        return means | self._task.results(self._metrics[mode])

    def _steps(self, mode: str, spec: Any) -> Fused | OneByOne:
        """Returns what takes steps with batches of a specification."""
        known = self._known_steps.get((mode, repr(spec)))
        if known is None:
            step: Any = self._make_step(mode)
            if self._strategy.num_replicas_in_sync == 1:
                known = Fused(step, spec, self._wish())
            else:
                known = OneByOne(step, spec, self._wish, self._hear)
            self._known_steps[mode, repr(spec)] = known
        return known

    def _wish(self) -> tf.Tensor:
        return tf.constant(self._wishes)

    def _hear(self, wishes: tf.Tensor) -> None:
        self._heard = (wishes, self._heard[0])

    def _make_step(self, mode: str):
        strategy: Any = self._strategy
        several = strategy.num_replicas_in_sync > 1

        def over_all(values: Any) -> Any:
            context: Any = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.SUM, values) if several else values

        def loss(batch, outputs):
            with added_by(over_all if several else None):
                return self._loss(batch, outputs)

        def on_replica(batch, wishes):
            images = tf.cast(batch["image"], tf.float32)
            count = tf.cast(tf.shape(images)[0], tf.float32)
            total = over_all(count)
            # What this device's part is of the batch: means of the parts then add up to the
            # batch's, however it was divided.
            share = count / total
            if mode == "train":
                images = self._attacked(images, batch)
                with tf.GradientTape() as tape:
                    outputs = self._forward(images)
                    parts = loss(batch, outputs)
                    shared = self.update.scaled(parts["loss"] * share)
                gradients, spoiled = self.update.gradients(tape, shared)
            else:
                gradients, spoiled = (), tf.zeros([0])
                outputs = self.network(images, training=False)
                parts = loss(batch, outputs)
            for key, metric in self._metrics[mode].values():
                metric.update_state(batch[key], outputs[key])
            values = [tf.cast(value, tf.float32) * share for value in parts.values()]
            sent = over_all(tf.concat([tf.stack(values), wishes, spoiled], 0))
            means = dict(zip(parts, tf.unstack(sent[: len(parts)], len(parts)), strict=True))
            heard, spoiled = tf.split(sent[len(parts) :], [_WISHES, -1])
            return gradients, (total, means, heard, spoiled)

        def step(batch, wishes):
            gradients, found = strategy.run(on_replica, args=(batch, wishes))
            # The same on every device.
            *told, spoiled = tf.nest.map_structure(
                lambda value: strategy.experimental_local_results(value)[0], found
            )
            if mode == "train":
                self.update.finish(gradients, spoiled)
            return told

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
            found = self._loss(targets, self.network(pixels, training=False))["loss"]
            return self.update.scaled(found)

        # The count of steps is saved: a resumed run draws the same starts.
        step = tf.cast(self.update.steps(), tf.int32)
        context: Any = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group
        seed: Any = tf.random.fold_in(tf.stack([tf.constant(self._key), step]), replica)
        moved = perturb(attack, images[:count], loss, seed)
        return tf.ensure_shape(tf.concat([moved, images[count:]], 0), images.shape)
