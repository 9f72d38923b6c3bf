"""What a person sees while a run goes on: progress bars on a terminal, lines elsewhere."""

import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_NOTE_SECONDS = 0.25
_NOTES = 40


class _Display(Progress):
    """Bars with their notes below: beside them, 80 columns would cut the notes off."""

    def get_renderables(self) -> Iterator[RenderableType]:
        """Yields the bars and a line for each that has a note."""
        yield from super().get_renderables()
        for task in self.tasks:
            if task.fields["note"]:
                yield Text(f"  {task.fields['note']}", no_wrap=True, overflow="ellipsis")


class Bar:
    """One running bar.

    Args:
        progress: The rich display it belongs to.
        task: Its number there.
    """

    def __init__(self, progress: Progress, task):
        self._progress = progress
        self._task = task
        self._noted = float("-inf")

    def advance(self, note: Callable[[], str] | None = None, steps: int = 1) -> None:
        """Moves on.

        Args:
            note: Gives a short note to show below the bar. It is asked a few times a
                second at most, and never where nothing is shown: it may cost something.
            steps: By how many.
        """
        due = time.monotonic() - self._noted > _NOTE_SECONDS
        if note is None or self._progress.disable or not due:
            self._progress.update(self._task, advance=steps)
            return
        self._noted = time.monotonic()
        self._progress.update(self._task, advance=steps, note=note())

    def to(self, done: int, total: int) -> None:
        """Moves to ``done`` of ``total``."""
        self._progress.update(self._task, completed=done, total=total)


class Watch:
    """Tells what goes on, on standard error.

    Args:
        console: Where to; by default standard error, in colour where that is a terminal
            and ``NO_COLOR`` is not set.
        quiet: Say nothing.
    """

    def __init__(self, console: Console | None = None, quiet: bool = False):
        self.console = console or Console(stderr=True, quiet=quiet, highlight=False)
        if not self.console.is_terminal:
            # A log file has no edge to wrap at; 80 columns is what people read it in.
            self.console.width = 80

    def say(self, text: str) -> None:
        """Prints a line."""
        self.console.print(text, markup=False, soft_wrap=True)

    def notes(self, notes: Iterable[str]) -> None:
        """Prints what was decided about the data, one below the other; of very many the first.

        In a log file each is a line, to be searched; a terminal would cut words at its edge.
        """
        notes = list(notes)
        width = self.console.width if self.console.is_terminal else sys.maxsize
        for note in notes[:_NOTES]:
            lines = textwrap.wrap(
                note, width, initial_indent="  note: ", subsequent_indent="    ",
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
            self.say("\n".join(lines))
        if len(notes) > _NOTES:
            self.say(f"  and {len(notes) - _NOTES:,} more notes, in data.json of the run folder")

    @contextmanager
    def bar(self, title: str, total: int | None = None):
        """Shows a progress bar that goes away when it is done; nothing on a non-terminal.

        Args:
            title: What is going on.
            total: How many steps there are, where known.

        Yields:
            A :class:`Bar`.
        """
        progress = _Display(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        with progress:
            yield Bar(progress, progress.add_task(title, total=total, note=""))


def duration(seconds: float) -> str:
    """Returns a length of time as people say it: ``"8 s"``, ``"3 min 20 s"``, ``"2 h 5 min"``.

    Example:
        >>> duration(200)
        '3 min 20 s'
    """
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
