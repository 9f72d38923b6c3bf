"""The phases of a run over one network: with a part of it frozen, then with all of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from zoo import models
from zoo.training.loop import Loop
from zoo.training.recipe import Recipe

# Below the first phase's: weights that were good for something else are to change a little.
_LOWER = 0.1


@contextmanager
def last_phase(recipe: Recipe, network: keras.Model) -> Iterator[None]:
    """Lets a network learn for a while what it learns in the last phase: all, if it is thawed.

    Args:
        recipe: Of the run.
        network: As :func:`zoo.training.network.training_network` returned it.
    """
    if recipe.thaw is None:
        yield
        return
    models.thaw(network)
    try:
        yield
    finally:
        models.freeze(network, recipe.model["freeze"])


class Phases:
    """The loops of a run's phases: one, or two where the recipe has ``thaw``.

    Each has an optimizer of its own. A checkpoint holds both from the first step on, so that it
    can be restored before it is known which of them it was written in.

    Args:
        recipe: Of the run.
        network: As :func:`zoo.training.network.training_network` returned it.
        make_loop: From the recipe of a phase and its epochs to its loop, for what of the network
            is trainable then.

    Attributes:
        loop: That of the phase under way.
        peak: Its learning rate's peak.
    """

    def __init__(
        self, recipe: Recipe, network: keras.Model, make_loop: Callable[[Recipe, int], Loop]
    ):
        self._recipe, self._network = recipe, network
        thaw = recipe.thaw
        self.loop = make_loop(recipe, recipe.epochs if thaw is None else thaw.epoch)
        self.peak = recipe.learning_rate
        self._loops, self._peaks = [self.loop], [self.peak]
        if thaw is not None:
            peak = thaw.learning_rate or _LOWER * recipe.learning_rate
            self._peaks.append(peak)
            second = recipe.model_copy(update={"learning_rate": peak})
            with last_phase(recipe, network):
                self._loops.append(make_loop(second, recipe.epochs - thaw.epoch))

    def enter(self, epoch: int, step: int) -> str:
        """Makes the loop and the network ready for a step.

        Args:
            epoch: Counted from 0.
            step: Of the epoch, from 0.

        Returns:
            A sentence where a phase begins with this step, else nothing.
        """
        thaw = self._recipe.thaw
        if thaw is None:
            return ""
        if epoch < thaw.epoch:
            models.freeze(self._network, self._recipe.model["freeze"])
            self.loop, self.peak = self._loops[0], self._peaks[0]
            return ""
        models.thaw(self._network)
        self.loop, self.peak = self._loops[1], self._peaks[1]
        if (epoch, step) != (thaw.epoch, 0):
            return ""
        self.loop.update.begin()
        return (
            f"thawed after epoch {epoch}: all layers are trained from here on, at a learning rate "
            f"of up to {self.peak:g}"
        )

    @property
    def variables(self) -> dict[str, Any]:
        """Everything that training changes, as a checkpoint takes it."""
        first, *others = (loop.variables for loop in self._loops)
        return first | {
            f"thawed/{name}": variable
            for found in others
            for name, variable in found.items()
            # The network is one.
            if not name.startswith("network/")
        }
