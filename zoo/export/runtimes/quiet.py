"""Converters write to standard output and error as they please, past Python's own streams."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_STDOUT, _STDERR = 1, 2


@contextmanager
def quietly() -> Iterator[None]:
    """Drops what is written to standard output and error, but shows it if something is raised."""
    sys.stdout.flush()
    sys.stderr.flush()
    with ExitStack() as stack:
        chatter = stack.enter_context(tempfile.TemporaryFile())
        kept = {}
        for number in (_STDOUT, _STDERR):
            kept[number] = os.dup(number)
            stack.callback(os.close, kept[number])
            os.dup2(chatter.fileno(), number)
            stack.callback(os.dup2, kept[number], number)
        try:
            yield
        except BaseException:
            chatter.seek(0)
            os.write(kept[_STDERR], chatter.read())
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
