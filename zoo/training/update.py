"""What becomes of gradients: one update of the weights, every step or every few."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import tensorflow as tf

from zoo.training.average import WeightAverage
from zoo.training.loss_scale import LossScale, not_finite


class Update:
    """Turns the gradients of one step, or the mean of several steps', into an update.

    ``optimizer.iterations`` counts updates, and so does whatever depends on it: the schedule,
    Adam's bias correction, the average of the weights. With a loss scale a step whose gradients are
    not finite makes no update: it changes no weight, average or state of the optimizer's and counts
    as none, and the next one takes its place among those that are accumulated. What its forward
    pass did stays: batch normalization's statistics have moved, dropout has drawn, and its loss and
    metrics are among the epoch's.

    Keras' own ``gradient_accumulation_steps`` gives the same updates on one device. On several
    it fails: it decides within a replica whether to update, where TensorFlow allows no branch
    that gathers gradients. Also its schedules count batches.

    Args:
        network: The one to train.
        optimizer: Built here for the network's variables.
        strategy: Under whose scope network and optimizer were made.
        accumulate: Steps that make an update.
        ema: Decay of the weights' average; ``None`` for none.
        scaled: Take gradients of the loss times a factor, as float16 needs it.

    Attributes:
        sums: Of the gradients of steps that have made no update yet, each device its own.
    """

    def __init__(
        self,
        network: keras.Model,
        optimizer: keras.Optimizer,
        strategy: tf.distribute.Strategy,
        accumulate: int = 1,
        ema: float | None = None,
        scaled: bool = False,
    ):
        self._optimizer: Any = optimizer
        self._strategy = strategy
        self._trained: list[Any] = network.trainable_variables
        self._accumulate = accumulate
        self.sums: list[Any] = []
        self._batches: Any = None
        with strategy.scope():
            optimizer.build(self._trained)
            self._average = WeightAverage(network, ema) if ema is not None else None
            self._scale = LossScale() if scaled else None
            if accumulate > 1:
                self._batches = keras.Variable(
                    0, dtype="int64", trainable=False, aggregation="only_first_replica"
                )
                # Each replica its own sum: nothing is sent around before the update.
                self.sums = [
                    keras.Variable(
                        keras.ops.zeros(variable.shape, variable.dtype),
                        dtype=variable.dtype,
                        trainable=False,
                        synchronization="on_read",
                        aggregation="sum",
                    )
                    for variable in self._trained
                ]

    @property
    def variables(self) -> list[keras.Variable]:
        """What a checkpoint has to hold besides network and optimizer."""
        return [*self.shared_variables, *self.sums]

    @property
    def shared_variables(self) -> list[keras.Variable]:
        """Those of them that are the same on every device."""
        averages = self._average.variables if self._average else []
        scale = self._scale.variables if self._scale else []
        return [*averages, *([self._batches] if self.sums else []), *scale]

    @property
    def facts(self) -> dict[str, float]:
        """What there is to tell of the updates besides losses and rate, by name."""
        return {"loss_scale": self._scale.value} if self._scale else {}

    def begin(self) -> None:
        """Begins with the weights that the network has now."""
        if self._average:
            self._average.begin()

    def steps(self) -> tf.Tensor:
        """Returns how many steps were trained, an int64 scalar: the same after resuming."""
        counter = self._batches if self.sums else self._optimizer.iterations
        return tf.convert_to_tensor(counter.value)

    def averaged(self) -> AbstractContextManager[None]:
        """Puts the averages of the weights, if there are any, into the network for a while."""
        return self._average.swapped() if self._average else nullcontext()

    def scaled(self, loss: tf.Tensor) -> tf.Tensor:
        """Returns a loss, float32, times the loss scale, where there is one."""
        return self._scale.scaled(loss) if self._scale else loss

    def gradients(self, tape: tf.GradientTape, loss: tf.Tensor) -> tuple[list[Any], tf.Tensor]:
        """Takes the gradients of a step, within ``strategy.run``.

        Args:
            tape: That watched the step.
            loss: Each replica's share of the batch's, :meth:`scaled`.

        Returns:
            The gradients of the loss as it is, one for each trainable variable, in order; and how
            many of them are not finite, float32 [1], or [0] where nobody has to know.
        """
        gradients: Any = tape.gradient(loss, self._trained)
        if not self._scale:
            return gradients, tf.zeros([0])
        gradients = self._scale.unscaled(gradients)
        return gradients, not_finite(gradients)[tf.newaxis]

    def finish(self, gradients: list[Any], spoiled: tf.Tensor) -> None:
        """Ends a step: updates the weights if it is time; outside ``strategy.run``.

        Args:
            gradients: As :meth:`gradients` returned them.
            spoiled: What it returned besides, added up over all replicas.
        """
        if not self._scale:
            self._use(gradients)
            return
        finite = tf.equal(spoiled[0], 0.0)
        # Not within a replica, where TensorFlow allows no branch that gathers gradients.
        tf.cond(finite, lambda: self._use(gradients), lambda: None)
        self._scale.follow(finite)

    def _use(self, gradients: list[Any]) -> None:
        if not self.sums:
            self._strategy.run(self._apply, args=(gradients,))
            self._averages_follow()
            return
        self._strategy.run(self._add, args=(gradients,))
        self._batches.value.assign_add(1)
        due = tf.equal(self._batches.value % self._accumulate, 0)
        tf.cond(due, self._update_from_sums, lambda: None)

    def _add(self, gradients: list[Any]) -> None:
        for total, gradient in zip(self.sums, gradients, strict=True):
            if gradient is not None:
                total.value.assign_add(tf.cast(tf.convert_to_tensor(gradient), total.dtype))

    def _update_from_sums(self) -> None:
        def on_replica() -> None:
            self._apply(
                [tf.convert_to_tensor(total.value) / self._accumulate for total in self.sums]
            )
            for total in self.sums:
                total.value.assign(tf.zeros(total.shape, total.dtype))

        self._strategy.run(on_replica)
        self._averages_follow()

    def _averages_follow(self) -> None:
        if self._average:
            self._average.update(tf.convert_to_tensor(self._optimizer.iterations.value) - 1)

    def _apply(self, gradients: list[Any]) -> None:
        optimizer = self._optimizer
        clips = optimizer.global_clipnorm or optimizer.clipvalue
        if clips and self._strategy.num_replicas_in_sync > 1:
            # Keras clips what each replica gives it and adds up after that, so each is to
            # give an equal part of the whole.
            context: Any = tf.distribute.get_replica_context()
            # A head whose part of the loss weighs nothing has none.
            known = [gradient for gradient in gradients if gradient is not None]
            means = iter(context.all_reduce(tf.distribute.ReduceOp.MEAN, known))
            gradients = [None if gradient is None else next(means) for gradient in gradients]
        optimizer.apply_gradients(zip(gradients, self._trained, strict=True))
