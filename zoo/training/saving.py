"""What of a run is saved, and when."""

import math
import sys
import time
from typing import Any

from zoo.training import checkpoint
from zoo.training.callbacks import Callbacks
from zoo.training.cluster import Group
from zoo.training.folder import RunFolder
from zoo.training.session import Session


class Saving:
    """Saves a run: all that its next step depends on.

    Args:
        session: Network, data and recipe.
        folder: Claimed.
        callbacks: Whose memory is a part of it.
        group: Who trains together; the first of them writes.
    """

    def __init__(self, session: Session, folder: RunFolder, callbacks: Callbacks, group: Group):
        self._session = session
        self._options = session.recipe.checkpoint
        self._folder = folder
        self._callbacks = callbacks
        self._group = group
        self._saved = time.monotonic()
        self._wished = False

    @property
    def variables(self) -> dict[str, Any]:
        """What a checkpoint holds besides how far the run has come."""
        return self._session.phases.variables | self._callbacks.variables

    def save(self, state: checkpoint.Progress) -> None:
        """Saves where the run is.

        Raises:
            NotFiniteError: If a number in it is none; nothing is written.
            OSError: If it cannot be written; what was there stays.
        """
        sums = self._session.loop.sums if state.step else {}
        if not all(map(math.isfinite, sums.values())):
            raise checkpoint.NotFiniteError("loss")
        state.sums = sums
        self.write(state)

    def write(self, state: checkpoint.Progress) -> None:
        """Saves a state as it is, whatever the loop's sums are; raises as :meth:`save` does."""
        folder, write = self._folder, self._group.is_chief
        checkpoint.save(folder.last, self.variables, state, folder.previous, write=write)
        self._saved, self._wished = time.monotonic(), False

    def due(self, step: int) -> bool:
        """Says whether so many steps are done; so many minutes are another worker's others."""
        return self._options.steps is not None and step % self._options.steps == 0

    def steps_until_due(self, step: int) -> int:
        """Returns how many steps are left, after so many, until :meth:`due` says so."""
        every = self._options.steps
        return sys.maxsize if every is None else every - step % every

    def wished(self) -> bool:
        """Says, once, that it is time."""
        minutes = self._options.minutes
        if self._wished or minutes is None or time.monotonic() - self._saved < 60 * minutes:
            return False
        self._wished = True
        return True
