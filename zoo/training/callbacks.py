"""Keras' callbacks, told as ``fit`` would tell them."""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from zoo.errors import UserError
from zoo.training.remembered import Memory

if TYPE_CHECKING:
    from zoo.training.loop import Loop
    from zoo.training.session import Session


def check_callbacks(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Checks that there is what callbacks need, before a picture is read for them.

    Raises:
        UserError: If one needs a package that is not installed.
    """
    asked = any(isinstance(callback, keras.callbacks.TensorBoard) for callback in callbacks)
    if asked and importlib.util.find_spec("tensorboard") is None:
        raise UserError(
            "keras.callbacks.TensorBoard needs the package tensorboard, which is not installed; "
            "pip install tensorboard, or leave the callback out: the run folder's tensorboard/ "
            "holds the losses and metrics anyway"
        )


def _hears_batches(callback: keras.callbacks.Callback) -> bool:
    names = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
    # LambdaCallback has what it was given as an attribute, not as a method of a class.
    own = [getattr(getattr(callback, name), "__func__", None) for name in names]
    return own != [getattr(keras.callbacks.Callback, name) for name in names]


class _Rate:
    """What callbacks take for the model's optimizer: the run's, whose rate they can set.

    The rate is told and taken as if the run had never gone back from a loss that is no number: a
    callback that sets it to what it should be knows nothing of that, and would undo it.
    """

    def __init__(self, session: "Session", callbacks: "Callbacks"):
        self._session = session
        self._callbacks = callbacks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop.optimizer, name)

    @property
    def _loop(self) -> "Loop":
        # That of the phase under way.
        return self._session.loop

    @property
    def learning_rate(self) -> float:
        """The rate of the next update, but for :attr:`Callbacks.lowered`."""
        return float(np.asarray(self._loop.optimizer.learning_rate)) / self._callbacks.lowered

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        if float(rate) == self.learning_rate:
            return
        # The schedule goes on from there, all of it as much lower or higher. Where it is zero, as
        # before the first update of a warm-up, its peak becomes the rate that was asked for.
        optimizer: Any = self._loop.optimizer
        scheduled = optimizer._learning_rate.schedule(optimizer.iterations)
        of = float(np.asarray(scheduled)) or self._session.phases.peak
        self._loop.rate_factor.assign(float(rate) * self._callbacks.lowered / of)


class Callbacks:
    """A list of callbacks through the course of a run.

    ``keras.callbacks.EarlyStopping``, ``ReduceLROnPlateau``, ``LambdaCallback``,
    ``TensorBoard`` and others that look at logs, stop training, or set the learning rate. Logs
    are the rows of the history, where Keras' ``val_loss`` is ``validation_loss`` and is there
    under both names. What they remember is saved with the run, as far as
    :class:`zoo.training.remembered.Memory` can tell, and a resumed run gives it back to those of
    the same kind.

    Args:
        callbacks: Keras' or such as Keras' are.
        session: The run's.

    Attributes:
        lowered: What the run has made of the learning rate by going back, of which they do not
            know; a factor.
    """

    def __init__(self, callbacks: Sequence[keras.callbacks.Callback], session: "Session"):
        self.lowered = 1.0
        self._list: Any = None
        if not callbacks:
            return
        network: Any = session.loop.network
        network.optimizer = _Rate(session, self)
        network.stop_training = False
        self._network = network
        self._session = session
        self._memory = Memory(list(callbacks), network)
        self._list = keras.callbacks.CallbackList(
            list(callbacks),
            add_history=False,
            add_progbar=False,
            model=network,
            verbose=0,
            epochs=session.recipe.epochs,
            steps=session.steps,
        )

    @property
    def stopped(self) -> bool:
        """Whether one of them has asked to stop."""
        return self._list is not None and bool(self._network.stop_training)

    @property
    def each_batch(self) -> bool:
        """Whether one of them wants to hear of each batch."""
        return self._list is not None and any(map(_hears_batches, self._list.callbacks))

    @property
    def variables(self) -> dict[str, Any]:
        """What they remember, as a checkpoint takes it."""
        return {"callbacks/memory": self._memory} if self._list is not None else {}

    def begin(self) -> None:
        """Training begins, or is about to go on."""
        if self._list is not None:
            self._list.on_train_begin()
            self._memory.begin()

    def go_on(self, epoch: int, step: int) -> None:
        """Training goes on from a checkpoint, which :attr:`variables` were restored from.

        Args:
            epoch: Which, counted from 0.
            step: The next one in it. In the middle of an epoch they are told that it begins, as
                this process has not told them before; what comes of it is in the checkpoint.
        """
        if self._list is None:
            return
        if step:
            factor = self._session.loop.rate_factor
            saved = np.asarray(factor)
            self._list.on_epoch_begin(epoch)
            factor.assign(saved)
        self._memory.recall()

    def epoch_begin(self, epoch: int) -> None:
        """An epoch begins, counted from 0."""
        if self._list is not None:
            self._list.on_epoch_begin(epoch)

    def batch_end(self, step: int, loss: Any) -> None:
        """A step of the epoch, counted from 0, was done."""
        if self._list is not None:
            self._list.on_train_batch_begin(step)
            self._list.on_train_batch_end(step, {"loss": float(loss)})

    def epoch_end(self, epoch: int, row: Mapping[str, Any]) -> None:
        """An epoch, counted from 0, was validated."""
        if self._list is None:
            return
        logs = dict(row)
        for name, value in row.items():
            if name.startswith("validation_"):
                logs[f"val_{name.removeprefix('validation_')}"] = value
        self._list.on_epoch_end(epoch, logs)

    def end(self) -> None:
        """Training ends."""
        if self._list is not None:
            self._list.on_train_end()
