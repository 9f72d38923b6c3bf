"""Steps of training or validation over an iterator: one by one, or several in one graph."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import tensorflow as tf

COUNT = "examples"
"""Among sums of losses, how many examples they are of."""

Step = Callable[[Any, Any], tuple[tf.Tensor, Mapping[str, tf.Tensor], tf.Tensor]]
"""From a batch and wishes: of how many examples, the means of losses by name, what was heard."""

# Someone who waits for a person's hand, a bar, or the clock looks up again after so long.
_SECONDS = 0.1
# Of more, Python's part is no longer to be seen in any of them.
_MOST = 64


class Taken(NamedTuple):
    """What became of some steps.

    Attributes:
        steps: How many they were.
        loss: Of the last one, a float32 scalar.
        sums: Of all losses since the sums were nothing, by name, and of examples.
        waited: Seconds that they waited for batches.
    """

    steps: int
    loss: tf.Tensor
    sums: dict[str, tf.Tensor]
    waited: float


class Fused:
    """Takes steps on one device, in one graph as many as pass within a tenth of a second.

    Between two calls of a graph Python, TensorFlow's entry to it and the sums of the losses take
    a millisecond or two, which is a third of a small network's step. The graph is the same one for
    any number of steps, so that it depends on nothing how they were grouped.

    Args:
        step: To be traced.
        spec: Of the batches.
        wishes: For it; on one device nobody hears them.
    """

    def __init__(self, step: Step, spec: Any, wishes: tf.Tensor):
        self._step = step
        self._wishes = wishes
        # Of any length, since how many sums there are is known only when a step was traced.
        signature = (tf.data.IteratorSpec(spec), tf.TensorSpec([], tf.int32), tf.TensorSpec([None]))
        # TensorFlow counts the graphs made of one piece of code, and warns where the calls are few:
        # of a partial function it counts those of each by itself.
        self._taken = tf.function(partial(self._take), input_signature=signature, autograph=False)
        self._pace = 1

    @property
    def traces(self) -> int:
        """How many graphs were made of the step."""
        return self._taken.experimental_get_tracing_count()

    def take(self, iterator: Any, sums: Mapping[str, Any], most: int) -> Taken | None:
        """Takes steps.

        Args:
            iterator: Of batches.
            sums: To go on from; none of them are nothing.
            most: How many steps to take at most. There have to be batches for them; for the first
                one alone there need not be.

        Returns:
            What became of them; ``None`` if there was no batch.
        """
        count = max(1, min(self._pace, most))
        # Alike in any order that a checkpoint may have them in.
        values = [sums[name] for name in _ordered(sums)] or [0.0]
        began = time.perf_counter()
        try:
            loss, found, waited = self._taken(
                iterator, tf.constant(count), tf.stack([tf.cast(one, tf.float32) for one in values])
            )
        except tf.errors.OutOfRangeError:
            if count > 1:
                raise
            return None
        # Read before the clock is: a GPU is done later than the call.
        float(loss)
        passed = time.perf_counter() - began
        # By no more than twice: a single step may have been quick by chance.
        self._pace = max(1, min(int(_SECONDS * count / max(passed, 1e-9)), 2 * count, _MOST))
        return Taken(count, loss, found, float(waited))

    def _take(self, iterator: Any, count: tf.Tensor, sums: tf.Tensor):
        names: list[str] = []

        def body(done, sums, _, waited):
            began = tf.timestamp()
            with tf.control_dependencies([began]):
                batch = iterator.get_next()
            with tf.control_dependencies(tf.nest.flatten(batch, expand_composites=True)):
                waited += tf.timestamp() - began
            total, parts, _ = self._step(batch, self._wishes)
            names[:] = sorted(parts)
            added = tf.stack([*(tf.cast(parts[name], tf.float32) for name in names), 1.0]) * total
            return done + 1, sums + added, tf.cast(parts["loss"], tf.float32), waited

        start = (tf.constant(0), sums, tf.constant(0.0), tf.constant(0.0, tf.float64))
        _, sums, loss, waited = tf.while_loop(
            lambda done, *_: done < count,
            body,
            start,
            shape_invariants=(
                tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape([]), tf.TensorShape([]),
            ),
            # A step begins when the one before it has changed all that it changes.
            parallel_iterations=1,
        )  # fmt: skip
        found = tf.unstack(sums, len(names) + 1)
        return loss, dict(zip([*names, COUNT], found, strict=True)), waited


class OneByOne:
    """Takes steps on several devices, which tell each other of their wishes after each.

    Args:
        step: To be traced.
        spec: Of the batches. It is traced for all sizes of parts at once: were one worker to trace
            another step for a last part of its own size, its sums would wait for ever for the
            others'.
        wishes: Gives what this process wishes now.
        heard: Told what all of them wished.
    """

    def __init__(
        self,
        step: Step,
        spec: Any,
        wishes: Callable[[], tf.Tensor],
        heard: Callable[[tf.Tensor], None],
    ):
        signature = (spec, tf.TensorSpec.from_tensor(wishes()))
        self._step: Any = tf.function(step, input_signature=signature, autograph=False)
        self._wishes = wishes
        self._heard = heard

    def take(self, iterator: Any, sums: Mapping[str, Any], most: int) -> Taken | None:
        """Takes one step, as :meth:`Fused.take` takes several."""
        began = time.perf_counter()
        batch = next(iterator, None)
        waited = time.perf_counter() - began
        if batch is None:
            return None
        total, parts, heard = self._step(batch, self._wishes())
        self._heard(heard)
        # Tensors, not numbers: reading each one would wait for the device every step.
        found = {name: sums.get(name, 0.0) + value * total for name, value in parts.items()}
        found[COUNT] = sums.get(COUNT, 0.0) + total
        return Taken(1, parts["loss"], found, waited)


def _ordered(sums: Mapping[str, Any]) -> list[str]:
    return sorted(sums, key=lambda name: (name == COUNT, name))
