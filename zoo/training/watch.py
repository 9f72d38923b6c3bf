"""What a person sees while a run goes on: progress bars on a terminal, lines elsewhere."""

from collections.abc import Iterable
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Bar:
    """One running bar.

    Args:
        progress: The rich display it belongs to.
        task: Its number there.
    """

    def __init__(self, progress: Progress, task):
        self._progress = progress
        self._task = task

    def advance(self, note: str = "") -> None:
        """Moves on by one, with a short note beside the bar."""
        self._progress.update(self._task, advance=1, note=note)

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
        """Prints what was decided about the data, a line each."""
        for note in notes:
            self.say(f"  note: {note}")

    @contextmanager
    def bar(self, title: str, total: int | None = None):
        """Shows a progress bar that goes away when it is done; nothing on a non-terminal.

        Args:
            title: What is going on.
            total: How many steps there are, where known.

        Yields:
            A :class:`Bar`.
        """
        progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
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
