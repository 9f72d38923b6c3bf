"""The course of a run: epochs, checkpoints, going back, the end."""

import math
import time
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.data.pipeline import Part
from zoo.errors import UserError
from zoo.training import checkpoint
from zoo.training.callbacks import Callbacks
from zoo.training.cluster import Group
from zoo.training.events import EventLog
from zoo.training.files import write_whole
from zoo.training.folder import RunFolder
from zoo.training.interrupt import Interrupt
from zoo.training.lines import back_line, epoch_line, last_line, lost_line, steps_note
from zoo.training.loop import Loop
from zoo.training.resume import restore_chosen, restore_newest
from zoo.training.samples import Samples
from zoo.training.saving import Saving
from zoo.training.session import Session
from zoo.training.watch import Watch

_RETURNS = 3
_LOWER = 0.5
# Reading a loss waits for the device: every so many steps one is looked at.
_LOOK = 50


class _StoppedError(Exception):
    """Someone asked the run to end."""


class Course:
    """A run from where it is to its end.

    Args:
        session: Network, data and recipe.
        folder: Claimed.
        watch: Told what goes on.
        interrupt: Asked after steps.
        state: Where the run is; the variables are there already.
        callbacks: Told as Keras tells them.
        group: Who trains together.
    """

    def __init__(
        self,
        session: Session,
        folder: RunFolder,
        watch: Watch,
        interrupt: Interrupt,
        state: checkpoint.Progress,
        callbacks: Callbacks,
        group: Group,
    ):
        self._group = group
        self._session = session
        self._recipe = session.recipe
        self._folder = folder
        self._watch = watch
        self._interrupt = interrupt
        self._state = state
        self._history = folder.history(state.epoch)
        self._began = time.monotonic() - state.seconds
        self._callbacks = callbacks
        callbacks.lowered = state.lowered
        self._saving = Saving(session, folder, callbacks, group)
        self._events = EventLog(folder.tensorboard) if group.is_chief else None
        self._samples = Samples(session)

    def run(self, resumed: bool) -> None:
        """Trains to the end and publishes."""
        state, recipe = self._state, self._recipe
        self._callbacks.begin()
        if resumed:
            self._callbacks.go_on(state.epoch, state.step)
        else:
            self._save()
        while state.epoch < recipe.epochs and not self._ended():
            try:
                row = self._epoch()
                better = self._close(row)
            except checkpoint.NotFiniteError:
                state = self._go_back()
                continue
            except _StoppedError:
                self._save_if_finite()
                raise KeyboardInterrupt from None
            if self._events is not None:
                self._events.write(row)
            self._watch.say(epoch_line(self._session, row, better))
        self._callbacks.end()
        self._finish()

    @property
    def _loop(self) -> Loop:
        return self._session.loop

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _time_is_up(self) -> bool:
        minutes = self._recipe.minutes
        return minutes is not None and self._seconds() >= 60 * minutes

    def _stopped_early(self) -> bool:
        patience, state, thaw = self._recipe.early_stopping, self._state, self._recipe.thaw
        # A second phase is waited for, and has as long as the first.
        since = max(state.best_epoch, thaw.epoch if thaw else 0)
        return patience is not None and state.epoch - since >= patience

    def _ended(self) -> bool:
        if self._state.step:
            # Steps were taken that no validation has seen yet.
            return False
        # However little time there is, there is an epoch to publish.
        late = self._time_is_up() and self._state.epoch > 0
        return self._group.agreed(self._stopped_early() or late or self._callbacks.stopped)

    def _save(self) -> None:
        self._state.seconds = self._seconds()
        self._saving.save(self._state)

    def _save_if_finite(self) -> None:
        try:
            self._save()
        except checkpoint.NotFiniteError:
            self._watch.say("the loss is no longer a number: what was saved before stays")

    def _epoch(self) -> dict[str, Any]:
        """Trains and validates what is left of an epoch; returns its row of the history."""
        state = self._state
        begun = self._session.phases.enter(state.epoch, state.step)
        if begun:
            self._watch.say(begun)
        loop = self._loop
        if not state.step:
            self._callbacks.epoch_begin(state.epoch)
        trained = self._train()
        if not math.isfinite(trained["loss"]):
            raise checkpoint.NotFiniteError("loss")
        # The last update shows in no loss: its epoch is not to be validated, nor told of.
        checkpoint.finite_values(loop.variables)
        seconds = self._seconds() - state.epoch_began
        pictures = state.step * self._session.pictures_a_step
        with loop.update.averaged():
            validated = self._validate()
            self._show(state.epoch + 1)
        if self._recipe.ema is not None:
            # What the average is worth shows beside the weights that it is one of.
            validated |= {f"unaveraged_{key}": value for key, value in self._validate().items()}
        return {
            "epoch": state.epoch + 1,
            **trained,
            **{f"validation_{name}": value for name, value in validated.items()},
            "learning_rate": float(np.asarray(loop.optimizer.learning_rate)),
            **loop.update.facts,
            "pictures_per_second": pictures / max(seconds, 1e-9),
            "wait_share": min(1.0, state.waited / max(seconds, 1e-9)),
            "seconds": self._seconds() - state.epoch_began,
        }

    def _train(self) -> dict[str, float]:
        state, loop = self._state, self._loop
        first, began, waited = state.step, time.monotonic(), state.waited
        # Of several workers all would have to ask for it.
        score = self._session.task.score if self._group.workers == 1 else None

        def note(loss: float) -> str:
            passed = max(time.monotonic() - began, 1e-9)
            rate = (state.step - first) * self._session.pictures_a_step / passed
            return steps_note(loop, loss, rate, loop.waited / passed, score)

        def on_steps(loss: tf.Tensor, steps: int) -> bool:
            looked = state.step // _LOOK
            state.step += steps
            state.waited = waited + loop.waited
            bar.advance(lambda: note(float(loss)), steps)
            if state.step // _LOOK > looked and not math.isfinite(float(loss)):
                raise checkpoint.NotFiniteError("loss")
            self._callbacks.batch_end(state.step - 1, loss)
            interrupted, ended, saved = loop.agreed(
                self._interrupt.noticed,
                self._time_is_up() or self._callbacks.stopped,
                self._saving.wished(),
            )
            # Before anything is saved: whoever goes on from there need not be asked to end again.
            state.ended = ended
            if interrupted:
                raise _StoppedError
            if state.step < self._session.steps and (saved or self._saving.due(state.step)):
                self._save()
            return ended

        def most() -> int:
            return 1 if self._callbacks.each_batch else self._saving.steps_until_due(state.step)

        title = f"epoch {state.epoch + 1}/{self._recipe.epochs}"
        with self._watch.bar(title, self._session.steps) as bar:
            bar.to(state.step, self._session.steps)
            epoch, step = state.epoch, self._session.steps if state.ended else state.step

            def batches(context: tf.distribute.InputContext) -> tf.data.Dataset:
                return self._session.epoch_batches(epoch, step, Part.of_context(context))

            return loop.train(batches, on_steps, state.sums if state.step else None, most)

    def _validate(self) -> dict[str, float]:
        def on_steps(loss: tf.Tensor, steps: int) -> None:
            if any(self._loop.agreed(self._interrupt.noticed)):
                raise _StoppedError

        return self._session.validate(on_steps)

    def _show(self, epoch: int) -> None:
        if self._events is None:
            return
        sheet = self._samples.draw(epoch)
        self._events.write_picture("samples", sheet, epoch)
        write_whole(self._folder.samples_file, sheet.save)

    def _close(self, row: dict[str, Any]) -> bool:
        """Ends an epoch: keeps the best weights, the history and the state."""
        state, folder = self._state, self._folder
        score = row[f"validation_{self._session.task.score}"]
        state.epoch += 1
        state.step = 0
        state.ended = False
        state.sums = {}
        state.waited = 0.0
        state.epoch_began = self._seconds()
        better = score > state.best_score
        if better:
            state.best_score, state.best_epoch = score, state.epoch
        if better or self._recipe.publish == "last":
            with self._loop.update.averaged():
                weights = checkpoint.variables_of(self._loop.network)
                checkpoint.save(folder.chosen, weights, state, write=self._group.is_chief)
        self._history.append(row)
        folder.write_history(self._history)
        # Before the state is saved: what they remember and do to the rate is a part of it.
        self._callbacks.epoch_end(state.epoch - 1, row)
        thaw = self._recipe.thaw
        if thaw is not None and state.epoch == thaw.epoch:
            # The rate of the phase that begins is another.
            self._callbacks.lowered = state.lowered = 1.0
        self._save()
        return better

    def _go_back(self) -> checkpoint.Progress:
        """Goes back to the last checkpoint and lowers the rate; returns where the run is."""
        failed = self._state
        returns = failed.returns + 1
        if returns > _RETURNS:
            raise UserError(lost_line(self._recipe, failed, _RETURNS))
        variables, epochs = self._saving.variables, self._recipe.epochs
        self._state, _ = restore_newest(self._folder, variables, epochs, self._group)
        state = self._state
        self._session.phases.enter(state.epoch, state.step)
        # On top of what it is: callbacks lower it too, and this checkpoint may know of fewer
        # returns than there were.
        lower = _LOWER ** (returns - state.returns)
        factor = lower * float(np.asarray(self._loop.rate_factor))
        self._loop.rate_factor.assign(factor)
        state.lowered *= lower
        self._callbacks.lowered = state.lowered
        self._callbacks.go_on(state.epoch, state.step)
        state.returns = returns
        self._history = self._folder.history(state.epoch)
        # What was lost is time of the run, and none of the epoch that is done again.
        lost = self._seconds() - state.seconds
        state.seconds += lost
        state.epoch_began += lost
        # Not as `_save`: the loop's sums are still those that went wrong.
        self._saving.write(state)
        self._watch.say(back_line(failed, state, factor, _RETURNS))
        return state

    def _finish(self) -> None:
        state, recipe, loop = self._state, self._recipe, self._loop
        if not self._group.is_chief:
            return
        if self._stopped_early():
            self._watch.say(f"stopped early: no better score since epoch {state.best_epoch}")
        elif self._time_is_up() and state.epoch < recipe.epochs:
            self._watch.say(f"stopped: the {recipe.minutes:g} minutes are up")
        restore_chosen(self._folder, loop.network)
        write_whole(self._folder.model_file, self._session.published().save)
        self._watch.say(last_line(self._session, state))
